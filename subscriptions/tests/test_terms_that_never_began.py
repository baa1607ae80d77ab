"""Calls beside a subscription that waits for its payer, or ended before it came alive: its terms price nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import SYSTEM
from subscriptions import pricing_terms
from subscriptions.actions import giving_up
from subscriptions.models import Subscription
from subscriptions.tests import paypal_plans
from subscriptions.tests.plan_world import price, two_plans
from subscriptions.tests.stripe_plans import begun, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
NEEDS_BANK = "pm_card_authenticationRequired"


def segments(tenant: Any) -> list[Any]:
    now = timezone.now()
    return pricing_terms.terms_between(tenant, now - timedelta(days=1), now + timedelta(days=1))


def test_what_waits_for_its_payer_or_never_came_alive_prices_no_call(
    stripe: StripeWorld, acme: Any, owner: Client
) -> None:
    two_plans()
    waiting = begun(owner, NEEDS_BANK)
    assert waiting.status == "incomplete"
    assert world.call(acme, 5, timezone.now())[0].segment_start is None and segments(acme) == []
    giving_up.give_up(subscription_id=waiting.id, actor=SYSTEM, now=timezone.now())
    waiting.refresh_from_db()
    assert waiting.status == "canceled" and waiting.ended_at
    while_it_waited = waiting.started_at + (waiting.ended_at - waiting.started_at) / 2
    assert world.call(acme, 6, while_it_waited, now=timezone.now())[0].segment_start is None and segments(acme) == []
    alive = begun(owner)
    told(stripe)
    assert world.call(acme, 7, timezone.now())[0].segment_start == alive.started_at
    assert [each.subscription_id for each in segments(acme)] == [alive.id]


def test_what_was_paid_for_prices_the_calls_beside_a_start(
    stripe: StripeWorld, paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    paid = paypal_plans.agreed(paypal, paypal_plans.begun(owner, paypal_plans.at_paypal(price())))
    paypal_plans.post(owner, f"{paypal_plans.PATH}/{paid.id}/cancel")
    two_plans()
    begun(owner, NEEDS_BANK)
    assert world.call(acme, 5, timezone.now())[0].segment_start == paid.started_at
    assert [each.subscription_id for each in segments(acme)] == [paid.id]


def test_what_lives_has_come_alive_and_the_database_holds_it(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    two_plans()
    waiting = begun(owner, NEEDS_BANK)
    assert waiting.came_alive_at is None
    alive = begun(owner)
    first = alive.came_alive_at
    assert alive.status == "active" and first
    end_now = {"atPeriodEnd": False}
    assert owner.post("/api/subscription/cancel", end_now, content_type="application/json").status_code == 200
    rows = Subscription.objects.filter(tenant=acme).order_by("started_at")
    assert list(rows.values_list("status", "came_alive_at")) == [("canceled", None), ("canceled", first)]
    for status, came_alive_at in (("active", None), ("incomplete", first)):
        with pytest.raises(IntegrityError, match="subscription_live_has_come_alive"), transaction.atomic():
            rows.filter(id=alive.id).update(status=status, came_alive_at=came_alive_at, ended_at=None)
