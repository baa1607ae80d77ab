"""A house: a tenant with one of everything that has an id, and which value in a path names which of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.routes import Route
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.customers import customer_for
from payments.actions.saving_methods import sync_methods
from payments.models import Invoice, Payment, PaymentMethod
from subscriptions.models import Subscription, SubscriptionTerms


@dataclass
class House:
    """A tenant with one of everything that has an id."""

    tenant: Tenant
    invoice: Invoice
    payment: Payment
    method: PaymentMethod
    # Made at PayPal, and paid.
    order: Payment
    # By PayPal, and ended before the one that runs.
    agreement: Subscription
    # By a card that its bank wanted confirmed, and given up.
    begun: Subscription


def house(slug: str, stripe: StripeWorld | None = None) -> House:
    """With `stripe` on its card is saved there too; without, it is a row of a time when Stripe was on."""
    tenant = world.subscribed(slug=slug)
    invoice = world.overage_invoice(tenant)
    recorder = world.user(f"recorder-{slug}@portal.example", staff=True, groups=("finance",))
    check = world.check_for(tenant, 500, recorder, invoice=invoice)
    agreement, begun = (_ended(tenant, engine) for engine in ("paypal", "stripe"))
    return House(tenant, invoice, check, _card(tenant, stripe), _order(tenant), agreement, begun)


def _card(tenant: Tenant, stripe: StripeWorld | None) -> PaymentMethod:
    if stripe is None:
        return PaymentMethod.objects.create(
            tenant=tenant,
            provider="stripe",
            livemode=False,
            provider_ref=f"pm_{tenant.slug}",
            type="card",
            created_at=world.START,
        )
    stripe.saved_method(customer_for(tenant=tenant, provider=stripe.provider, now=world.START).provider_ref)
    return sync_methods(tenant=tenant, now=world.START)[0]


def _ended(tenant: Tenant, engine: str) -> Subscription:
    began, runs = world.START - timedelta(days=60), Subscription.objects.get(tenant=tenant, ended_at=None)
    ended = Subscription.objects.create(
        tenant=tenant,
        status=Subscription.Status.CANCELED,
        engine=engine,
        currency="usd",
        anchor_at=began,
        started_at=began,
        came_alive_at=began,
        ended_at=began + timedelta(days=30),
        provider_ref=f"{'I-' if engine == 'paypal' else 'sub_'}{tenant.slug.upper()}",
    )
    terms = runs.terms.get()
    SubscriptionTerms.objects.create(
        tenant=tenant, subscription=ended, effective_from=began, price=terms.price, seats=1
    )
    return ended


def _order(tenant: Tenant) -> Payment:
    return Payment.objects.create(
        tenant=tenant,
        amount_minor=500,
        currency="usd",
        status=Payment.Status.SUCCEEDED,
        provider="paypal",
        provider_ref=f"ORDER-{tenant.slug}",
        method=Payment.Method.PAYPAL,
        created_at=world.START,
        updated_at=world.START,
        succeeded_at=world.START,
    )


# The name of a value in a path → the object of a house that it names.
OBJECTS: dict[str, Callable[[House], Any]] = {
    "invoice_id": lambda house: house.invoice.id,
    "line_id": lambda house: house.invoice.lines.get().id,
    "payment_id": lambda house: house.payment.id,
    "method_id": lambda house: house.method.id,
    "method_ref": lambda house: house.method.provider_ref,
    "order_id": lambda house: house.order.provider_ref,
    "begun_id": lambda house: house.begun.id,
    "subscription_id": lambda house: house.agreement.provider_ref,
}
# Pages that learn from their query which object they are about: the path's name → what stands there.
QUERIES: dict[str, Callable[[House], dict[str, str]]] = {
    name: lambda house: {"token": str(house.order.provider_ref)}
    for name in ("paypal-return-page", "paypal-cancel-page")
} | {
    name: lambda house: {"subscription_id": str(house.agreement.provider_ref)}
    for name in (
        "subscription-paypal-return-page",
        "subscription-paypal-cancel-page",
        "subscription-change-return-page",
        "subscription-change-cancel-page",
    )
}
# Ids that a provider gave, and how it spells them: their case matters, and one that does not exist is no UUID.
PROVIDERS_OWN = {"method_ref": "pm_{}", "order_id": "{}", "subscription_id": "I-{}"}
# Values in paths that name no tenant's object.
NO_OBJECTS: set[str] = set()


def address(route: Route, house: House) -> str:
    """The path with ids of the house's own objects, and the query that it needs."""
    query = QUERIES[route.name](house) if route.name in QUERIES else {}
    return route.url(**values_of(route, house)) + (f"?{urlencode(query)}" if query else "")


def values_of(route: Route, house: House) -> dict[str, Any]:
    unknown = set(route.kwargs) - set(OBJECTS) - NO_OBJECTS
    if unknown:
        pytest.fail(
            f"The path {route.pattern} takes {sorted(unknown)}. In {__file__} say in OBJECTS how a house's object of "
            f"that kind is found (and let `house` make one), or list it in NO_OBJECTS when it names no tenant's object."
        )
    return {name: OBJECTS[name](house) for name in route.kwargs if name not in NO_OBJECTS}
