"""Move a subscription from one state to another, or onto other terms: called by every verb that does."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.periods import Span
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from payments.actions import balance
from payments.actions.history import note_move
from subscriptions import discounts
from subscriptions.models import PlanPrice, Subscription, SubscriptionTerms
from subscriptions.models.subscription import LIVE, SUBSCRIPTION_MOVES


def locked(subscription_id: UUID) -> Subscription:
    """The subscription, with its tenant and what the tenant's credit came from, locked in the order of everybody who
    bills: the tenant first, payments before any invoice. In the caller's transaction."""
    tenant_id, currency = Subscription.objects.values_list("tenant_id", "currency").get(id=subscription_id)
    tenant = Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)
    balance.lock_sources(tenant_id=tenant_id, currency=currency)
    subscription = Subscription.objects.select_for_update(no_key=True, of=("self",)).get(id=subscription_id)
    subscription.tenant = tenant
    return subscription


def move(
    subscription: Subscription, new: str, *, actor: Actor, now: datetime, reason: str = "", is_told: bool = True
) -> None:
    """Into `new`, with its history and, if it `is_told`, its notice. The caller saves. In it already: nothing. Raises
    IllegalMove."""
    old = subscription.status
    if old == new:
        return
    SUBSCRIPTION_MOVES.check(old, new)
    subscription.status = new
    note_alive(subscription, now)
    note_move(subscription, old, actor=actor, at=now, reason=reason)
    if not is_told:
        return
    outbox.write(
        topic="subscription.moved",
        payload={"subscriptionId": str(subscription.id), "from": old, "to": new},
        tenant=subscription.tenant,
        now=now,
        dedupe_key=f"subscription.moved:{subscription.id}:{old}:{new}:{now.isoformat()}",
    )


def note_alive(subscription: Subscription, now: datetime) -> None:
    """The first time that it lives; the caller saves."""
    if subscription.status in LIVE and subscription.came_alive_at is None:
        subscription.came_alive_at = now


def tell(subscription: Subscription, what: str, *, now: datetime, once: str = "") -> None:
    """Leave a notice of something that is no change of state, in the caller's transaction; with `once`, what it is
    about, only the first time."""
    outbox.write(
        topic=f"subscription.{what}",
        payload={"subscriptionId": str(subscription.id)},
        tenant=subscription.tenant,
        now=now,
        dedupe_key=f"subscription.{what}:{subscription.id}:{once or now.isoformat()}",
    )


def end(subscription: Subscription, at: datetime, *, actor: Actor, now: datetime, reason: str) -> None:
    """Canceled as of `at`. What was agreed for later is forgotten; the caller saves."""
    move(subscription, Subscription.Status.CANCELED, actor=actor, now=now, reason=reason)
    subscription.ended_at = at
    subscription.cancel_at_period_end, subscription.ends_there_since = False, None
    forget_pending(subscription)


@transaction.atomic
def end_unbegun(*, subscription_id: UUID, reason: str, actor: Actor, now: datetime) -> Subscription:
    """It never came alive: nothing was charged. One that lives, or has ended, is as it is."""
    subscription = locked(subscription_id)
    if subscription.status in (Subscription.Status.INCOMPLETE, Subscription.Status.APPROVAL_PENDING):
        end(subscription, now, actor=actor, now=now, reason=reason)
        subscription.save()
    return subscription


def put_on_terms(subscription: Subscription, price: PlanPrice, seats: int, since: datetime) -> SubscriptionTerms:
    """Other terms from `since` on; the same as before write nothing. Two at one instant: the later one counts."""
    latest = subscription.terms.select_related("price").latest("effective_from")
    if (latest.price_id, latest.seats) == (price.id, seats):
        return latest
    return SubscriptionTerms.objects.create(
        tenant_id=subscription.tenant_id,
        subscription=subscription,
        effective_from=max(since, latest.effective_from + timedelta(microseconds=1)),
        price=price,
        seats=seats,
    )


def enter(subscription: Subscription, period: Span) -> None:
    """That period runs now, and counts for the coupon; the caller saves. Called before anchor or terms are other ones:
    how many periods were billed is read from what it was until now."""
    subscription.coupon_cycle = discounts.cycle_from(subscription, period[0])
    subscription.period_start, subscription.period_end = period


def forget_pending(subscription: Subscription) -> None:
    subscription.pending_price = subscription.pending_seats = subscription.pending_at = None
