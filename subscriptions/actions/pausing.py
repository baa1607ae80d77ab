"""Pause a subscription that is paid by invoice, and go on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from payments.models import Invoice
from subscriptions import queries, spans
from subscriptions.actions import billing, ending, moving, renewing
from subscriptions.errors import NotSubscribed, NotWhileEnding, NotWhileUnpaid
from subscriptions.models import Subscription
from subscriptions.models.subscription import LIVE

Status = Subscription.Status


@transaction.atomic
def pause_subscription(*, subscription_id: UUID, reason: str = "", actor: Actor, now: datetime) -> Subscription:
    """Bill nothing more until it is resumed. Paused before: as it is. What is paid for can be used to its end.

    Raises NotSubscribed (it has ended), NotWhileEnding, NotWhileUnpaid, PaymentInProgress (of the next period's
    invoice).
    """
    subscription = moving.locked(subscription_id)
    renewing.catch_up(subscription, actor=actor, now=now)
    if subscription.status not in LIVE:
        raise NotSubscribed("This subscription has ended. Start a new one.")
    if subscription.cancel_at_period_end:
        raise NotWhileEnding
    if subscription.status == Status.UNPAID:
        raise NotWhileUnpaid
    if subscription.status != Status.PAUSED:
        ending.credit_ahead(subscription, actor=actor, now=now)
        moving.move(subscription, Status.PAUSED, actor=actor, now=now, reason=reason or "paused")
        subscription.paused_at = now
    subscription.save()
    return subscription


@transaction.atomic
def resume_subscription(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """Go on after a pause; a cancellation that has not taken effect is taken back. Neither: as it is.

    Raises NotSubscribed (it has ended).
    """
    subscription = moving.locked(subscription_id)
    if subscription.status != Status.PAUSED:
        return ending.keep_subscription(subscription_id=subscription_id, actor=actor, now=now)
    go_on(subscription, reason="resumed", actor=actor, now=now)
    subscription.save()
    return subscription


def go_on(subscription: Subscription, *, reason: str, actor: Actor, now: datetime) -> Invoice | None:
    """Into the state that it is in without the pause. Where what is billed has run out meanwhile, a new period begins
    now, on the terms that were agreed last, and is billed; where the next one was credited, it is billed again.

    In the caller's transaction, under the locks of `moving.locked`; the caller saves.
    """
    assert subscription.period_end
    subscription.paused_at = None
    if subscription.trial_end and subscription.trial_end > now:
        moving.move(subscription, Status.TRIALING, actor=actor, now=now, reason=reason)
        return None
    moving.move(subscription, Status.ACTIVE, actor=actor, now=now, reason=reason)
    if subscription.period_end > now:
        return ending.bill_again(subscription, actor=actor, now=now)
    if subscription.billed_until and subscription.billed_until > now:
        renewing.catch_up(subscription, actor=actor, now=now)
        return None
    terms = queries.current_terms(subscription, now)
    price, seats = terms.price, terms.seats
    if subscription.pending_price and subscription.pending_seats:
        price, seats = subscription.pending_price, subscription.pending_seats
    period = spans.first_span(now, subscription.tenant.zone, price.billing_cycle)
    moving.enter(subscription, period)
    subscription.anchor_at = now
    if subscription.pending_price:
        moving.put_on_terms(subscription, price, seats, now)
        moving.forget_pending(subscription)
    return billing.bill_period(subscription, price, seats, period, actor=actor, now=now)
