"""A coupon at the start of a subscription: who may redeem it, how often, and whoever charges it then."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import SYSTEM, at
from payments.inbox.handling import handle_due
from payments.models import Invoice
from payments.tests.paypal_payments import owner_of
from subscriptions import coupon_queries, discounts
from subscriptions.actions import ending
from subscriptions.actions.couponing import close_coupon
from subscriptions.models import Coupon, Subscription
from subscriptions.tests.coupon_world import coupon
from subscriptions.tests.plan_world import price, started, two_plans, usd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
DECLINED = "pm_card_chargeCustomerFail"


def order(client: Client, code: str | None = "WELCOME20", **more: Any) -> Any:
    body = {"planType": "small", "billingCycle": "monthly", "seats": 2} | ({"coupon": code} if code else {}) | more
    return client.post("/api/subscription", json.dumps(body), content_type="application/json")


def refusal(answer: Any) -> tuple[int, str, str]:
    told = answer.json()
    return answer.status_code, told["errors"][0]["field"], told["errors"][0]["code"]


def held(mine: Coupon) -> int:
    return coupon_queries.redemptions(mine).count()


def test_it_is_redeemed_by_its_code_however_that_is_written(owner: Client) -> None:
    two_plans()
    mine = coupon()
    answer = order(owner, " welcome20 ")
    assert answer.status_code == 201, answer.content
    assert answer.json()["coupon"] == {
        "code": "WELCOME20",
        "percentOff": "20",
        "amountOff": None,
        "currency": None,
        "cycles": 3,
        "cyclesLeft": 2,
    }
    assert (Invoice.objects.get().total_minor, held(mine)) == (1_600, 1)
    assert owner.get("/api/subscription").json() == answer.json()


def test_an_amount_is_shown_with_its_currency_and_none_as_null(owner: Client, acme: Tenant) -> None:
    two_plans()
    coupon("FIVE", amount=usd(500), cycles=None)
    shown = order(owner, "FIVE").json()["coupon"]
    assert (shown["percentOff"], shown["amountOff"], shown["currency"]) == (None, 500, "usd")
    assert (shown["cycles"], shown["cyclesLeft"]) == (None, None)
    other = owner_of(world.tenant())
    assert order(other, None).json()["coupon"] is None


def test_what_cant_be_redeemed_says_why_and_starts_nothing(owner: Client, acme: Tenant) -> None:
    two_plans()
    now = timezone.now()
    coupon("OVER", redeem_by=now)
    closed = coupon("CLOSED")
    close_coupon(coupon_id=closed.id, now=now)
    coupon("THEIRS", tenant=world.tenant())
    coupon("EUROS", amount=Money(500, "eur"))
    full = coupon("FULL", max_redemptions=1)
    small = price(1_000, code="other")
    started(small, "2026-01-01 00:00", coupon="FULL", payment_terms_days=3_650)
    for code, why in (
        ("NEVER", "unknown_coupon"),
        ("THEIRS", "unknown_coupon"),
        ("OVER", "coupon_expired"),
        ("CLOSED", "coupon_expired"),
        ("EUROS", "coupon_currency"),
        ("FULL", "coupon_used_up"),
    ):
        assert refusal(order(owner, code)) == (400, "coupon", why)
    assert not Subscription.objects.filter(tenant=acme).exists()
    assert held(full) == 1


def test_one_that_is_for_a_tenant_alone_is_for_that_one(owner: Client, acme: Tenant) -> None:
    two_plans()
    coupon("OURS", tenant=acme, redeem_by=timezone.now() + timedelta(seconds=5))
    assert order(owner, "OURS").status_code == 201


def test_it_is_for_one_subscription_of_a_tenant(owner: Client, acme: Tenant) -> None:
    two_plans()
    mine = coupon()
    assert order(owner).status_code == 201
    again = order(owner)
    assert (again.status_code, again.json()["code"]) == (409, "already_subscribed")
    first = Subscription.objects.get()
    ending.cancel_subscription(subscription_id=first.id, at_period_end=False, actor=SYSTEM, now=timezone.now())
    assert refusal(order(owner)) == (400, "coupon", "coupon_used_before")
    assert (order(owner, None).status_code, held(mine)) == (201, 1)


def test_by_paypal_there_is_none(paypal: PayPalWorld, acme: Tenant) -> None:
    from payments.providers.recurring import Payer
    from subscriptions.actions.starting import Order, start
    from subscriptions.errors import CouponNotByPayPal

    two_plans()
    coupon()
    wanted = Order("small", "monthly", payer=Payer("a@b.example"), coupon="WELCOME20")
    with pytest.raises(CouponNotByPayPal) as refused:
        start(tenant=acme, order=wanted, actor=SYSTEM, now=timezone.now())
    assert (refused.value.status, refused.value.code) == (409, "not_supported_by_provider")
    assert not Subscription.objects.exists() and not paypal.objects("subscriptions")


def test_by_stripe_its_bills_bring_what_it_takes_off(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    mine = coupon(cycles=2)
    begun = order(owner, paymentMethodId="pm_1234567890")
    assert (begun.status_code, begun.json()["status"]) == (201, "active"), begun.content
    assert begun.json()["coupon"]["cyclesLeft"] == 1
    lefts = []
    for months in (1, 2):
        stripe.clock(timezone.now() + timedelta(days=31 * months))
        stripe.deliver()
        handle_due(timezone.now())
        lefts.append(owner.get("/api/subscription").json()["coupon"]["cyclesLeft"])
    totals = list(Invoice.objects.order_by("number").values_list("total_minor", flat=True))
    assert (totals, stripe.taken(), lefts) == ([1_600, 1_600, 2_000], [1_600, 1_600, 2_000], [0, 0])
    (there,) = stripe.objects("coupons")
    assert (there["percent_off"], held(mine)) == (20, 1)


@pytest.mark.parametrize(("cycles", "bills", "left"), [(1, [10_000, 2_000], 0), (2, [10_000, 1_000], 11)])
def test_by_stripe_what_is_shown_after_another_cycle_is_what_is_billed(
    stripe: StripeWorld, owner: Client, cycles: int, bills: list[int], left: int
) -> None:
    """It counts months of the year that was begun with, and one of one period is used up by the first bill."""
    two_plans()
    coupon(percent="50", cycles=cycles)
    begun = order(owner, paymentMethodId="pm_1234567890", billingCycle="yearly", seats=2)
    assert begun.status_code == 201, begun.content
    to_months = owner.patch("/api/subscription", json.dumps({"billingCycle": "monthly"}), "application/json")
    assert to_months.status_code == 200 and to_months.json()["pendingChange"]["billingCycle"] == "monthly"
    assert to_months.json()["coupon"]["cyclesLeft"] == (12 if cycles == 2 else 0)
    page = words(owner.get("/subscription"))
    assert f"${bills[1] // 100}.00" in page[page.index("Next invoice") :][:60]
    later = timezone.now() + timedelta(days=366)
    stripe.clock(later)
    stripe.deliver()
    handle_due(timezone.now())
    assert list(Invoice.objects.order_by("number").values_list("total_minor", flat=True)) == bills
    mine = Subscription.objects.get()
    assert discounts.bills_left(mine) == left


def test_while_it_ends_no_bill_is_promised(owner: Client) -> None:
    two_plans()
    coupon()
    assert order(owner).json()["coupon"]["cyclesLeft"] == 2
    ended = owner.post("/api/subscription/cancel", "{}", "application/json")
    assert ended.json()["coupon"]["cyclesLeft"] == 0
    assert owner.post("/api/subscription/resume", "{}", "application/json").json()["coupon"]["cyclesLeft"] == 2


def test_a_start_that_came_to_nothing_does_not_stand_in_the_way(stripe: StripeWorld, owner: Client) -> None:
    """It holds the coupon while its payer may still pay; another of the same tenant takes it over."""
    two_plans()
    mine = coupon(max_redemptions=1)
    assert order(owner, paymentMethodId=DECLINED).status_code == 402
    assert (Subscription.objects.get().status, held(mine)) == ("incomplete", 1)
    assert refusal(order(owner_of(world.tenant()))) == (400, "coupon", "coupon_used_up")
    assert order(owner, paymentMethodId="pm_1234567890").status_code == 201
    assert (sorted(Subscription.objects.values_list("status", flat=True)), held(mine)) == (["active", "canceled"], 1)


def test_what_has_lapsed_gives_the_coupon_back(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    mine = coupon(max_redemptions=1)
    assert order(owner, paymentMethodId=DECLINED).status_code == 402
    stripe.clock(timezone.now() + timedelta(days=1, hours=1))
    stripe.deliver()
    handle_due(timezone.now())
    assert (Subscription.objects.get().status, held(mine)) == ("canceled", 0)
    assert order(owner_of(world.tenant())).status_code == 201


def test_the_same_key_redeems_it_once(owner: Client) -> None:
    two_plans()
    mine = coupon(max_redemptions=1)
    body = json.dumps({"planType": "small", "billingCycle": "monthly", "coupon": "WELCOME20"})
    send = {"content_type": "application/json", "headers": {"Idempotency-Key": "k1"}}
    first, second = (owner.post("/api/subscription", body, **send) for _ in range(2))
    assert (first.status_code, first.json()) == (201, second.json())
    assert held(mine) == 1


def test_a_mail_says_for_how_long_it_takes_something_off(mailoutbox: list[Any]) -> None:
    from subscriptions.tests.story import Story

    two_plans()
    coupon()
    with time_machine.travel(at("2026-06-01 00:00"), tick=False) as clock:
        told = Story(clock)
        told.starts(coupon="WELCOME20")
        told.asks("post", "/subscription/cancel")
        told.asks("post", "/subscription/resume")
        told.delivered()
    texts = [each.body.replace("\N{NO-BREAK SPACE}", " ") for each in mailoutbox]
    assert any("goes on: $20.00 a month. WELCOME20 takes 20% off the next 2 invoices." in each for each in texts), texts
