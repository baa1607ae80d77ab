"""Rating is arithmetic: by example, and by property against an obvious slow version."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_portal.tests.world import at
from subscriptions.terms import Rounding, Terms
from usage.rating import Used, billable_base, billable_seconds, included_units, rate_segment

OUT = ("call_minutes", "outbound")
MONTH = 31 * 24 * 3600


def terms(*, seats: int = 1, per_seat: str | None = "100", price: str = "1.2", days: int = 31) -> Terms:
    start = at("2026-10-01 00:00")
    return Terms(
        subscription_id=uuid4(),
        plan_code="pro",
        plan_name="Professional",
        version=1,
        seats=seats,
        currency="usd",
        effective_from=start,
        starts_at=start,
        ends_at=start + timedelta(days=days),
        rounding=Rounding(),
        allowances={OUT: None if per_seat is None else Decimal(per_seat)},
        prices={OUT: Decimal(price)},
    )


def minutes(number: int | str) -> Used:
    return Used(Decimal(number) * 60_000, Decimal(number) * 60_000, 1)


@pytest.mark.parametrize(
    ("seconds", "rounding", "charged"),
    [
        (0, Rounding(), 0),
        (1, Rounding(), 60),
        (60, Rounding(), 60),
        (61, Rounding(), 120),
        (29, Rounding(30, 6), 30),
        (31, Rounding(30, 6), 36),
        (36, Rounding(30, 6), 36),
        (37, Rounding(30, 6), 42),
        (1, Rounding(1, 1), 1),
        (3599, Rounding(1, 1), 3599),
        (4, Rounding(60, 60, free_below=5), 0),
        (5, Rounding(60, 60, free_below=5), 60),
    ],
)
def test_seconds_are_charged_by_the_plans_rounding(seconds: int, rounding: Rounding, charged: int) -> None:
    assert billable_seconds(seconds, rounding) == charged


@given(st.integers(0, 20_000), st.integers(0, 120), st.integers(1, 120), st.integers(0, 30))
def test_rounding_is_the_smallest_step_that_covers_the_call(
    seconds: int, initial: int, increment: int, free: int
) -> None:
    charged = billable_seconds(seconds, Rounding(initial, increment, free))
    if seconds == 0 or seconds < free:
        assert charged == 0
        return
    slow = initial
    while slow < seconds:
        slow += increment
    assert charged == slow


def test_a_started_second_counts() -> None:
    assert billable_base("call_minutes", Decimal(60_001), Rounding(1, 1)) == 61_000


@pytest.mark.parametrize(
    ("used", "overage", "amount"),
    [
        ("99", "0", 0),
        ("100", "0", 0),
        ("101", "1", 1),
        ("7412", "7312", 8774),
        ("100.5", "0.5", 1),
        ("100.4", "0.4", 0),
    ],
)
def test_what_is_beyond_the_allowance_costs_the_price_rounded_once(used: str, overage: str, amount: int) -> None:
    (rated,) = rate_segment(terms(), {OUT: minutes(used)}, MONTH)
    assert (rated.overage, rated.amount) == (Decimal(overage), amount)


def test_the_allowance_is_pooled_over_the_seats() -> None:
    (rated,) = rate_segment(terms(seats=12, per_seat="500"), {OUT: minutes(7412)}, MONTH)
    assert (rated.included, rated.overage, rated.exact, rated.amount) == (6000, 1412, Decimal("1694.4"), 1694)


def test_without_limit_nothing_is_ever_beyond() -> None:
    (rated,) = rate_segment(terms(per_seat=None), {OUT: minutes(10**6)}, MONTH)
    assert (rated.included, rated.overage, rated.amount) == (None, 0, 0)


def test_half_a_cent_rounds_up_and_yen_have_no_cents() -> None:
    (rated,) = rate_segment(terms(per_seat="0", price="0.5"), {OUT: minutes(1)}, MONTH)
    assert rated.amount == 1


@given(st.integers(1, 31), st.integers(1, 500), st.decimals(0, 5000, places=2))
def test_the_allowance_is_prorated_by_the_seconds_covered(days: int, seats: int, per_seat: Decimal) -> None:
    got = included_units(terms(days=days, seats=seats, per_seat=str(per_seat)), *OUT, MONTH)
    assert got is not None
    assert abs(got * MONTH - per_seat * seats * days * 86_400) <= Decimal("0.0000005") * MONTH


@given(st.decimals(0, 10**9, places=6), st.decimals(0, 10**7, places=12))
def test_the_largest_numbers_are_rounded_exactly_once(units: Decimal, price: Decimal) -> None:
    (rated,) = rate_segment(terms(per_seat="0", price=str(price)), {OUT: minutes(str(units))}, MONTH)
    exact = rated.overage.as_integer_ratio(), price.as_integer_ratio()
    numerator, denominator = exact[0][0] * exact[1][0], exact[0][1] * exact[1][1]
    assert rated.amount == (2 * numerator + denominator) // (2 * denominator)
