"""Bring a subscription that is paid by invoice up to date: trials that end, periods that begin and are billed."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from billing_portal.kit.actors import Actor
from billing_portal.kit.periods import Span
from payments.models import Invoice
from subscriptions import queries, spans
from subscriptions.actions import billing, moving
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import LIVE, Engine

Status = Subscription.Status
# Their periods are billed. The others wait: for whoever paused them, or for what is open to be paid.
BILLED = (Status.ACTIVE, Status.PAST_DUE)


@transaction.atomic
def renew(*, subscription_id: UUID, actor: Actor, now: datetime) -> list[Invoice]:
    """Do what is due by `now`, in the order of time; returns the invoices that were issued. Nothing due: nothing.

    1. Lock the tenant and the subscription: of two at once the second finds that nothing is left to do.
    2. Where the period has ended: a trial becomes a paid subscription, a cancellation takes effect, what was agreed
       for the period's end comes into force, and the next period begins where this one ended.
    3. Bill the next period some days before it begins, on the terms it will have.
    4. Again, until nothing is due: a worker that was away for months bills each period as one of its own.
    """
    subscription = moving.locked(subscription_id)
    issued = catch_up(subscription, actor=actor, now=now)
    subscription.save()
    return issued


def catch_up(subscription: Subscription, *, actor: Actor, now: datetime) -> list[Invoice]:
    """`renew` for a caller that holds the locks, and saves: before anything is changed, what was due before is done."""
    issued: list[Invoice] = []
    if subscription.engine != Engine.INVOICE:
        return issued
    while subscription.status in LIVE and (invoices := _step(subscription, actor, now)) is not None:
        issued += invoices
    return issued


def due(now: datetime) -> QuerySet[Subscription]:
    """Those that `renew` may find something to do for, longest due first."""
    ahead = now + lead()
    return Subscription.objects.filter(
        Q(period_end__lte=now) | Q(billed_until__lte=ahead, status__in=BILLED, cancel_at_period_end=False),
        engine=Engine.INVOICE,
        status__in=LIVE,
    ).order_by("period_end")


def lead() -> timedelta:
    """How long before a period begins it is billed."""
    return timedelta(days=settings.RENEWAL_INVOICE_DAYS)


def next_terms(subscription: Subscription, start: datetime) -> tuple[PlanPrice, int]:
    """What a period that begins at `start` is billed by: what was agreed for then, else what is in force."""
    if subscription.pending_price and subscription.pending_at and subscription.pending_at <= start:
        assert subscription.pending_seats is not None
        return subscription.pending_price, subscription.pending_seats
    terms = queries.current_terms(subscription, start)
    return terms.price, terms.seats


def next_period(subscription: Subscription, start: datetime) -> Span:
    """The period that begins at `start`. Another cycle counts from there; the first after a trial from its end."""
    price, _ = next_terms(subscription, start)
    zone = subscription.tenant.zone
    if start == subscription.anchor_at or _changes_cycle(subscription, price):
        return spans.first_span(start, zone, price.billing_cycle)
    return spans.span_after(subscription.anchor_at, zone, price.billing_cycle, start)


def _step(subscription: Subscription, actor: Actor, now: datetime) -> list[Invoice] | None:
    """One thing that is due, and its invoices; None when nothing is. A period ends once the next one is billed, where
    there is a next one."""
    assert subscription.billed_until and subscription.period_end
    bills = subscription.status in BILLED and not subscription.cancel_at_period_end
    if subscription.period_end <= now and not (bills and subscription.billed_until <= subscription.period_end):
        return _end_period(subscription, actor, now)
    start = subscription.billed_until
    if not bills or start - lead() > now:
        return None
    price, seats = next_terms(subscription, start)
    period = next_period(subscription, start)
    invoice = billing.bill_period(subscription, price, seats, period, actor=actor, now=now)
    return [invoice] if invoice else []


def _end_period(subscription: Subscription, actor: Actor, now: datetime) -> list[Invoice] | None:
    """The period that ran is over."""
    assert subscription.period_end
    ended = subscription.period_end
    if subscription.cancel_at_period_end:
        reason = subscription.cancel_reason or "canceled at the end of its period"
        moving.end(subscription, ended, actor=actor, now=now, reason=reason)
        return []
    if subscription.status == Status.TRIALING:
        moving.move(subscription, Status.ACTIVE, actor=actor, now=now, reason="the trial ended")
        return []
    if subscription.status not in BILLED:
        return None
    period = next_period(subscription, ended)
    price, seats = next_terms(subscription, ended)
    moving.enter(subscription, period)
    if _changes_cycle(subscription, price):
        subscription.anchor_at = ended
    if subscription.pending_at and subscription.pending_at <= ended:
        moving.put_on_terms(subscription, price, seats, ended)
        moving.forget_pending(subscription)
    return []


def _changes_cycle(subscription: Subscription, price: PlanPrice) -> bool:
    assert subscription.period_end
    before = queries.current_terms(subscription, subscription.period_end - timedelta(microseconds=1))
    return before.price.billing_cycle != price.billing_cycle
