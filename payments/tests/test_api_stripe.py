"""Paying at Stripe over HTTP: the guide's bodies as they are, and what they are answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from billing_portal.kit.models import IdempotencyRecord
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.saving_methods import customer_for
from payments.models import Payment
from payments.providers import breaker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def closed_breaker() -> None:
    breaker.forget()


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    sent = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return client.post(path, json.dumps(body or {}), content_type="application/json", **sent)


def card(method: str = "pm_1234567890", **more: Any) -> dict[str, Any]:
    """The guide's own body."""
    return {
        "amount": 2900,
        "currency": "usd",
        "paymentMethod": {"type": "card", "stripePaymentMethodId": method},
        "description": "Monthly subscription",
        **more,
    }


def test_the_guides_card_payment(stripe: StripeWorld, owner: Client) -> None:
    answer = post(owner, "/api/payments", card())
    assert answer.status_code == 201
    body = answer.json()
    payment = Payment.objects.get()
    assert body == {
        "id": str(payment.id),
        "status": "succeeded",
        "amount": 2900,
        "amountRefunded": 0,
        "currency": "usd",
        "description": "Monthly subscription",
        "invoiceId": None,
        "provider": "stripe",
        "paymentMethod": {"type": "card", "kind": None, "brand": "visa", "last4": "4242"},
        "clientSecret": None,
        "approvalUrl": None,
        "nextAction": None,
        "failure": None,
        "reference": None,
        "receivedOn": None,
        "createdAt": body["createdAt"],
        "updatedAt": body["updatedAt"],
    }
    assert stripe.taken() == [2_900]


def test_the_guides_3d_secure_card(stripe: StripeWorld, owner: Client) -> None:
    answer = post(owner, "/api/payments", card("pm_card_authenticationRequired"))
    body = answer.json()
    assert (answer.status_code, body["status"]) == (201, "requires_action")
    assert body["nextAction"] == {"type": "use_stripe_sdk", "url": None}
    intent = stripe.objects("payment_intents")[0]
    assert body["clientSecret"] == intent["client_secret"]
    assert owner.get(f"/api/payments/{body['id']}").json()["clientSecret"] is None, "reading gives nobody the secret"
    stripe.authenticate(intent["id"])
    refreshed = post(owner, f"/api/payments/{body['id']}/refresh")
    assert (refreshed.status_code, refreshed.json()["status"]) == (200, "succeeded")


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
def test_a_decline_is_402_with_the_payment(stripe: StripeWorld, owner: Client, method: str, code: str) -> None:
    answer = post(owner, "/api/payments", card(method), idempotency_key="k")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (402, code)
    assert answer["Content-Type"].startswith("application/problem+json")
    stored = owner.get(f"/api/payments/{body['paymentId']}").json()
    assert (stored["status"], stored["failure"]["code"]) == ("failed", code)
    again = post(owner, "/api/payments", card(method), idempotency_key="k")
    assert (again.status_code, again["Idempotent-Replayed"], again.json()["paymentId"]) == (
        402,
        "true",
        body["paymentId"],
    )
    assert Payment.objects.count() == 1


def test_a_bank_debit_is_202(stripe: StripeWorld, owner: Client, acme: Any) -> None:
    customer = customer_for(tenant=acme, provider=stripe.provider, now=world.START)
    account = stripe.bank_account(customer.provider_ref)
    wish = card() | {"paymentMethod": {"type": "us_bank_account", "stripePaymentMethodId": account}}
    answer = post(owner, "/api/payments", wish)
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert answer.json()["paymentMethod"]["last4"] == "6789"


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "html_500", "garbage"])
def test_an_answer_that_is_lost_is_202_and_never_a_failure(stripe: StripeWorld, owner: Client, fault: str) -> None:
    stripe.fault(fault)
    answer = post(owner, "/api/payments", card(), idempotency_key="k")
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert not IdempotencyRecord.objects.filter(completed_at__isnull=False).exists(), "a retry hears what is true then"
    again = post(owner, "/api/payments", card(), idempotency_key="k")
    assert again.status_code in (201, 202)
    assert Payment.objects.count() == 1 and len(stripe.taken()) <= 1


def test_too_many_requests_there_is_503_here(stripe: StripeWorld, owner: Client) -> None:
    stripe.fault("rate_limit")
    answer = post(owner, "/api/payments", card(), idempotency_key="k")
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert int(answer["Retry-After"]) > 0
    assert post(owner, "/api/payments", card(), idempotency_key="k").status_code == 201
    assert stripe.taken() == [2_900]


def test_a_secret_is_read_again_and_not_stored_with_the_answer(stripe: StripeWorld, owner: Client) -> None:
    first = post(owner, "/api/payments", card("pm_card_authenticationRequired"), idempotency_key="k").json()
    stored = IdempotencyRecord.objects.get().body or ""
    assert first["clientSecret"] and first["clientSecret"] not in stored
    again = post(owner, "/api/payments", card("pm_card_authenticationRequired"), idempotency_key="k")
    assert (again.json(), again["Idempotent-Replayed"]) == (first, "true")


