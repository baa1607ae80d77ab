"""Refunds over HTTP: who may, what is taken, what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from billing_portal.invariants import check_books
from billing_portal.kit.testing_tables import BAD_AMOUNTS
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.tests.people import a_key, a_member, a_staff_member, a_user, bearer, client_of
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Payment, Refund
from payments.providers import breaker
from payments.tests.refund_world import bill, card_payment, tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Tenant:
    breaker.forget()
    return tenant(slug="acme")


@pytest.fixture
def payment(stripe: StripeWorld, acme: Tenant) -> Payment:
    return card_payment(acme, invoice=bill(acme, 10_000))


@pytest.fixture
def finance() -> APIClient:
    """Somebody of the finance group, who names no tenant."""
    return client_of(a_staff_member("finance"))


def ask(client: APIClient, payment_id: Any, body: Any = None, **headers: str) -> Any:
    sent = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    raw = body if isinstance(body, str) else json.dumps(body or {})
    return client.generic("POST", f"/api/payments/{payment_id}/refund", raw, content_type="application/json", **sent)


def test_staff_refund_by_the_payments_id_alone(payment: Payment, finance: APIClient, acme: Tenant) -> None:
    answer = ask(finance, payment.id, {"amount": 2_500, "reason": "Sent twice"})
    assert answer.status_code == 201
    row = Refund.objects.get()
    assert answer.json() == {
        "id": str(row.id),
        "paymentId": str(payment.id),
        "amount": 2_500,
        "currency": "usd",
        "status": "succeeded",
        "destination": "source",
        "reason": "Sent twice",
        "createdAt": answer.json()["createdAt"],
    }
    detail = client_of(a_member(acme)).get(f"/api/payments/{payment.id}").json()
    assert (detail["status"], detail["amountRefunded"]) == ("partially_refunded", 2_500)
    assert [each["id"] for each in detail["refunds"]] == [str(row.id)]
    assert row.requested_by and row.requested_by.email == "finance@portal.example"


def test_a_session_of_staff_refunds_too(payment: Payment) -> None:
    client = APIClient()
    client.force_login(a_staff_member("finance"))
    assert ask(client, payment.id).status_code == 201
    assert Refund.objects.get().amount_minor == 10_000, "no amount is all that is left"


def test_a_tenants_own_people_and_keys_may_not(payment: Payment, acme: Tenant) -> None:
    for client in (*(client_of(a_member(acme, role)) for role in ("owner", "billing", "viewer")), bearer(a_key(acme))):
        answer = ask(client, payment.id)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "staff" in answer.json()["detail"]
    assert not Refund.objects.exists()


def test_anothers_payment_is_not_there(payment: Payment, finance: APIClient) -> None:
    globex = tenant(slug="globex")
    nowhere = "00000000-0000-4000-8000-000000000000"
    for client in (client_of(a_member(globex)), bearer(a_key(globex))):
        got, expected = ask(client, payment.id), ask(client, nowhere)
        assert got.status_code == expected.status_code == 404
        assert {**got.json(), "requestId": 0} == {**expected.json(), "requestId": 0}
    assert ask(finance, nowhere).status_code == 404
    acting_for_globex = client_of(a_user("boss@portal.example", is_staff=True, is_superuser=True), tenant="globex")
    assert ask(acting_for_globex, payment.id).status_code == 404


def test_staff_without_the_permission_and_nobody_at_all(payment: Payment) -> None:
    for group in ("clerk", "support", "auditor"):
        answer = ask(client_of(a_staff_member(group)), payment.id)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "finance" in answer.json()["detail"]
    assert ask(APIClient(), payment.id).status_code == 401


def test_staff_who_are_members_of_the_tenant_do_not_refund_themselves(payment: Payment, acme: Tenant) -> None:
    insider = a_member(acme, "owner", a_staff_member("finance"))
    assert ask(client_of(insider), payment.id).status_code == 403


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_bad_amount_is_named_and_nothing_is_given(payment: Payment, finance: APIClient, amount: str) -> None:
    answer = ask(finance, payment.id, f'{{"amount": {amount}}}')
    assert answer.status_code == 400
    assert not Refund.objects.exists()


def test_what_is_wrong_is_said_with_its_field(payment: Payment, finance: APIClient) -> None:
    def fields_of(body: Any) -> tuple[int, str, list[str]]:
        answer = ask(finance, payment.id, body)
        return answer.status_code, answer.json()["code"], [each["field"] for each in answer.json().get("errors", [])]

    assert fields_of({"amount": 10_001}) == (400, "refund_exceeds_payment", ["amount"])
    assert fields_of({"currency": "usd"})[::2] == (400, ["currency"])
    assert fields_of({"destination": "cash"})[::2] == (400, ["destination"])
    assert fields_of({"reason": "4242 4242 4242 4242"})[::2] == (400, ["reason"])
    assert ask(finance, payment.id).status_code == 201
    assert fields_of({"amount": 1}) == (409, "already_refunded", [])


def test_the_same_key_is_answered_the_same(payment: Payment, finance: APIClient, stripe: StripeWorld) -> None:
    first = ask(finance, payment.id, {"amount": 300}, idempotency_key="once")
    again = ask(finance, payment.id, {"amount": 300}, idempotency_key="once")
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ask(finance, payment.id, {"amount": 301}, idempotency_key="once").status_code == 422
    assert [each["amount"] for each in stripe.objects("refunds")] == [300]


def test_above_the_threshold_it_waits_for_another_person(stripe: StripeWorld, acme: Tenant, finance: APIClient) -> None:
    payment = card_payment(acme, 1_500_000)
    for _ in range(2):
        answer = ask(finance, payment.id, {"amount": 1_000_001}, idempotency_key="once")
        assert (answer.status_code, answer.json()["status"]) == (202, "awaiting_approval")
    assert (Refund.objects.count(), stripe.objects("refunds")) == (1, [])


def test_a_provider_that_is_not_there_is_503_and_a_lost_answer_is_pending(
    stripe: StripeWorld, payment: Payment, finance: APIClient
) -> None:
    stripe.fault("rate_limit", "/v1/refunds")
    answer = ask(finance, payment.id, {"amount": 300}, idempotency_key="once")
    assert (answer.status_code, answer.json()["code"], "Retry-After" in answer.headers) == (
        503,
        "provider_unavailable",
        True,
    )
    stripe.fault("drop_after", "/v1/refunds")
    answer = ask(finance, payment.id, {"amount": 300}, idempotency_key="once")
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    assert [each["amount"] for each in stripe.objects("refunds")] == [300]
    assert check_books()[1] == []
