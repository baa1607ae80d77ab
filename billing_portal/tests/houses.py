"""A house: a tenant with one of everything that has an id, and which value in a path names which of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.routes import Route
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.customers import customer_for
from payments.actions.saving_methods import sync_methods
from payments.models import Invoice, Payment, PaymentMethod


@dataclass
class House:
    """A tenant with one of everything that has an id."""

    tenant: Tenant
    invoice: Invoice
    payment: Payment
    method: PaymentMethod


def house(slug: str, stripe: StripeWorld | None = None) -> House:
    """With `stripe` on its card is saved there too; without, it is a row of a time when Stripe was on."""
    tenant = world.subscribed(slug=slug)
    invoice = world.overage_invoice(tenant)
    recorder = world.user(f"recorder-{slug}@portal.example", staff=True, groups=("finance",))
    return House(tenant, invoice, world.check_for(tenant, 500, recorder, invoice=invoice), _card(tenant, stripe))


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


# The name of a value in a path → the object of a house that it names.
OBJECTS: dict[str, Callable[[House], Any]] = {
    "invoice_id": lambda house: house.invoice.id,
    "line_id": lambda house: house.invoice.lines.get().id,
    "payment_id": lambda house: house.payment.id,
    "method_id": lambda house: house.method.id,
    "method_ref": lambda house: house.method.provider_ref,
}
# Ids that a provider gave: their case matters, and one that does not exist is no UUID.
PROVIDERS_OWN = {"method_ref"}
# Values in paths that name no tenant's object.
NO_OBJECTS: set[str] = set()


def values_of(route: Route, house: House) -> dict[str, Any]:
    unknown = set(route.kwargs) - set(OBJECTS) - NO_OBJECTS
    if unknown:
        pytest.fail(
            f"The path {route.pattern} takes {sorted(unknown)}. In {__file__} say in OBJECTS how a house's object of "
            f"that kind is found (and let `house` make one), or list it in NO_OBJECTS when it names no tenant's object."
        )
    return {name: OBJECTS[name](house) for name in route.kwargs if name not in NO_OBJECTS}
