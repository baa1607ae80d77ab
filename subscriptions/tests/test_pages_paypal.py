"""To PayPal's page and back: nobody is led elsewhere, and nothing is done by what could not be read."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing_portal.tests.paypal_world import PayPalWorld
from payments.models import Invoice
from payments.providers import breaker, registry
from payments.providers.recurring import RunsSubscriptions
from subscriptions.models import PlanPrice
from subscriptions.tests.paypal_plans import at_paypal, begun, told
from subscriptions.tests.plan_world import price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def plan(paypal: PayPalWorld) -> str:
    return at_paypal(price())


@pytest.mark.parametrize("way", ["return", "cancel"])
def test_on_the_way_back_what_paypal_does_not_tell_is_left_as_it_is(
    paypal: PayPalWorld, owner: Client, plan: str, way: str
) -> None:
    subscription = begun(owner, plan)
    paypal.approve(subscription.provider_ref or "")
    paypal.fault("html_500", "/v1/billing/subscriptions*", method="GET", times=9)
    back = owner.get(f"/subscription/paypal/{way}", {"subscription_id": subscription.provider_ref}, follow=True)
    assert "PayPal does not answer right now" in back.content.decode()
    assert "Nothing was started" not in back.content.decode()
    subscription.refresh_from_db()
    assert subscription.status == "approval_pending"
    breaker.forget()
    paypal.panel("DELETE", "faults")
    told(paypal)
    subscription.refresh_from_db()
    assert (subscription.status, Invoice.objects.get().status) == ("active", "paid")


def test_nobody_is_sent_to_a_page_that_is_not_paypals(
    paypal: PayPalWorld, owner: Client, plan: str, settings: Any
) -> None:
    assert registry.named("paypal", RunsSubscriptions), "made before its address is said to be another"
    settings.PAYPAL_API_BASE = "https://elsewhere.example"
    form = {"plan": "", "cycle": "monthly", "seats": "2", "begin": "now", "pay_with": "paypal", "shown": "5800"}
    form |= {"plan": PlanPrice.objects.get(billing_cycle="monthly").version.plan.code, "after": ""}
    left = owner.post("/subscription/start", form)
    assert left["Location"] == "/subscription"
    assert "is not one of PayPal" in owner.get("/subscription").content.decode()
