"""Cancel a subscription that is paid by invoice, now or at its period's end, and take that back."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from payments.models import Invoice
from subscriptions import quoting
from subscriptions.actions import billing, moving, renewing
from subscriptions.discounts import discount_from
from subscriptions.drafting import period_lines
from subscriptions.errors import NotSubscribed
from subscriptions.models import Subscription
from subscriptions.models.subscription import LIVE

log = logging.getLogger(__name__)

Status = Subscription.Status
# How an invoice for time that will not come says why it is credited.
NOT_TO_COME = "The subscription ends before this period"


@transaction.atomic
def cancel_subscription(
    *, subscription_id: UUID, at_period_end: bool = True, reason: str = "", actor: Actor, now: datetime
) -> Subscription:
    """End it, or say that it ends with its period. Said or done before: as it is.

    1. Lock, and do what was due before.
    2. What was billed for periods that will not come is credited: an open invoice asks for nothing more of it, of a
       paid one it becomes credit. Time that has begun is not given back.
    3. At once: it is canceled, and nothing may be used from now on. At the period's end: noted, and until then it can
       be taken back.
    Raises PaymentInProgress (of an invoice that is to be credited).
    """
    subscription = moving.locked(subscription_id)
    if subscription.status == Status.CANCELED:
        return subscription
    renewing.catch_up(subscription, actor=actor, now=now)
    if subscription.status not in LIVE:
        subscription.save()
        return subscription
    if subscription.cancel_at_period_end and at_period_end:
        subscription.save()
        return subscription
    credit_ahead(subscription, actor=actor, now=now)
    subscription.cancel_reason = reason[:200]
    if at_period_end and subscription.period_end and subscription.period_end > now:
        subscription.cancel_at_period_end = True
        moving.forget_pending(subscription)
        moving.tell(subscription, "ending", now=now)
    else:
        moving.end(subscription, now, actor=actor, now=now, reason=reason or "canceled")
    subscription.save()
    return subscription


@transaction.atomic
def keep_subscription(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """Take back that it ends with its period. Never said: as it is. Raises NotSubscribed (it has ended).

    A period that was billed and credited meanwhile is billed again: its own invoice exists, so this is another one.
    """
    subscription = moving.locked(subscription_id)
    renewing.catch_up(subscription, actor=actor, now=now)
    if subscription.status not in LIVE:
        raise NotSubscribed("This subscription has ended. Start a new one.")
    if subscription.cancel_at_period_end:
        subscription.cancel_at_period_end, subscription.cancel_reason = False, ""
        bill_again(subscription, actor=actor, now=now)
        moving.tell(subscription, "kept", now=now)
    subscription.save()
    return subscription


def credit_ahead(subscription: Subscription, *, actor: Actor, now: datetime) -> None:
    """Credit what was billed for periods after the one that runs, as far as our invoices have so much. What was billed
    for nothing, by a coupon, is not billed then either. Raises PaymentInProgress."""
    assert subscription.period_end
    ahead = quoting.billed_ahead(subscription, now)
    credited = billing.credit_back(
        subscription, ahead, since=subscription.period_end, reason=NOT_TO_COME, actor=actor, now=now
    )
    if credited:
        log.info("subscription %s: %d credited of what was billed ahead", subscription.id, credited)
    if credited or not ahead:
        subscription.billed_until = subscription.period_end


def bill_again(subscription: Subscription, *, actor: Actor, now: datetime) -> Invoice | None:
    """Bill the next period a second time, where its own invoice was credited; else it is billed when its time comes."""
    start = subscription.period_end
    assert start
    before = Invoice.objects.filter(
        subscription_ref=subscription.id, provider=None, period_start=start, billing_reason=Invoice.Reason.PERIOD
    )
    is_billed = subscription.billed_until is not None and subscription.billed_until > start
    if is_billed or not before.exclude(status=Invoice.Status.VOID).exists():
        return None
    price, seats = renewing.next_terms(subscription, start)
    period = renewing.next_period(subscription, start)
    lines = period_lines(price, seats, period, discount_from(subscription, start))
    subscription.billed_until = period[1]
    return billing.bill_change(subscription, lines, period, actor=actor, now=now)
