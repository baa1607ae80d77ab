"""Paying by PayPal over HTTP: the guide's body, the payer's page, the capture; by the stand-in's books."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from payments.actions import checking
from payments.inbox.handling import handle_due
from payments.models import Invoice, LedgerLeg, Payment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(path, json.dumps(body or {}), content_type="application/json", **headers)


GUIDE = {"amount": 2900, "currency": "usd", "paymentMethod": {"type": "paypal"}, "description": "Monthly subscription"}


def begun(owner: Client, **more: Any) -> dict[str, Any]:
    answer = post(owner, "/api/payments", GUIDE | more)
    assert answer.status_code == 201, answer.content
    return answer.json()


def capture(owner: Client, order: str) -> Any:
    return post(owner, f"/api/payments/paypal/capture/{order}")


def test_the_guides_payment_leads_to_paypals_page_and_back(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    made = begun(owner, amount=2_904, invoiceId=str(invoice.id))
    assert (made["status"], made["provider"]) == ("requires_action", "paypal")
    assert made["approvalUrl"].startswith("http") and made["nextAction"] == {
        "type": "redirect",
        "url": made["approvalUrl"],
    }
    order = Payment.objects.get().provider_ref
    early = capture(owner, order)
    assert (early.status_code, early.json()["code"], early.json()["approvalUrl"]) == (
        409,
        "not_approved",
        made["approvalUrl"],
    )
    paypal.approve(order)
    taken = capture(owner, order)
    assert (taken.status_code, taken.json()["status"]) == (200, "succeeded")
    assert capture(owner, order).json() == taken.json(), "taken once, however often it is asked for"
    invoice.refresh_from_db()
    assert (invoice.status, paypal.taken()) == (Invoice.Status.PAID, ["29.04"])
    payment = Payment.objects.get()
    assert payment.capture_ref == paypal.objects("captures")[0]["id"]
    cash = sum(LedgerLeg.objects.filter(account="cash_paypal").values_list("amount_minor", flat=True))
    assert cash == 2_904 - (payment.fee_minor or 0)


def test_a_payer_who_closes_the_tab_is_captured_by_the_webhook(paypal: PayPalWorld, owner: Client) -> None:
    begun(owner)
    paypal.approve(Payment.objects.get().provider_ref)
    paypal.deliver()
    handle_due(timezone.now() + timedelta(seconds=1))
    assert (Payment.objects.get().status, paypal.taken()) == ("succeeded", ["29.00"])


def test_and_by_the_sweep_when_no_webhook_comes(paypal: PayPalWorld, owner: Client) -> None:
    begun(owner)
    paypal.panel("POST", "webhooks", {"mode": "drop"})
    paypal.approve(Payment.objects.get().provider_ref)
    checking.check_due(now=timezone.now() + timedelta(minutes=6))
    assert (Payment.objects.get().status, paypal.taken()) == ("succeeded", ["29.00"])


def test_a_lost_capture_is_found_and_taken_once(paypal: PayPalWorld, owner: Client) -> None:
    begun(owner)
    order = Payment.objects.get().provider_ref
    paypal.approve(order)
    paypal.fault("drop_after", "/v2/checkout/orders/*/capture")
    answer = capture(owner, order)
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    checking.check_due(now=timezone.now() + timedelta(seconds=10))
    assert (Payment.objects.get().status, paypal.taken()) == ("succeeded", ["29.00"])
    assert capture(owner, order).status_code == 200


def test_a_declined_instrument_sends_the_payer_back_to_the_same_order(paypal: PayPalWorld, owner: Client) -> None:
    made = begun(owner, amount=2_921)
    order = Payment.objects.get().provider_ref
    paypal.approve(order)
    answer = capture(owner, order)
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_action_required")
    assert answer.json()["approvalUrl"] and Payment.objects.get().status == "requires_action"
    paypal.approve(order)
    assert capture(owner, order).json()["id"] == made["id"]
    assert paypal.taken() == ["29.21"]


def test_a_review_of_paypals_is_processing(paypal: PayPalWorld, owner: Client) -> None:
    begun(owner, amount=2_922)
    order = Payment.objects.get().provider_ref
    paypal.approve(order)
    assert capture(owner, order).status_code == 202
    payment = Payment.objects.get()
    assert (payment.status, payment.outcome_unknown) == ("processing", False)
    paypal.settle(payment.capture_ref, "succeeded")
    paypal.deliver()
    handle_due(timezone.now() + timedelta(seconds=1))
    assert Payment.objects.get().status == "succeeded"


def test_what_another_way_has_paid_is_not_taken(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    from payments.actions.recording import verify_manual_payment

    invoice = world.overage_invoice(acme, cents=2_904)
    begun(owner, amount=2_904, invoiceId=str(invoice.id))
    order = Payment.objects.get().provider_ref
    check = world.check_for(acme, 2_904, world.user(staff=True), invoice=invoice, now=timezone.now())
    verify_manual_payment(payment_id=check.id, verifier=world.user(staff=True), actor=world.SYSTEM, now=timezone.now())
    paypal.approve(order)
    answer = capture(owner, order)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid")
    assert paypal.taken() == []


def test_another_tenants_order_does_not_exist(paypal: PayPalWorld, owner: Client) -> None:
    begun(owner)
    stranger = Client()
    stranger.force_login(world.member(world.tenant(slug="stranger")))
    order = Payment.objects.get().provider_ref
    known, unknown = capture(stranger, order), capture(stranger, "5O190127TN364715T")
    assert known.status_code == unknown.status_code == 404
    assert known.json()["code"] == unknown.json()["code"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/back",
        "http://testserver.evil.example/",
        "http://127.0.0.1:8000@evil.example/",
        "javascript:alert(1)",
        "//evil.example",
        "http://127.0.0.1:8000\\@evil.example/",
    ],
)
def test_addresses_of_others_are_refused(paypal: PayPalWorld, owner: Client, url: str) -> None:
    wish = GUIDE | {"paymentMethod": {"type": "paypal", "returnUrl": url}}
    answer = post(owner, "/api/payments", wish)
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"], error["field"]) == (
        400,
        "return_url_not_allowed",
        "paymentMethod.returnUrl",
    )
    assert not Payment.objects.exists() and not paypal.objects("orders")


def test_an_order_that_lapsed_is_gone(paypal: PayPalWorld, owner: Client) -> None:
    begun(owner)
    order = Payment.objects.get().provider_ref
    paypal.panel("POST", "clock", {"now": (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")})
    answer = capture(owner, order)
    assert (answer.status_code, Payment.objects.get().status) == (410, "canceled")
