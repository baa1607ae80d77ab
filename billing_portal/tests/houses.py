"""A house: a tenant with one of everything that has an id, and which value in a path names which of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.routes import Route
from payments.models import Invoice, Payment


@dataclass
class House:
    """A tenant with one of everything that has an id."""

    tenant: Tenant
    invoice: Invoice
    payment: Payment


def house(slug: str) -> House:
    tenant = world.subscribed(slug=slug)
    invoice = world.overage_invoice(tenant)
    recorder = world.user(f"recorder-{slug}@portal.example", staff=True, groups=("finance",))
    return House(tenant, invoice, world.check_for(tenant, 500, recorder, invoice=invoice))


# The name of a value in a path → the object of a house that it names.
OBJECTS: dict[str, Callable[[House], Any]] = {
    "invoice_id": lambda house: house.invoice.id,
    "line_id": lambda house: house.invoice.lines.get().id,
    "payment_id": lambda house: house.payment.id,
}
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
