"""`manage.py sync_plans`: every price of every plan at every provider, once."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing_portal.tests.paypal_world import PayPalWorld
from subscriptions.models import PlanPriceRef
from subscriptions.tests.plan_world import price

pytestmark = pytest.mark.django_db


def synced(**options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("sync_plans", provider="paypal", json=True, stdout=out, **options)
    return json.loads(out.getvalue())["providers"][0]


def test_each_price_is_made_once_however_often_it_runs(paypal: PayPalWorld) -> None:
    price(1_900), price(0, yearly=0)
    assert len(synced()["made"]) == 2, "a price of nothing is charged by nobody"
    assert (synced()["made"], synced()["known"]) == ({}, 2)
    before = len(paypal.objects("plans"))
    PlanPriceRef.objects.all().delete()
    assert len(synced()["made"]) == 2
    assert len(paypal.objects("plans")) == before, "they were found again"


def test_the_demos_plan_is_the_guides(paypal: PayPalWorld) -> None:
    from billing_portal.seeding.plans import make_plans
    from billing_portal.tests.world import START

    make_plans(START)
    made = synced()["made"]
    assert made["Professional, version 1, monthly, USD"] == "P-5ML4271244454362WXNWU5NQ"


def test_what_cant_be_made_is_named_and_the_others_are(paypal: PayPalWorld) -> None:
    price(), price(500, yearly=5_000)
    paypal.fault("status", "/v1/billing/plans", status=500, times=2)
    out = StringIO()
    with pytest.raises(CommandError, match="Run it again"):
        call_command("sync_plans", provider="paypal", stdout=out)
    assert "failed: Professional" in out.getvalue()
    assert PlanPriceRef.objects.count() == 3


def test_without_a_provider_it_says_so() -> None:
    with pytest.raises(CommandError, match="No provider"):
        call_command("sync_plans")
