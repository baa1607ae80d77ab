"""Saved methods over HTTP: the list while the provider is away, the default, removal, and another tenant's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.saving_methods import sync_methods
from payments.models import PaymentMethod
from payments.tests.methods_world import NOW, card, paying_with, post

pytestmark = pytest.mark.django_db

SETUP, LIST = "/api/payments/setup-intent", "/api/payments/methods/list"


@pytest.fixture
def acme() -> Tenant:
    return world.tenant("acme")


@pytest.mark.parametrize("fault", ["drop_before", "html_500", "rate_limit", "token_revoked", "garbage"])
def test_the_list_falls_back_to_what_we_last_knew(
    stripe: StripeWorld, acme: Tenant, owner: Client, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    visa = card(stripe, acme)
    sync_methods(tenant=acme, now=NOW)
    card(stripe, acme, "pm_card_mastercard")
    stripe.fault(fault, "/v1/customers/*/payment_methods", method="GET", times=2)
    answer = owner.get(LIST)
    assert (answer.status_code, [each["id"] for each in answer.json()["results"]]) == (200, [visa])
    assert any("as we last knew them" in record.getMessage() for record in caplog.records)
    stripe.panel("DELETE", "faults")
    assert len(owner.get(LIST).json()["results"]) == 2


def test_the_list_is_newest_first_and_anothers_is_not_in_it(stripe: StripeWorld, acme: Tenant, owner: Client) -> None:
    card(stripe, world.tenant())
    first = card(stripe, acme)
    sync_methods(tenant=acme, now=NOW)
    PaymentMethod.objects.filter(provider_ref=first).update(created_at=NOW)
    second = card(stripe, acme, "pm_card_mastercard")
    assert [each["id"] for each in owner.get(LIST).json()["results"]] == [second, first]


# --- One method -------------------------------------------------------------------------------------------------------


def test_another_default_is_chosen_and_the_answer_is_replayed(stripe: StripeWorld, acme: Tenant, owner: Client) -> None:
    card(stripe, acme)
    sync_methods(tenant=acme, now=NOW)
    other = card(stripe, acme, "pm_card_mastercard")
    first, again = (post(owner, f"/api/payments/methods/{other}/default", **{"Idempotency-Key": "k"}) for _ in "ab")
    assert (first.status_code, first.json()["id"], first.json()["isDefault"]) == (200, other, True)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert {each["id"]: each["isDefault"] for each in owner.get(LIST).json()["results"]}[other]
    assert sum(each["isDefault"] for each in owner.get(LIST).json()["results"]) == 1


def test_a_default_takes_no_body_but_an_empty_one(stripe: StripeWorld, acme: Tenant, owner: Client) -> None:
    visa = card(stripe, acme)
    path = f"/api/payments/methods/{visa}/default"
    assert post(owner, path, "").status_code == 200
    assert post(owner, path, {"isDefault": False}).json()["errors"][0]["code"] == "unknown_field"


def test_a_removed_method_is_detached_and_is_404_the_second_time(
    stripe: StripeWorld, acme: Tenant, owner: Client
) -> None:
    visa = card(stripe, acme)
    answer = owner.delete(f"/api/payments/methods/{visa}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert stripe.api.payment_methods.retrieve(visa).customer is None
    assert owner.get(LIST).json() == {"results": []}
    assert owner.delete(f"/api/payments/methods/{visa}").status_code == 404
    assert post(owner, f"/api/payments/methods/{visa}/default").status_code == 404


def test_a_method_that_a_payment_needs_stays(stripe: StripeWorld, acme: Tenant, owner: Client) -> None:
    visa = card(stripe, acme)
    paying_with(acme, visa, "processing")
    answer = owner.delete(f"/api/payments/methods/{visa}")
    assert (answer.status_code, answer.json()["code"]) == (409, "method_in_use")
    assert stripe.api.payment_methods.retrieve(visa).customer


def without_its_own(problem: Any) -> dict[str, Any]:
    return {**problem.json(), "requestId": None}


@pytest.mark.parametrize("known_to_us", [True, False])
def test_anothers_method_answers_like_one_that_never_was(
    stripe: StripeWorld, acme: Tenant, owner: Client, known_to_us: bool
) -> None:
    globex = world.tenant("globex")
    theirs = card(stripe, globex)
    if known_to_us:
        sync_methods(tenant=globex, now=NOW)
    card(stripe, acme)
    for ask in (
        lambda reference: owner.delete(f"/api/payments/methods/{reference}"),
        lambda reference: post(owner, f"/api/payments/methods/{reference}/default"),
    ):
        got, expected = ask(theirs), ask("pm_" + "0" * 24)
        assert (got.status_code, without_its_own(got)) == (404, without_its_own(expected))
    assert stripe.api.payment_methods.retrieve(theirs).customer


@pytest.mark.parametrize(
    "reference", ["pm", "x" * 256, "pm-1", "pm_%C3%A9", "pm_1%0A", "pm_1%00", "..%2Fcards", "pm_1;x"]
)
def test_what_is_no_reference_is_not_there(stripe: StripeWorld, acme: Tenant, owner: Client, reference: str) -> None:
    card(stripe, acme)
    answer = owner.delete(f"/api/payments/methods/{reference}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("fault", ["drop_before", "rate_limit"])
def test_a_removal_that_the_provider_did_not_hear_of_is_503_and_the_method_stays(
    stripe: StripeWorld, acme: Tenant, owner: Client, fault: str
) -> None:
    visa = card(stripe, acme)
    sync_methods(tenant=acme, now=NOW)
    stripe.fault(fault, "/v1/payment_methods/*", method="*", times=2)
    answer = owner.delete(f"/api/payments/methods/{visa}")
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert [each["id"] for each in owner.get(LIST).json()["results"]] == [visa]
    stripe.panel("DELETE", "faults")
    assert owner.delete(f"/api/payments/methods/{visa}").status_code == 204


def test_without_a_provider_there_is_nothing_here(acme: Tenant, owner: Client) -> None:
    PaymentMethod.objects.create(
        tenant=acme, provider="stripe", livemode=False, provider_ref="pm_1", type="card", created_at=NOW
    )
    answers = [
        post(owner, SETUP),
        owner.get(LIST),
        post(owner, "/api/payments/methods/pm_1/default"),
        owner.delete("/api/payments/methods/pm_1"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 4
