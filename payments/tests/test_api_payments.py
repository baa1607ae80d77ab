"""Payments and invoices over HTTP: what is taken, what is refused, what is shown."""

import json
from typing import Any

import pytest
from django.test import Client

from billing_portal.kit.models import IdempotencyRecord
from billing_portal.kit.testing_tables import BAD_AMOUNTS
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from payments.actions.recording import verify_manual_payment
from payments.errors import SecondPersonNeeded
from payments.models import Payment

pytestmark = pytest.mark.django_db

BODY = {"amount": 2900, "currency": "usd", "paymentMethod": {"type": "manual"}, "description": "Check payment #12345"}


@pytest.fixture
def acme() -> Tenant:
    return world.subscribed()


def post(client: Client, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, str) else json.dumps(body)
    return client.post("/api/payments", raw, content_type="application/json", headers=headers)


def test_the_guides_manual_payment_waits_for_staff(owner: Client) -> None:
    answer = post(owner, BODY)
    assert answer.status_code == 201
    shown = answer.json()
    payment = Payment.objects.get()
    assert shown == {
        "id": str(payment.id),
        "status": "awaiting_review",
        "amount": 2900,
        "amountRefunded": 0,
        "currency": "usd",
        "description": "Check payment #12345",
        "invoiceId": None,
        "provider": "manual",
        "paymentMethod": {"type": "manual", "kind": "check", "brand": None, "last4": None},
        "clientSecret": None,
        "approvalUrl": None,
        "nextAction": None,
        "failure": None,
        "reference": None,
        "receivedOn": None,
        "createdAt": shown["createdAt"],
        "updatedAt": shown["updatedAt"],
    }
    assert (payment.declared_by_tenant, payment.amount_minor) == (True, 2900)


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_bad_amount_is_named_and_nothing_is_stored(owner: Client, amount: str) -> None:
    answer = post(owner, json.dumps(BODY).replace("2900", amount, 1))
    assert answer.status_code == 400
    problem = answer.json()
    if problem["code"] != "malformed":  # NaN and its like are no JSON at all
        assert [error["field"] for error in problem["errors"]] == ["amount"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"currency": "USD"}, "currency", "upper_case"),
        ({"currency": "eur"}, "currency", "currency_mismatch"),
        ({"currency": None}, "currency", "null"),
        ({"paymentMethod": {"type": "cheque"}}, "paymentMethod.type", "unknown_choice"),
        ({"paymentMethod": {"type": "card"}}, "paymentMethod.type", "method_not_offered"),
        ({"paymentMethod": {"type": "manual", "receivedOn": "2026-02-30"}}, "paymentMethod.receivedOn", "not_a_day"),
        (
            {"paymentMethod": {"type": "card", "stripePaymentMethodId": "pm_1234567890"}},
            "paymentMethod.type",
            "method_not_offered",
        ),
        ({"paymentMethod": {"type": "manual", "reference": "a\nb"}}, "paymentMethod.reference", "not_one_line"),
        ({"tenantId": "x"}, "tenantId", "unknown_field"),
        ({"status": "succeeded"}, "status", "unknown_field"),
        ({"description": "card 4242 4242 4242 4242"}, "description", "card_data_refused"),
        ({"description": "4242 4242 4242 4242 12/29 cvc 123"}, "description", "card_data_refused"),
        (
            {"paymentMethod": {"type": "manual", "reference": "no 7 4111111111111111"}},
            "paymentMethod.reference",
            "card_data_refused",
        ),
        ({"paymentMethod": {"type": "manual", "number": "4242"}}, "paymentMethod.number", "card_data_refused"),
        ({"cvc": "123"}, "cvc", "card_data_refused"),
        ({"description": "x" * 501}, "description", "max_length"),
        ({"description": "\x00"}, "description", "null_characters_not_allowed"),
        ({"invoiceId": "nonsense"}, "invoiceId", "not_an_id"),
    ],
)
def test_what_is_wrong_is_named(owner: Client, change: dict[str, Any], field: str, code: str) -> None:
    answer = post(owner, {**BODY, **change})
    assert answer.status_code == 400, answer.content
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert not Payment.objects.exists()


def test_more_than_is_due_is_refused(acme: Tenant, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=1_200)
    answer = post(owner, {**BODY, "amount": 1_201, "invoiceId": str(invoice.id)})
    assert (answer.status_code, answer.json()["code"]) == (400, "amount_exceeds_due")
    assert answer.json()["errors"][0]["field"] == "amount"
    assert answer.json()["detail"].startswith("Only $12.00 is still due")
    assert post(owner, {**BODY, "amount": 1_200, "invoiceId": str(invoice.id)}).status_code == 201


