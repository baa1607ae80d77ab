"""With every webhook lost, the night finds what there is at the providers: begun, renewed, changed, ended, alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import SYSTEM
from payments.actions.discrepancies import close_discrepancy
from payments.models import Discrepancy, Payment
from payments.tasks import reconcile
from subscriptions import tasks
from subscriptions.actions import following, moving
from subscriptions.models import Subscription
from subscriptions.tests import paypal_plans
from subscriptions.tests.plan_world import price, two_plans
from subscriptions.tests.stripe_plans import begun, billed, followed, invoices, order, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def deaf(request: Any) -> None:
    """Nothing that a provider tells arrives."""
    for name in ("stripe", "paypal"):
        if name in request.fixturenames:
            request.getfixturevalue(name).panel("POST", "webhooks", {"mode": "drop"})


def books_agree(*, provider: str = "") -> None:
    """It raises where they do not."""
    call_command("reconcile", "--json", *(["--provider", provider] if provider else []))


@pytest.mark.usefixtures("deaf")
def test_a_life_by_stripe_of_which_nothing_was_told(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    billed(stripe, subscription)
    tasks.follow_all()
    assert invoices() == [("paid", 1_000)] * 2
    item = stripe.objects("subscriptions")[0]["items"]["data"][0]
    change: Any = {"items": [{"id": item["id"], "quantity": 3}], "proration_behavior": "none"}
    stripe.api.subscriptions.update(subscription.provider_ref or "", change)
    tasks.follow_all()
    assert owner.get("/api/subscription").json()["seats"] == 3
    stripe.api.subscriptions.cancel(subscription.provider_ref or "")
    tasks.follow_all()
    subscription.refresh_from_db()
    assert subscription.status == "canceled"
    books_agree()


@pytest.mark.usefixtures("deaf")
def test_a_life_by_paypal_of_which_nothing_was_told(paypal: PayPalWorld, owner: Client) -> None:
    subscription = paypal_plans.begun(owner, paypal_plans.at_paypal(price()))
    paypal.approve(subscription.provider_ref or "")
    tasks.follow_all()
    subscription.refresh_from_db()
    assert subscription.status == "active"
    paypal_plans.billed(paypal, subscription)
    tasks.follow_all()
    assert taken_by_paypal() == [2_900, 2_900]
    books_agree()


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize("alone", [True, False], ids=["that provider alone", "every provider"])
def test_by_hand_a_renewal_is_no_difference(
    stripe: StripeWorld, paypal: PayPalWorld, owner: Client, alone: bool
) -> None:
    two_plans()
    subscription = begun(owner)
    billed(stripe, subscription)
    books_agree(provider="stripe" if alone else "")
    assert invoices() == [("paid", 1_000)] * 2


def taken_by_paypal() -> list[int]:
    return list(Payment.objects.filter(status="succeeded").values_list("amount_minor", flat=True))


@pytest.mark.usefixtures("deaf")
def test_one_whose_answer_was_lost_is_found_though_its_row_was_given_up(stripe: StripeWorld, owner: Client) -> None:
    """It ended here, and nobody knows its reference: it is ended there, and what it charged goes back."""
    two_plans()
    stripe.fault("drop_after", "/v1/subscriptions", times=2)
    order(owner)
    long_ago = timezone.now() - timedelta(days=10)
    moving.end_unbegun(subscription_id=Subscription.objects.get().id, reason="given up", actor=SYSTEM, now=long_ago)
    assert stripe.objects("subscriptions")[0]["status"] == "active"
    tasks.follow_all()
    followed()
    assert stripe.objects("subscriptions")[0]["status"] == "canceled"
    assert Subscription.objects.get().status == "canceled"
    assert [each["amount"] for each in stripe.objects("refunds")] == stripe.taken() == [1_000]


@pytest.mark.usefixtures("deaf")
def test_one_that_no_row_stands_for_is_for_staff_and_one_of_another_system_is_not(
    stripe: StripeWorld, owner: Client
) -> None:
    two_plans()
    subscription = begun(owner)
    there = stripe.objects("subscriptions")[0]
    facts: dict[str, Any] = {
        "customer": there["customer"],
        "items": [{"price": there["items"]["data"][0]["price"]["id"]}],
        "default_payment_method": there["default_payment_method"],
    }
    stripe.api.subscriptions.create(facts)
    second = stripe.api.subscriptions.create({**facts, "metadata": there["metadata"]})
    lost = stripe.api.subscriptions.create(
        {**facts, "metadata": {**there["metadata"], "subscription_id": "0191d7a0-0000-7000-8000-000000000000"}}
    )
    for _ in range(2):
        tasks.follow_all()
    told = Discrepancy.objects.filter(kind="state_differs")
    assert told.count() == 2
    assert f"Our subscription is {subscription.provider_ref}" in told.get(provider_ref__startswith=second.id).detail
    assert told.get(provider_ref__startswith=lost.id).tenant is None


def test_who_has_seen_to_one_thing_of_a_subscription_hears_of_the_next(stripe: StripeWorld, owner: Client) -> None:
    """First it is charged by a price that nobody knows here, then it runs on after it has ended."""
    two_plans()
    subscription = begun(owner)
    item = stripe.objects("subscriptions")[0]["items"]["data"][0]
    data: Any = {"currency": "usd", "product": item["price"]["product"], "unit_amount": 900}
    data["recurring"] = {"interval": "month"}
    unknown = stripe.api.prices.create(data).id
    change: Any = {"items": [{"id": item["id"], "price": unknown}], "proration_behavior": "none"}
    stripe.api.subscriptions.update(subscription.provider_ref or "", change)
    tasks.follow_all()
    first = Discrepancy.objects.get(kind="state_differs")
    assert "none of our plans" in first.detail
    clerk = world.user(staff=True)
    close_discrepancy(discrepancy_id=first.id, note="agreed by phone", closed_by=clerk, now=timezone.now())
    tasks.follow_all()
    assert not Discrepancy.objects.filter(kind="state_differs", closed_at=None).exists()
    with transaction.atomic():
        row = moving.locked(subscription.id)
        moving.end(row, timezone.now(), actor=SYSTEM, now=timezone.now(), reason="ended at the desk")
        row.save()
    following.follow(subscription_id=subscription.id, actor=SYSTEM, now=timezone.now())
    assert stripe.objects("subscriptions")[0]["status"] == "canceled"
    second = Discrepancy.objects.get(kind="state_differs", closed_at=None)
    assert "Give back what it has charged" in second.detail


def test_a_list_that_is_not_had_keeps_the_rest_of_the_night_going(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    send(owner, "post", "/cancel")
    billed(stripe, subscription)
    stripe.fault("html_500", "/v1/subscriptions", method="GET", times=2)
    assert tasks.follow_all() == 1


@pytest.mark.usefixtures("deaf")
def test_money_that_nobody_knew_is_nobodys_task_once_its_bill_is_booked(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    billed(stripe, subscription)
    reconcile()  # it may be the first of the two that the night runs
    assert Discrepancy.objects.get(kind="unknown_charge").closed_at is None
    tasks.follow_all()
    assert Discrepancy.objects.get(kind="unknown_charge").closed_at is not None
    assert reconcile() == 0
