"""Change plan, cycle or seats of a subscription that is paid by invoice: shown first, then done to the cent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from payments.models import Invoice
from subscriptions import queries, quoting
from subscriptions.actions import billing, moving, renewing, subscribing
from subscriptions.errors import (
    NothingToCredit,
    NotSubscribed,
    NotWhileEnding,
    NotWhilePaused,
    NotWhileUnpaid,
    PreviewOutdated,
)
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import LIVE
from subscriptions.quoting import NOW, Quote, Target

Status = Subscription.Status


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; None is left as it is. `when` None: as `quoting.quote` has it."""

    plan_code: str | None = None
    cycle: str | None = None
    seats: int | None = None
    when: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """`state` names what the subscription was when it was reckoned."""

    subscription: Subscription
    quote: Quote
    state: str


def preview_change(*, subscription_id: UUID, wish: Wish, actor: Actor, now: datetime) -> Preview:
    """What the change would cost now. Nothing of it stays.

    Raises what `change_subscription` raises.
    """
    with transaction.atomic():
        subscription = moving.locked(subscription_id)
        renewing.catch_up(subscription, actor=actor, now=now)
        found = Preview(subscription, _quote(subscription, wish, now), state_of(subscription))
        transaction.set_rollback(True)
    return found


@transaction.atomic
def change_subscription(
    *, subscription_id: UUID, wish: Wish, actor: Actor, now: datetime, instant: datetime | None = None, state: str = ""
) -> tuple[Subscription, Invoice | None]:
    """Make it so; returns the invoice that was issued, if there is something to pay.

    1. Lock, and do what was due before.
    2. Reckon as of `instant`, the preview's: the same sum over the same facts. Where the subscription is another than
       in `state` the preview does not hold any more.
    3. Issue the invoice of the difference, or credit it on what was billed; then the new terms hold, or are noted for
       the period's end.
    Raises NothingChanges, UnknownPlan, TooFewSeats, TooManySeats, SeatsFallAtRenewal, NothingToCredit,
    PaymentInProgress, PreviewOutdated, NotWhilePaused, NotWhileUnpaid, NotWhileEnding.
    """
    subscription = moving.locked(subscription_id)
    renewing.catch_up(subscription, actor=actor, now=now)
    if state and state != state_of(subscription):
        raise PreviewOutdated
    quote = _quote(subscription, wish, instant or now)
    invoice = _settle(subscription, quote, actor, now)
    if quote.when == NOW:
        _hold_at_once(subscription, quote, now)
    else:
        subscription.pending_price, subscription.pending_seats = quote.target.price, quote.target.seats
        subscription.pending_at = quote.effective_at
    subscription.billed_until = quote.next_at
    subscription.save()
    return subscription, invoice


def state_of(subscription: Subscription) -> str:
    """Another word for each state in which a change would cost something else.

    Terms count by their instant, of which each has its own, and not by their id: what a preview puts in force, because
    it is due by then, does not stay, and is there with another id when the change is made.
    """
    terms = subscription.terms.latest("effective_from")
    facts = (
        subscription.id,
        subscription.status,
        terms.effective_from,
        subscription.period_end,
        subscription.billed_until,
        subscription.pending_price_id,
        subscription.pending_seats,
        subscription.pending_at,
        subscription.tenant.tax_percent,
    )
    return hashlib.sha256("|".join(map(str, facts)).encode()).hexdigest()[:24]


def check_changeable(subscription: Subscription) -> None:
    """Raises NotSubscribed, NotWhilePaused, NotWhileUnpaid, NotWhileEnding."""
    if subscription.status not in LIVE:
        raise NotSubscribed
    if subscription.status == Status.PAUSED:
        raise NotWhilePaused
    if subscription.status == Status.UNPAID:
        raise NotWhileUnpaid
    if subscription.cancel_at_period_end:
        raise NotWhileEnding


def target_of(subscription: Subscription, wish: Wish, instant: datetime) -> Target:
    """What is asked for, as a price and seats. Raises UnknownPlan, TooFewSeats, TooManySeats."""
    current = quoting.current_target(subscription, instant)
    price = _price(subscription, current.price, wish)
    target = Target(price, current.seats if wish.seats is None else wish.seats)
    subscribing.check_terms(subscription.tenant, target.price, target.seats)
    return target


def _quote(subscription: Subscription, wish: Wish, instant: datetime) -> Quote:
    check_changeable(subscription)
    return quoting.quote(subscription, target_of(subscription, wish, instant), when=wish.when, instant=instant)


def _price(subscription: Subscription, current: PlanPrice, wish: Wish) -> PlanPrice:
    """Who stays on a plan stays on its version, also in another cycle; another plan comes in its newest."""
    cycle = wish.cycle or current.billing_cycle
    if wish.plan_code in (None, current.version.plan.code):
        return queries.price_of(current.version, cycle, subscription.currency)
    return queries.price_for(subscription.tenant, str(wish.plan_code), cycle, subscription.currency)


def _settle(subscription: Subscription, quote: Quote, actor: Actor, now: datetime) -> Invoice | None:
    if quote.total_minor < 0:
        wanted, why = -quote.total_minor, "Change of the subscription"
        if billing.credit_back(subscription, wanted, since=quote.period[0], reason=why, actor=actor, now=now) < wanted:
            raise NothingToCredit
        return None
    return billing.bill_change(subscription, quote.lines, quote.period, actor=actor, now=now)


def _hold_at_once(subscription: Subscription, quote: Quote, now: datetime) -> None:
    if quote.restarts:
        moving.enter(subscription, quote.period)
        subscription.anchor_at = quote.period[0]
    moving.put_on_terms(subscription, quote.target.price, quote.target.seats, now)
    moving.forget_pending(subscription)