def test_another_tenants_invoice_is_not_there(owner: Client) -> None:
    foreign = world.overage_invoice(world.subscribed(), cents=1_200)
    assert post(owner, {**BODY, "invoiceId": str(foreign.id)}).status_code == 404
    assert not Payment.objects.exists()


def test_a_second_click_within_a_minute_is_a_possible_duplicate(owner: Client) -> None:
    first = post(owner, BODY).json()
    again = post(owner, BODY)
    assert (again.status_code, again.json()["code"]) == (409, "possible_duplicate")
    assert again.json()["paymentId"] == first["id"]
    assert post(owner, BODY, **{"Idempotency-Key": "another"}).status_code == 201
    assert post(owner, {**BODY, "amount": 2901}).status_code == 201


def test_a_request_without_a_key_after_the_same_with_one_is_a_possible_duplicate(owner: Client) -> None:
    assert post(owner, BODY, **{"Idempotency-Key": "k"}).status_code == 201
    assert post(owner, BODY).json()["code"] == "possible_duplicate"


def test_a_check_declared_twice_for_one_invoice_is_a_possible_duplicate(acme: Tenant, owner: Client) -> None:
    body = {**BODY, "amount": 500, "invoiceId": str(world.overage_invoice(acme, cents=1_200).id)}
    assert post(owner, body).status_code == 201
    assert post(owner, body).json()["code"] == "possible_duplicate"


def test_a_day_that_has_not_come_is_refused(owner: Client) -> None:
    answer = post(owner, {**BODY, "paymentMethod": {"type": "manual", "receivedOn": "9999-12-31"}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "paymentMethod.receivedOn")


def test_behind_an_api_key_stands_whoever_made_it(acme: Tenant) -> None:
    finance = world.user(staff=True)
    _, secret = create_api_key(
        tenant=acme, name="mine", scopes=["billing:write"], actor=world.staff_actor(finance), now=world.START
    )
    server = Client(headers={"Authorization": f"Bearer {secret}"})
    payment = Payment.objects.get(id=post(server, {**BODY, "amount": 5_000_000}).json()["id"])
    with pytest.raises(SecondPersonNeeded):
        verify_manual_payment(
            payment_id=payment.id, verifier=finance, actor=world.staff_actor(finance), now=world.START
        )


def test_the_same_key_replays_and_another_body_is_refused(owner: Client) -> None:
    first = post(owner, BODY, **{"Idempotency-Key": "k"})
    again = post(owner, BODY, **{"Idempotency-Key": "k"})
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    other = post(owner, {**BODY, "amount": 1}, **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Payment.objects.count() == 1


def test_the_key_still_finds_its_payment_when_the_stored_answer_is_gone(owner: Client) -> None:
    first = post(owner, BODY, **{"Idempotency-Key": "k"}).json()
    IdempotencyRecord.objects.all().delete()
    assert post(owner, BODY, **{"Idempotency-Key": "k"}).json()["id"] == first["id"]
    IdempotencyRecord.objects.all().delete()
    other = post(owner, {**BODY, "amount": 1}, **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Payment.objects.count() == 1


def test_lists_page_and_filter(acme: Tenant, owner: Client) -> None:
    for cents in range(1, 31):
        post(owner, {**BODY, "amount": cents})
    page = owner.get("/api/payments?pageSize=10&page=2").json()
    assert (page["count"], len(page["results"])) == (30, 10)
    assert page["results"][0]["amount"] == 20
    assert owner.get("/api/payments?status=succeeded").json()["count"] == 0
    assert owner.get("/api/payments?method=check&provider=manual").json()["count"] == 30
    assert owner.get("/api/payments?status=nonsense").status_code == 400
    assert owner.get("/api/payments?createdAfter=yesterday").json()["errors"][0]["field"] == "createdAfter"


def test_history_names_no_person_of_the_staff(acme: Tenant, owner: Client) -> None:
    payment = world.check_for(acme, 500, world.user(staff=True))
    assert owner.get(f"/api/payments/{payment.id}").json()["history"][0]["actor"] == "staff"


def test_an_invoice_shows_its_lines_with_derivation_payments_and_what_is_due(acme: Tenant, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=1_200)
    clerk = world.user(staff=True)
    world.check_for(acme, 500, clerk, invoice=invoice)
    shown = owner.get(f"/api/invoices/{invoice.id}").json()
    assert (shown["total"], shown["amountDue"], shown["amountPaid"]) == (1_200, 1_200, 0)
    assert shown["lines"][0]["derivation"]["overage"] == "1000"
    assert shown["payments"][0]["status"] == "awaiting_review"
    assert owner.get("/api/invoices?status=open").json()["results"][0]["remittanceCode"] == invoice.remittance_code
