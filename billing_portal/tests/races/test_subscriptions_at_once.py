"""A subscription from many hands at once: each period is billed once, and what many ask of it leaves one legal state.

`RACE_CHANGES` says how often the second race is run.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta

import pytest

from billing_portal.kit.errors import BillingError
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.world import SYSTEM, at
from payments.errors import PaymentInProgress
from payments.models import Invoice
from subscriptions import coupon_queries, queries
from subscriptions.actions import changing, ending, pausing, renewing
from subscriptions.actions.changing import Wish
from subscriptions.errors import (
    AlreadySubscribed,
    CouponUsedUp,
    NothingChanges,
    NotSubscribed,
    NotWhileEnding,
    NotWhilePaused,
    SeatsFallAtRenewal,
)
from subscriptions.models import Subscription
from subscriptions.tests.coupon_world import coupon
from subscriptions.tests.plan_world import billed, invoices, price, started, two_plans

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_hold")]

ROUNDS = int(os.environ.get("RACE_CHANGES", "12"))


def renewed(subscription: Subscription, now: str) -> list[Invoice]:
    return renewing.renew(subscription_id=subscription.id, actor=SYSTEM, now=at(now))


def test_a_period_is_billed_once_whoever_renews_at_once() -> None:
    for _ in range(3):
        subscription = started(price(), "2026-01-31 00:00", payment_terms_days=365)
        outcomes = at_once(20, lambda _, subscription=subscription: renewed(subscription, "2026-04-25 00:00"))
        assert outcomes.errors == []
        assert sorted(map(len, outcomes.results)) == [0] * 19 + [3]
        assert [span[:2] for span in billed(subscription)] == [
            ("Jan 31", "Feb 28"),
            ("Feb 28", "Mar 31"),
            ("Mar 31", "Apr 30"),
            ("Apr 30", "May 31"),
        ]


def test_a_change_is_charged_once_whoever_clicks_at_once() -> None:
    for _ in range(3):
        subscription = started(price(), "2026-06-01 00:00", seats=2)
        now = at("2026-06-16 00:00")
        shown = changing.preview_change(subscription_id=subscription.id, wish=Wish(seats=5), actor=SYSTEM, now=now)

        def click(_: int, subscription: Subscription = subscription, state: str = shown.state) -> None:
            changing.change_subscription(
                subscription_id=subscription.id,
                wish=Wish(seats=5),
                actor=SYSTEM,
                now=at("2026-06-16 00:00"),
                instant=at("2026-06-16 00:00"),
                state=state,
            )

        outcomes = at_once(8, click)
        assert len(outcomes.errors) == 7
        assert [each.total_minor for each in invoices(subscription)] == [5_800, 4_350]


def test_change_renewal_cancellation_and_pause_at_once_leave_one_legal_state() -> None:
    refused = (
        NothingChanges,
        NotSubscribed,
        NotWhileEnding,
        NotWhilePaused,
        SeatsFallAtRenewal,
        PaymentInProgress,
    )
    seen: Counter[str] = Counter()
    small, _ = two_plans()
    for number in range(ROUNDS):
        subscription = started(small, "2026-06-01 00:00", seats=2, payment_terms_days=90)
        moment = at("2026-06-20 00:00") + timedelta(hours=16 * (number % 24))

        def act(number: int, subscription: Subscription = subscription, now: object = moment) -> object:
            facts = {"subscription_id": subscription.id, "actor": SYSTEM, "now": now}
            acts = (
                lambda: renewing.renew(**facts),
                lambda: changing.change_subscription(wish=Wish(seats=4), **facts),
                lambda: changing.change_subscription(wish=Wish(plan_code="big"), **facts),
                lambda: ending.cancel_subscription(**facts),
                lambda: pausing.resume_subscription(**facts),
                lambda: renewing.renew(**facts),
                lambda: pausing.pause_subscription(**facts),
                lambda: changing.change_subscription(wish=Wish(seats=1), **facts),
            )
            return acts[number]()

        outcomes = at_once(8, act)
        assert all(isinstance(each, refused) for each in outcomes.errors), [
            each for each in outcomes.errors if not isinstance(each, BillingError) or not isinstance(each, refused)
        ]
        subscription.refresh_from_db()
        seen[subscription.status] += 1
        assert subscription.status in ("active", "paused")
        assert subscription.billed_until and subscription.period_end
        assert subscription.billed_until >= subscription.period_end
        assert queries.current_terms(subscription, moment + timedelta(seconds=1)).seats >= 2, "what is paid for stays"
        renewing.renew(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-08-05 00:00"))
    assert sum(seen.values()) == ROUNDS


def test_the_last_redemption_of_a_coupon_is_one_tenants_whoever_starts_at_once() -> None:
    plan = price()
    for number in range(3):
        mine = coupon(f"LAST{number}", max_redemptions=2)
        started(plan, "2026-06-01 00:00", coupon=mine.code)
        many = [world.tenant() for _ in range(8)]

        def start(which: int, many: list[Tenant] = many, code: str = mine.code) -> Subscription:
            return started(plan, "2026-06-01 00:00", tenant=many[which], coupon=code)

        outcomes = at_once(8, start)
        assert (len(outcomes.results), outcomes.count(CouponUsedUp)) == (1, 7), outcomes.errors
        assert coupon_queries.redemptions(mine).count() == Subscription.objects.filter(coupon=mine).count() == 2


def test_a_tenant_redeems_a_coupon_once_however_often_it_starts_at_once() -> None:
    plan, mine, who = price(), coupon(), world.tenant()
    outcomes = at_once(8, lambda: started(plan, "2026-06-01 00:00", tenant=who, coupon=mine.code))
    assert (len(outcomes.results), outcomes.count(AlreadySubscribed)) == (1, 7), outcomes.errors
    assert [each.total_minor for each in invoices(outcomes.results[0])] == [4_640]


def test_renewing_by_the_clock_and_paying_at_once_stand_in_nobodys_way() -> None:
    """They lock the tenant, what its credit came from, and its invoices: no deadlock."""
    from payments import queries as money
    from payments.tests.offline_world import verify_check
    from subscriptions.actions import judging

    clerk = world.user(staff=True)
    for _ in range(3):
        subscription = started(price(), "2026-06-01 00:00", seats=2)
        renewed(subscription, "2026-07-26 00:00")
        checks = [
            world.check_for(subscription.tenant, money.amounts(each).open, clerk, invoice=each)
            for each in invoices(subscription)
        ]

        def act(number: int, subscription: Subscription = subscription, checks: list = checks) -> object:
            if number < len(checks):
                return verify_check(checks[number], by=clerk, now=at("2026-07-27 00:00"))
            if number % 2:
                return judging.judge(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-07-27 00:00"))
            return renewed(subscription, "2026-08-26 00:00")

        assert at_once(8, act).errors == []
        judging.judge(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-08-26 00:00"))
        subscription.refresh_from_db()
        assert subscription.status == "active"
