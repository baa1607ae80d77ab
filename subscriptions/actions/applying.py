"""Write down what was read of a subscription at its provider: its state, its period and its terms."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.kit.periods import Span
from payments.actions.discrepancies import report_discrepancy
from payments.models import Discrepancy
from payments.naming import provider_name
from payments.providers.recurring import RecurringFacts
from subscriptions.actions import agreeing, ending_there, moving, pricing, spanning
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import BEGUN, LIVE, SUBSCRIPTION_MOVES, Engine
from subscriptions.quoting import Target

log = logging.getLogger(__name__)

Status = Subscription.Status
# What staff are told of one that ran and must not.
CAME_ALIVE = "came alive"


@transaction.atomic
def apply(*, subscription_id: UUID, facts: RecurringFacts, actor: Actor, now: datetime) -> Subscription:
    """The row as it is then. Raises IntegrityError (subscription_one_live) where another one runs."""
    subscription = moving.locked(subscription_id)
    if subscription.status == Status.CANCELED and facts.status in LIVE:
        return subscription  # it ended here after this was read: the next read ends it there, too
    subscription.provider_ref = facts.provider_ref
    status = _status(subscription, facts)
    start, end = subscription.period_start, subscription.period_end
    before = (start, end) if start and end else None
    agreed = _agreed(subscription, facts, status, before, now)
    _take_period(subscription, facts, status, before, agreed, now)
    if facts.trial_end:
        subscription.trial_end = facts.trial_end
    if status == Status.TRIALING and subscription.trial_start is None:
        subscription.trial_start = subscription.started_at
        subscription.period_start = subscription.period_start or subscription.started_at
        subscription.period_end = subscription.period_end or facts.trial_end
    if status in LIVE and subscription.status in BEGUN:
        subscription.cancel_reason = ""  # it was to be given up, and has come alive all the same
    if status in LIVE:
        ending_there.take_word(subscription, ends=facts.cancel_at_period_end, now=now)
        _take_terms(subscription, facts, now)
    if agreed and (status in LIVE or before):
        agreeing.take_agreed(subscription, agreed, status=status, before=before, paid=facts.paid, now=now)
    if status != subscription.status:
        if SUBSCRIPTION_MOVES.allows(subscription.status, status):
            _move(subscription, status, facts, actor, now)
        else:
            log.warning("subscription %s is %s, the provider says %s", subscription.id, subscription.status, status)
    subscription.save()
    return subscription


def _agreed(
    subscription: Subscription, facts: RecurringFacts, status: str, before: Span | None, now: datetime
) -> Target | None:
    """What PayPal's payer has agreed to last. None of one that has ended here before, or that is read from long ago."""
    if subscription.engine != Engine.PAYPAL or (status not in LIVE and subscription.status not in LIVE):
        return None
    if before and spanning.is_older(before, facts):
        return None
    price = _price(subscription, facts.price_ref, facts, now)
    return Target(price, facts.seats) if price else None


def _take_period(
    subscription: Subscription,
    facts: RecurringFacts,
    status: str,
    before: Span | None,
    agreed: Target | None,
    now: datetime,
) -> None:
    """Stripe counts on through a pause, and bills nothing: what was paid for still ends when it would have."""
    period = facts.period
    if period and before and subscription.engine == Engine.PAYPAL:
        period = _by_paypal(subscription, before, period, facts, agreed, now)
    elif status == subscription.status == Status.PAUSED:
        period = before
    if period:
        subscription.period_start, subscription.period_end = period


def _by_paypal(
    subscription: Subscription,
    before: Span,
    read: Span,
    facts: RecurringFacts,
    agreed: Target | None,
    now: datetime,
) -> Span:
    if subscription.status == Status.CANCELED or spanning.is_older(before, facts):
        return before
    if not facts.is_counted:
        return spanning.running_period(before, read, now)
    charged = agreeing.charged(subscription, agreed, facts.paid) if agreed else None
    return spanning.counted_period(
        before,
        read,
        paid_at=facts.paid_at,
        by=agreed.price.billing_cycle if agreed else None,
        charged=charged.price.billing_cycle if charged else None,
        anchor=subscription.anchor_at,
        now=now,
    )


def _status(subscription: Subscription, facts: RecurringFacts) -> str:
    """PayPal has one word for what was paused and for what it gave up to charge: we know which we asked for. What ends
    with its period is held there, and goes on here until then."""
    if facts.status != Status.PAUSED or subscription.engine != Engine.PAYPAL:
        return facts.status
    if subscription.cancel_at_period_end:
        return subscription.status
    return Status.PAUSED if subscription.paused_at else Status.UNPAID


def _move(subscription: Subscription, status: str, facts: RecurringFacts, actor: Actor, now: datetime) -> None:
    reason = f"by {provider_name(subscription.engine)}"
    if status != Status.CANCELED:
        moving.move(subscription, status, actor=actor, now=now, reason=reason)
        if status != Status.PAUSED and subscription.engine != Engine.PAYPAL:
            # By PayPal it says who asked for that: read before the pause and written after it, it must not be lost.
            subscription.paused_at = None
        return
    ended = facts.ended_at or now
    if subscription.engine == Engine.PAYPAL and subscription.status in LIVE and subscription.period_end:
        # PayPal knows no end of a period: what was paid for can be used to its end.
        ended = max(ended, subscription.period_end)
    moving.end(subscription, ended, actor=actor, now=now, reason=subscription.cancel_reason or reason)


def _take_terms(subscription: Subscription, facts: RecurringFacts, now: datetime) -> None:
    """What it is charged by now, and what it changes to at its period's end; by PayPal `agreeing` tells."""
    if subscription.engine == Engine.PAYPAL:
        return
    price = _price(subscription, facts.price_ref, facts, now)
    if price:
        moving.put_on_terms(subscription, price, facts.seats, now)
    moving.forget_pending(subscription)
    if facts.changes_at:
        reference, seats, at = facts.changes_at
        subscription.pending_price = _price(subscription, reference, facts, now)
        if subscription.pending_price:
            subscription.pending_seats, subscription.pending_at = seats, at


def _price(subscription: Subscription, reference: str, facts: RecurringFacts, now: datetime) -> PlanPrice | None:
    """Ours; staff hear of one that none of our plans has."""
    price = pricing.price_behind(reference, subscription.engine, livemode=subscription.livemode)
    if price is None:
        detail = f"It is charged by a price that none of our plans has: {reference}."
        tell_staff(subscription, facts, f"price {reference}", detail, now, provider=subscription.engine)
    return price


def tell_staff(
    subscription: Subscription | None, facts: RecurringFacts, found: str, detail: str, now: datetime, *, provider: str
) -> None:
    """Of what no rule can mend; told again it is one row. `found` names it in a word or two: whoever has seen to one
    thing of a subscription has not seen the next."""
    report_discrepancy(
        kind=Discrepancy.Kind.STATE_DIFFERS,
        provider=provider,
        provider_ref=f"{facts.provider_ref}: {found}",
        amount=Money.zero(subscription.currency if subscription else "usd"),
        detail=detail,
        tenant=subscription.tenant if subscription else None,
        now=now,
    )
