"""Saving a method over HTTP: from the setup through the browser to the list, and what is said when it can't begin."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from billing_portal.kit.models import IdempotencyRecord
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import PUBLISHABLE_KEY, StripeWorld
from payments.tests.methods_world import in_the_browser, post

pytestmark = pytest.mark.django_db

SETUP, LIST = "/api/payments/setup-intent", "/api/payments/methods/list"


@pytest.fixture
def acme() -> Tenant:
    return world.tenant("acme")


def test_a_card_is_saved_from_the_setup_to_the_list(stripe: StripeWorld, owner: Client) -> None:
    answer = post(owner, SETUP)
    assert answer.status_code == 201
    setup = answer.json()
    (intent,) = stripe.objects("setup_intents")
    assert setup == {
        "setupIntentId": intent["id"],
        "clientSecret": intent["client_secret"],
        "publishableKey": PUBLISHABLE_KEY,
    }
    assert in_the_browser(stripe, setup, "pm_card_visa")["status"] == "succeeded"
    (shown,) = owner.get(LIST).json()["results"]
    card = stripe.objects("payment_methods")[-1]
    assert shown == {
        "id": card["id"],
        "type": "card",
        "brand": "visa",
        "last4": "4242",
        "expMonth": card["card"]["exp_month"],
        "expYear": card["card"]["exp_year"],
        "bankName": None,
        "isDefault": True,
        "createdAt": shown["createdAt"],
    }


def test_a_card_with_3d_secure_is_there_once_its_owner_was_at_the_bank(stripe: StripeWorld, owner: Client) -> None:
    setup = post(owner, SETUP, {"type": "card"}).json()
    assert in_the_browser(stripe, setup, "pm_card_authenticationRequired")["status"] == "requires_action"
    assert owner.get(LIST).json() == {"results": []}
    stripe.authenticate(setup["setupIntentId"])
    assert [each["type"] for each in owner.get(LIST).json()["results"]] == ["card"]


def test_a_bank_account_is_saved_with_its_mandate(stripe: StripeWorld, owner: Client) -> None:
    setup = post(owner, SETUP, {"type": "us_bank_account"}).json()
    assert in_the_browser(stripe, setup, "pm_usBankAccount_success")["status"] == "succeeded"
    (shown,) = owner.get(LIST).json()["results"]
    assert (shown["type"], shown["last4"], shown["expMonth"], shown["brand"]) == ("us_bank_account", "6789", None, None)
    assert shown["bankName"]
    assert stripe.objects("setup_intents")[0]["mandate"]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"type": "paypal"}, "type", "unknown_choice"),
        ({"type": "Card"}, "type", "unknown_choice"),
        ({"type": ""}, "type", "unknown_choice"),
        ({"type": None}, "type", "null"),
        ({"type": 1}, "type", "not_text"),
        ({"type": ["card"]}, "type", "not_text"),
        ({"kind": "card"}, "kind", "unknown_field"),
        ({"customer": "cus_1"}, "customer", "unknown_field"),
        ({"number": "4242424242424242"}, "number", "card_data_refused"),
        ({"type": "card", "cvc": "123"}, "cvc", "card_data_refused"),
    ],
)
def test_a_bad_setup_is_named_and_nothing_is_asked_of_the_provider(
    stripe: StripeWorld, owner: Client, body: dict[str, Any], field: str, code: str
) -> None:
    answer = post(owner, SETUP, body)
    assert answer.status_code == 400, answer.content
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert stripe.objects("setup_intents") == stripe.objects("customers") == []


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "NaN", '"card"', '{"type": "card"', '{"type": "card", "type": "card"}']
)
def test_a_body_that_is_no_object_is_refused_or_empty(stripe: StripeWorld, owner: Client, body: str) -> None:
    assert post(owner, SETUP, body).status_code == (201 if body == "" else 400)


def test_the_same_key_is_the_same_setup_and_its_secret_is_stored_nowhere(stripe: StripeWorld, owner: Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first, again = (post(owner, SETUP, {"type": "card"}, **headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len(stripe.objects("setup_intents")) == 1
    record = IdempotencyRecord.objects.get()
    assert (record.key, record.body) == ("k-1", None)
    other = post(owner, SETUP, {"type": "us_bank_account"}, **headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert first.json()["clientSecret"] not in everything_stored()
    assert first.json()["setupIntentId"] != post(owner, SETUP, {"type": "card"}).json()["setupIntentId"]


def everything_stored() -> str:
    """Every row of every table of the portal, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        texts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM \"{table}\" t")
            texts.append(cursor.fetchone()[0])
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("drop_before", 503, "provider_unavailable"),
        ("drop_after", 503, "provider_unavailable"),
        ("html_500", 503, "provider_unavailable"),
        ("garbage", 503, "provider_unavailable"),
        ("rate_limit", 503, "provider_unavailable"),
        ("token_revoked", 503, "provider_misconfigured"),
        ("status", 502, "provider_rejected"),
    ],
)
def test_a_provider_that_does_not_do_it_is_said_so_and_a_retry_does(
    stripe: StripeWorld, owner: Client, caplog: pytest.LogCaptureFixture, fault: str, status: int, code: str
) -> None:
    stripe.fault(fault, "/v1/setup_intents", times=2, **({"status": 400} if fault == "status" else {}))
    answer = post(owner, SETUP, **{"Idempotency-Key": "k"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert not {"stripe", "request id"} & set(problem["detail"].lower().split())
    is_ours = code != "provider_unavailable"
    assert is_ours == any(
        record.levelname == "ERROR" for record in caplog.records if record.name == "payments.provider_answers"
    )
    stripe.panel("DELETE", "faults")
    assert post(owner, SETUP, **{"Idempotency-Key": "k"}).status_code == 201
