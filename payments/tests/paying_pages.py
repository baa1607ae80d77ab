"""A tenant with an open invoice, a saved card or bank account, and who sends the form that pays it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.reading import hidden
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.customers import customer_for
from payments.actions.syncing_methods import sync_methods
from payments.models import Invoice, PaymentMethod

CENTS = 12_000


@dataclass
class Paying:
    """`client` is logged in as its owner; `url` is the page that pays the invoice."""

    tenant: Tenant
    invoice: Invoice
    client: Client

    @property
    def url(self) -> str:
        return f"/invoices/{self.invoice.id}/pay"

    def form(self) -> dict[str, Any]:
        """What stands in the page's hidden fields."""
        found = hidden(self.client.get(self.url))
        return {"key": found["key"][0], "shown": found["shown"][0], "how_much": "all"}

    def sends(self, form: dict[str, Any] | None = None, **fields: Any) -> HttpResponse:
        return self.client.post(self.url, {**(form or self.form()), **fields})


def paying(**facts: Any) -> Paying:
    acme = world.subscribed(**facts)
    invoice = world.overage_invoice(acme, cents=CENTS)
    client = Client()
    client.force_login(world.member(acme))
    return Paying(acme, invoice, client)


def saved(stripe: StripeWorld, tenant: Tenant, method: str = "pm_card_visa") -> PaymentMethod:
    """The newest method of the tenant's after this one was saved."""
    customer = customer_for(tenant=tenant, provider=stripe.provider, now=world.START).provider_ref
    reference = stripe.bank_account(customer) if method == "account" else stripe.saved_method(customer, method)
    sync_methods(tenant=tenant, now=world.START)
    return PaymentMethod.objects.get(provider_ref=reference)
