"""What a payer has still to do at the provider is had again over the API: read, or the same request sent again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing_portal.kit.models import IdempotencyRecord
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from payments.providers import breaker
from subscriptions.tests import paypal_plans
from subscriptions.tests.pages_world import browser
from subscriptions.tests.plan_world import price
from subscriptions.tests.stripe_plans import order, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
ASKS = "pm_card_authenticationRequired"


def begin(client: Client, *, trial: int = 14, key: str = "k", method: str = ASKS) -> Any:
    client.defaults["HTTP_IDEMPOTENCY_KEY"] = key
    answer = order(client, method, planType="professional", trialDays=trial)
    del client.defaults["HTTP_IDEMPOTENCY_KEY"]
    return answer


def asked_of(stripe: StripeWorld) -> int:
    return sum(each["path"].startswith("/v1/subscriptions/") for each in stripe.panel("GET", "log"))


@pytest.mark.parametrize("trial", [14, 0], ids=["a trial", "a first payment"])
def test_the_secret_is_read_again_until_its_payer_has_confirmed(stripe: StripeWorld, owner: Client, trial: int) -> None:
    price(code="professional", trial_days=14)
    made = begin(owner, trial=trial).json()
    secret = made["clientSecret"]
    assert secret.startswith("seti_" if trial else "pi_")
    assert secret not in (IdempotencyRecord.objects.get().body or "")
    read = owner.get("/api/subscription")
    assert (read.json()["clientSecret"], read["Cache-Control"]) == (secret, "no-store")
    again = begin(owner, trial=trial)
    assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (201, made, "true")
    stripe.authenticate(secret.partition("_secret")[0])
    told(stripe)
    runs = "trialing" if trial else "active"
    for answer in (owner.get("/api/subscription"), begin(owner, trial=trial)):
        assert (answer.json()["status"], answer.json()["clientSecret"]) == (runs, None)
    assert len(stripe.objects("subscriptions")) == 1


def test_nobody_gets_it_who_may_not_manage(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    price(code="professional", trial_days=14)
    secret = begin(owner).json()["clientSecret"]
    before = asked_of(stripe)
    seen = browser(acme, "viewer").get("/api/subscription").json()
    assert (seen["status"], seen["clientSecret"]) == ("trialing", None)
    assert asked_of(stripe) == before
    assert browser(acme, "billing").get("/api/subscription").json()["clientSecret"] == secret


def test_reading_needs_no_provider(stripe: StripeWorld, owner: Client) -> None:
    price(code="professional", trial_days=14)
    secret = begin(owner).json()["clientSecret"]
    stripe.fault("drop_before", "/v1/subscriptions/*", method="GET", times=2)
    read = owner.get("/api/subscription")
    assert (read.status_code, read.json()["status"], read.json()["clientSecret"]) == (200, "trialing", None)
    stripe.fault("drop_before", "/v1/subscriptions/*", method="GET", times=2)
    breaker.forget()
    again = begin(owner)
    assert (again.status_code, again.json()["code"]) == (503, "provider_unavailable"), "it is what was asked for"
    breaker.forget()
    assert begin(owner).json()["clientSecret"] == secret


def test_one_that_runs_is_read_from_our_books_alone(stripe: StripeWorld, owner: Client) -> None:
    price(code="professional", trial_days=14)
    begin(owner, trial=0, method="pm_1234567890")
    before = asked_of(stripe)
    assert owner.get("/api/subscription").json()["status"] == "active"
    assert asked_of(stripe) == before


def test_paypals_page_is_told_again_until_its_payer_has_agreed(paypal: PayPalWorld, owner: Client) -> None:
    begun = paypal_plans.post(owner, paypal_plans.PATH, paypal_plans.guide(paypal_plans.at_paypal(price()))).json()
    assert owner.get("/api/subscription").json()["approvalUrl"] == begun["approvalUrl"]
    paypal.approve(paypal.objects("subscriptions")[0]["id"])
    paypal_plans.told(paypal)
    after = owner.get("/api/subscription").json()
    assert (after["status"], after["approvalUrl"]) == ("active", None)
