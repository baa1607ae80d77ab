"""PayPal payments for tests, through the doors: what payers, staff, PayPal and the sweep do."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.tests.people import a_staff_member, client_of
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from payments.actions import checking
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.inbox.handling import handle_due
from payments.models import Invoice, LedgerLeg, Payment
from payments.providers import registry

CAPTURES = "/v2/checkout/orders/*/capture"
REFUNDS = "/v2/payments/captures/*/refund"


def post(client: Any, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(path, json.dumps(body or {}), content_type="application/json", **headers)


def owner_of(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(world.member(tenant))
    return client


def finance() -> APIClient:
    """Somebody of the platform's staff who may refund."""
    return client_of(a_staff_member("finance"))


def wish(cents: int = 2_900, invoice: Invoice | None = None, currency: str = "usd") -> dict[str, Any]:
    body: dict[str, Any] = {"amount": cents, "currency": currency, "paymentMethod": {"type": "paypal"}}
    return body | {"invoiceId": str(invoice.id)} if invoice else body


def begun(client: Client, cents: int = 2_900, invoice: Invoice | None = None, currency: str = "usd") -> Payment:
    """An order that waits for its payer."""
    answer = post(client, "/api/payments", wish(cents, invoice, currency))
    assert answer.status_code == 201, answer.content
    return Payment.objects.get(id=answer.json()["id"])


def agreed(paypal: PayPalWorld, client: Client, cents: int = 2_900, invoice: Invoice | None = None) -> Payment:
    """An order whose payer has agreed, and nobody has taken it."""
    payment = begun(client, cents, invoice)
    paypal.approve(payment.provider_ref or "")
    return payment


def capture(client: Client, payment: Payment) -> Any:
    return post(client, f"/api/payments/paypal/capture/{payment.provider_ref}")


def paid(paypal: PayPalWorld, client: Client, cents: int = 2_900, invoice: Invoice | None = None) -> Payment:
    """Money that has come."""
    payment = agreed(paypal, client, cents, invoice)
    assert capture(client, payment).status_code == 200
    payment.refresh_from_db()
    return payment


def started(tenant: Tenant, cents: int = 2_900, *, key: str | None = None, invoice: Invoice | None = None) -> Payment:
    """By the verb alone: for threads, which have no session."""
    return start_payment(
        tenant=tenant,
        amount=Money(cents, "usd"),
        choice=MethodChoice("paypal"),
        invoice_id=invoice.id if invoice else None,
        key=key,
        actor=world.SYSTEM,
        now=timezone.now(),
    )


def told(paypal: PayPalWorld) -> None:
    """What is queued arrives, and is handled."""
    paypal.deliver()
    handle_due(timezone.now() + timedelta(seconds=1))


def swept(**later: int) -> None:
    """The sweep, so much later."""
    checking.check_due(now=timezone.now() + timedelta(**later))


def given(client: Any, payment: Payment, cents: int | None = None, **headers: str) -> Any:
    """Staff's refund; without an amount all that is left."""
    return post(client, f"/api/payments/{payment.id}/refund", {} if cents is None else {"amount": cents}, **headers)


def asked_elsewhere(path: str, body: dict[str, Any], *, key: str = "of-somebody-else") -> Any:
    """What somebody else's program asks in the same account."""
    provider: Any = registry.providers()["paypal"]
    return provider._client.post(path, body, request_id=key).content


def mocked(paypal: PayPalWorld, patch: pytest.MonkeyPatch, issue: str) -> None:
    """Captures and refunds ask PayPal for that refusal, as its own sandbox lets one."""
    handle = paypal.transport.handle_request

    def asking(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith(("/capture", "/refund")):
            request.headers["PayPal-Mock-Response"] = json.dumps({"mock_application_codes": issue})
        return handle(request)

    patch.setattr(paypal.transport, "handle_request", asking)


def cash(currency: str = "usd") -> int:
    """What our books say that we have at PayPal."""
    legs = LedgerLeg.objects.filter(account="cash_paypal", currency=currency)
    return sum(legs.values_list("amount_minor", flat=True))
