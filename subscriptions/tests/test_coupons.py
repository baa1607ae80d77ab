"""What a coupon takes off what our own invoices bill: of which periods, how much, and what of it is given back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.world import SYSTEM, at
from payments.models import CreditNote, Invoice
from subscriptions import discounts, quoting
from subscriptions.actions import changing, ending, pausing
from subscriptions.actions.changing import Wish
from subscriptions.discounts import Discount
from subscriptions.models import Coupon, Subscription
from subscriptions.tests.coupon_world import coupon, lines, totals
from subscriptions.tests.plan_world import change, credit_of, invoices, on, pay, price, started, two_plans, usd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
FACTS: dict[str, Any] = {"payment_terms_days": 365}


def subscribed(code: str = "WELCOME20", seats: int = 2, **facts: Any) -> Subscription:
    """To the small plan, of 10.00 a seat, since the first of June."""
    small, _ = two_plans()
    return started(small, "2026-06-01 00:00", seats=seats, coupon=code, **(FACTS | facts))


def left(subscription: Subscription) -> int | None:
    subscription.refresh_from_db()
    return discounts.bills_left(subscription)


def test_a_percentage_comes_off_the_first_periods_and_tax_is_on_what_is_left() -> None:
    coupon(cycles=2)
    subscription = subscribed("welcome20", tax_percent=Decimal(10))
    on(subscription, "2026-09-02 00:00")
    assert totals(subscription) == [1_760, 1_760, 2_200, 2_200]
    first = invoices(subscription)[0]
    assert list(first.lines.order_by("position").values_list("title", "amount_minor", "tax_minor")) == [
        ("Professional, 2 seats, monthly", 2_000, 200),
        ("WELCOME20: 20% off", -400, -40),
    ]
    assert first.lines.last().derivation == {
        "kind": "coupon",
        "code": "WELCOME20",
        "percentOff": "20",
        "amountOff": None,
        "currency": "usd",
        "period": 1,
        "periods": 2,
        "of": [{"title": "Professional, 2 seats, monthly", "amount": 2_000, "off": 400}],
        "amount": -400,
    }


def test_an_amount_comes_off_once_in_each_period_and_never_more_than_it_costs() -> None:
    coupon("FIFTY", amount=usd(5_000), cycles=2)
    subscription = subscribed("FIFTY", seats=6)
    assert lines(subscription) == [("Professional, 6 seats, monthly", 6_000), ("FIFTY: $50.00 off", -5_000)]
    assert totals(on(subscription, "2026-08-01 00:00")) == [1_000, 1_000, 6_000]
    small = started(price(1_000, code="other"), "2026-06-01 00:00", seats=2, coupon="FIFTY")
    assert (totals(small), left(small)) == ([], 1), "a period that costs nothing has no invoice, and is one of them"
    assert totals(on(small, "2026-08-01 00:00")) == [2_000]


def test_without_a_number_it_comes_off_every_period_and_a_trial_counts_for_none() -> None:
    coupon("ALWAYS", "50", cycles=None)
    coupon("ONCE", "50", cycles=1)
    always = subscribed("ALWAYS")
    assert totals(on(always, "2026-09-02 00:00")) == [1_000] * 4
    assert left(always) is None
    plan = price(1_000, code="tried", trial_days=14)
    once = started(plan, "2026-06-01 00:00", trial_days=14, coupon="ONCE", **FACTS)
    assert (totals(once), left(once)) == ([], 1)
    assert totals(on(once, "2026-07-14 00:00")) == [1_000, 2_000]
    assert left(once) == 0


def test_a_change_in_the_middle_is_reduced_by_the_percentage_line_by_line() -> None:
    coupon()
    subscription = subscribed()
    change(subscription, "2026-06-16 00:00", seats=5)
    assert lines(subscription) == [
        ("Unused time of Professional, 2 seats", -1_000),
        ("Remaining time of Professional, 5 seats", 2_500),
        ("WELCOME20: 20% off", -300),
    ]
    change(subscription, "2026-06-21 00:00", plan_code="big")
    assert lines(subscription)[-1] == ("WELCOME20: 20% off", -500)
    assert totals(subscription) == [1_600, 1_200, 2_000]


def test_seats_added_one_by_one_cost_what_they_cost_together() -> None:
    """Half of one cent, rounded up, comes off each: of six together three, and not six."""
    coupon("HALF", "50")
    subscription = started(price(1, yearly=100), "2026-06-01 00:00", seats=1, coupon="HALF", **FACTS)
    for seats in range(2, 7):
        change(subscription, f"2026-06-01 00:00:0{seats}", seats=seats)
    assert sum(totals(subscription)) == 3
    change(subscription, "2026-06-01 00:00:10", cycle="yearly")
    assert sum(totals(subscription)) == 300


def test_an_amount_is_left_as_it_is_by_a_change() -> None:
    coupon("FIVE", amount=usd(500))
    subscription = subscribed("FIVE")
    change(subscription, "2026-06-16 00:00", plan_code="big")
    assert lines(subscription) == [
        ("Unused time of Professional, 2 seats", -1_000),
        ("Remaining time of Professional, 2 seats", 2_500),
    ]


def test_another_cycle_begins_another_period_of_the_coupon_and_gives_back_what_was_paid() -> None:
    coupon(cycles=2)
    subscription = subscribed()
    change(subscription, "2026-06-16 00:00", cycle="yearly")
    assert lines(subscription) == [
        ("Unused time of Professional, 2 seats", -1_000),
        ("WELCOME20: 20% off, on unused time", 200),
        ("Professional, 2 seats, yearly", 20_000),
        ("WELCOME20: 20% off", -4_000),
    ]
    assert left(subscription) == 0
    assert totals(on(subscription, "2027-06-16 00:00"))[-1] == 20_000


def test_of_an_amount_only_what_was_paid_beyond_the_time_used_is_given_back() -> None:
    coupon("FIFTEEN", amount=usd(1_500), cycles=1)
    subscription = subscribed("FIFTEEN")
    change(subscription, "2026-06-03 00:00", cycle="yearly")
    # 2,000 less 1,500 was paid; two of thirty days were used, for 133.
    assert lines(subscription)[:2] == [
        ("Unused time of Professional, 2 seats", -1_867),
        ("FIFTEEN: $15.00 off, on unused time", 1_500),
    ]
    assert totals(subscription) == [500, 20_000 - 367]


def test_a_period_that_is_billed_again_is_the_same_one_of_the_coupon() -> None:
    coupon(cycles=2)
    subscription = on(subscribed(), "2026-06-28 00:00")
    assert (totals(subscription), left(subscription)) == ([1_600, 1_600], 0)
    ending.cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-28 00:00"))
    assert (CreditNote.objects.get().amount_minor, left(subscription)) == (1_600, 0), "no bill is to come"
    ending.keep_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-29 00:00"))
    assert (totals(subscription), left(subscription)) == ([1_600] * 3, 0)
    assert totals(on(subscription, "2026-07-30 00:00"))[-1] == 2_000


def test_what_was_credited_for_a_pause_is_had_after_it() -> None:
    coupon(cycles=2)
    subscription = on(subscribed(), "2026-06-28 00:00")
    facts: dict[str, Any] = {"subscription_id": subscription.id, "actor": SYSTEM}
    pausing.pause_subscription(now=at("2026-06-28 00:00"), **facts)
    pausing.resume_subscription(now=at("2026-08-10 00:00"), **facts)
    assert totals(subscription) == [1_600, 1_600, 1_600]
    assert left(subscription) == 0
    assert totals(on(subscription, "2026-09-10 00:00"))[-1] == 2_000


def test_what_was_free_ahead_is_had_after_a_pause_too() -> None:
    coupon("FREE", "100", cycles=2)
    subscription = on(subscribed("FREE"), "2026-06-28 00:00")
    facts: dict[str, Any] = {"subscription_id": subscription.id, "actor": SYSTEM}
    assert left(subscription) == 0
    pausing.pause_subscription(now=at("2026-06-28 00:00"), **facts)
    assert left(subscription) == 1
    pausing.resume_subscription(now=at("2026-08-10 00:00"), **facts)
    assert (totals(subscription), left(subscription)) == ([], 0)
    assert totals(on(subscription, "2026-09-10 00:00")) == [2_000]


def test_what_is_given_back_of_a_paid_period_ahead_is_what_was_paid_for_it() -> None:
    coupon()
    subscription = on(subscribed(tax_percent=Decimal(10)), "2026-06-28 00:00")
    for each in invoices(subscription):
        pay(each, "2026-06-28 00:00")
    assert quoting.billed_ahead(subscription, at("2026-06-28 00:00")) == 1_760
    ending.cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-28 00:00"))
    assert credit_of(subscription.tenant) == 1_760


def test_a_preview_says_what_the_period_after_costs_with_and_after_the_coupon() -> None:
    coupon(cycles=2)
    subscription = subscribed()
    for now, costs in (("2026-06-16 00:00", 4_000), ("2026-07-16 00:00", 5_000)):
        on(subscription, now)
        wish = Wish(plan_code="big", when="period_end")
        shown = changing.preview_change(subscription_id=subscription.id, wish=wish, actor=SYSTEM, now=at(now))
        assert shown.quote.next_minor == costs


@given(
    percent=st.one_of(st.none(), st.decimals("0.01", 100, places=2)),
    amount=st.integers(1, 10**6),
    sums=st.lists(st.integers(0, 10**6), min_size=1, max_size=8),
)
def test_no_more_is_given_back_of_a_period_than_was_paid_for_it(
    percent: Decimal | None, amount: int, sums: list[int]
) -> None:
    """What is left of a period is given back and charged again on other terms, over and over, as it grows less."""
    discount = Discount("C", percent, None if percent is not None else amount, 1, None)
    whole = sums[0]
    assert 0 <= discount.off(whole) <= whole
    assert discount.off(-whole) == -discount.off(whole)
    paid, rest = whole - discount.off(whole), whole
    for wanted in sums[1:]:
        used = min(rest, wanted)  # time passes: what is left is worth less, and is then given back
        paid -= used - discount.off(used)
        assert paid >= 0
        paid, rest = paid + wanted - discount.off(wanted), wanted


def test_the_database_keeps_the_terms_of_a_coupon() -> None:
    mine = coupon()
    for damage in ({"percent_off": Decimal(50)}, {"cycles": None}, {"code": "OTHER"}, {"max_redemptions": 1}):
        with pytest.raises(IntegrityError, match="keeps its terms"), transaction.atomic():
            Coupon.objects.filter(id=mine.id).update(**damage)
    with pytest.raises(IntegrityError, match="keeps its terms"), transaction.atomic():
        Coupon.objects.filter(id=mine.id).delete()
    assert Coupon.objects.filter(id=mine.id).update(closed_at=world.START) == 1


def test_the_database_refuses_a_coupon_that_makes_no_sense() -> None:
    facts: dict[str, Any] = {"code": "OK", "percent_off": Decimal(10), "created_at": world.START}
    for wrong in (
        {"code": "small"},
        {"code": "A B"},
        {"percent_off": 0},
        {"percent_off": Decimal("100.01")},
        {"percent_off": None},
        {"amount_off_minor": 5, "currency": "usd"},
        {"percent_off": None, "amount_off_minor": 5},
        {"percent_off": None, "amount_off_minor": 0, "currency": "usd"},
        {"cycles": 0},
        {"cycles": 121},
        {"max_redemptions": 0},
        {"max_redemptions": 1_000_001},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Coupon.objects.create(**(facts | wrong))
    Coupon.objects.create(**facts)
    with pytest.raises(IntegrityError, match="coupon_code_once"), transaction.atomic():
        Coupon.objects.create(**facts)


def test_another_cycle_on_the_day_that_makes_both_periods_end_at_once_is_no_breach() -> None:
    coupon("ALWAYS", "50", cycles=None)
    small, _ = two_plans()
    yearly = small.version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2026-06-01 00:00", seats=2, coupon="ALWAYS", **FACTS)
    change(subscription, "2027-05-01 09:00", cycle="monthly", when="now")
    spans = {(each.period_start, each.period_end) for each in invoices(subscription)[-1].lines.all()}
    assert len(spans) == 1, "what is given back and what is billed: `books_hold` tells them apart"


def test_seats_that_were_added_excuse_no_periods_that_overlap() -> None:
    coupon()
    subscription = subscribed(seats=2)
    change(subscription, "2026-06-10 00:00", seats=3)
    on(subscription, "2026-08-10 00:00")
    first = Invoice.objects.filter(subscription_ref=subscription.id, period_start=at("2026-06-01 00:00"))
    with transaction.atomic():
        first.update(period_end=at("2026-07-11 00:00"))
        breaches = check_books()[1]
        transaction.set_rollback(True)
    assert [title.startswith("I5 The periods") for title, _ in breaches] == [True]


def test_nothing_counts_for_a_coupon_that_is_not_there() -> None:
    small, _ = two_plans()
    subscription = on(started(small, "2026-06-01 00:00", **FACTS), "2026-08-01 00:00")
    assert (subscription.coupon_cycle, Invoice.objects.filter(lines__amount_minor__lt=0).count()) == (0, 0)
    with pytest.raises(IntegrityError, match="subscription_counts_for_its_coupon"), transaction.atomic():
        Subscription.objects.filter(id=subscription.id).update(coupon_cycle=1)