def test_giving_up_over_http(stripe: StripeWorld, owner: Client) -> None:
    made = post(owner, "/api/payments", card("pm_card_authenticationRequired")).json()
    answer = post(owner, f"/api/payments/{made['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    done = post(owner, "/api/payments", card(), idempotency_key="k").json()
    refused = post(owner, f"/api/payments/{done['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_not_open")


def test_an_invoice_is_paid_whole_or_in_part(stripe: StripeWorld, owner: Client, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=12_000)
    method = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
    part = post(owner, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": method, "amount": 2_000})
    assert (part.status_code, part.json()["amount"]) == (201, 2_000)
    rest = post(owner, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": method}, idempotency_key="k")
    assert (rest.status_code, rest.json()["amount"], rest.json()["invoiceId"]) == (201, 10_000, str(invoice.id))
    more = post(owner, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": method})
    assert (more.status_code, more.json()["code"]) == (409, "already_paid")
    assert owner.get(f"/api/invoices/{invoice.id}").json()["status"] == "paid"
    assert stripe.taken() == [2_000, 10_000]


@pytest.mark.parametrize(
    ("method", "field", "code"),
    [
        ({"type": "card"}, "paymentMethod.stripePaymentMethodId", "required"),
        ({"type": "card", "stripePaymentMethodId": ""}, "paymentMethod.stripePaymentMethodId", None),
        ({"type": "card", "stripePaymentMethodId": "pm_1/../x"}, "paymentMethod.stripePaymentMethodId", None),
        ({"type": "card", "stripePaymentMethodId": 7}, "paymentMethod.stripePaymentMethodId", None),
        (
            {"type": "card", "stripePaymentMethodId": "pm_card_visa", "reference": "1"},
            "paymentMethod.reference",
            "not_for_this_type",
        ),
        (
            {"type": "manual", "stripePaymentMethodId": "pm_card_visa"},
            "paymentMethod.stripePaymentMethodId",
            "not_for_this_type",
        ),
        ({"type": "card", "number": "4242424242424242"}, "paymentMethod.number", "card_data_refused"),
    ],
)
def test_bad_methods_are_named(
    stripe: StripeWorld, owner: Client, method: dict[str, Any], field: str, code: str | None
) -> None:
    answer = post(owner, "/api/payments", card() | {"paymentMethod": method})
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["field"]) == (400, field)
    if code:
        assert error["code"] == code
    assert not Payment.objects.exists() and not stripe.objects("payment_intents")


def test_a_card_is_kept_when_it_is_asked_for(stripe: StripeWorld, owner: Client) -> None:
    assert post(owner, "/api/payments", card("pm_card_visa", savePaymentMethod=True)).status_code == 201
    (saved,) = owner.get("/api/payments/methods/list").json()["results"]
    assert (saved["brand"], saved["last4"]) == ("visa", "4242")
    again = post(owner, "/api/payments", card(saved["id"]), idempotency_key="k")
    assert (again.status_code, again.json()["status"]) == (201, "succeeded")


def test_without_a_key_of_stripe_nothing_of_it_is_there(owner: Client) -> None:
    answer = post(owner, "/api/payments", card())
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "method_not_offered")


def test_a_card_number_in_the_place_of_an_id_is_refused_and_kept_nowhere(stripe: StripeWorld, owner: Client) -> None:
    answer = post(owner, "/api/payments", card("4242424242424242"))
    assert (answer.status_code, answer.json()["code"]) == (400, "card_data_refused")
    assert not Payment.objects.exists() and not stripe.panel("GET", "log")


def test_a_bank_account_that_is_sent_as_a_card_is_the_clients_mistake(stripe: StripeWorld, owner: Client) -> None:
    answer = post(owner, "/api/payments", card("pm_usBankAccount_success"))
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"], error["field"]) == (400, "other_method_type", "paymentMethod.type")
    assert stripe.taken() == []


def test_a_decline_is_told_in_our_own_words(stripe: StripeWorld, owner: Client) -> None:
    answer = post(owner, "/api/payments", card("pm_card_visa_chargeDeclinedInsufficientFunds")).json()
    stored = owner.get(f"/api/payments/{answer['paymentId']}").json()
    assert "not enough money on the account" in answer["detail"] == stored["failure"]["message"]


def test_a_replay_after_the_step_was_taken_tells_the_payment_as_it_is(stripe: StripeWorld, owner: Client) -> None:
    wish = card("pm_card_authenticationRequired")
    first = post(owner, "/api/payments", wish, idempotency_key="k").json()
    stripe.authenticate(stripe.objects("payment_intents")[0]["id"])
    again = post(owner, "/api/payments", wish, idempotency_key="k").json()
    assert (again["id"], again["status"], again["clientSecret"]) == (first["id"], "succeeded", None)
