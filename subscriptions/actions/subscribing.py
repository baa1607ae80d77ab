"""Put a tenant on a plan."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from billing_portal.tenants.models import Tenant
from payments import queries as money
from payments.actions.history import note_move
from payments.errors import CurrencyMismatch
from subscriptions.errors import AlreadySubscribed
from subscriptions.models import PlanPrice, Subscription, SubscriptionTerms
from subscriptions.models.subscription import Engine


@transaction.atomic
def start_subscription(*, tenant: Tenant, price: PlanPrice, seats: int, actor: Actor, now: datetime) -> Subscription:
    """Start on the `invoice` engine, active at once; the anchor is `now`.

    The first subscription sets the tenant's billing currency. Raises AlreadySubscribed (one live one per tenant, held
    by the database), CurrencyMismatch, BadInput (too few seats, a plan that isn't sold by invoice).
    """
    locked = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
    if seats < price.minimum_seats:
        raise BadInput(f"This plan starts at {price.minimum_seats} seats.", code="too_few_seats", field="seats")
    if not price.version.by_invoice:
        raise BadInput("This plan can't be paid by invoice.", code="not_by_invoice", field="planType")
    _set_currency(locked, price.currency)
    tenant.currency = locked.currency
    try:
        with transaction.atomic():
            subscription = Subscription.objects.create(
                tenant=locked,
                status=Subscription.Status.ACTIVE,
                engine=Engine.INVOICE,
                currency=price.currency,
                anchor_at=now,
                started_at=now,
            )
    except IntegrityError as error:
        if "subscription_one_live" in str(error):
            raise AlreadySubscribed from error
        raise
    SubscriptionTerms.objects.create(
        tenant=locked, subscription=subscription, effective_from=now, price=price, seats=seats
    )
    note_move(
        "subscription",
        tenant_id=locked.id,
        subject_id=subscription.id,
        old=None,
        new=subscription.status,
        actor=actor,
        at=now,
        reason="started",
    )
    return subscription


def _set_currency(tenant: Tenant, currency: str) -> None:
    """Fixed while anything is open or credit is left in another currency."""
    if other := money.open_in_other_currencies(tenant, currency):
        raise CurrencyMismatch(asked=currency, billed=other)
    if tenant.currency != currency:
        tenant.currency = currency
        tenant.save(update_fields=["currency"])
