"""When periods begin and end, and which of them a payment is for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.providers.paypal.rhythm import SLACK, Rhythm, current, rhythm_of, spans


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(start: str, due: str | None = None, paid: str | None = None, unit: str = "MONTH", **facts: Any) -> dict:
    """A subscription as PayPal shows it."""
    info: dict[str, Any] = {"next_billing_time": f"{due}Z"} if due else {}
    if paid:
        info["last_payment"] = {"time": f"{paid}Z"}
    if "completed" in facts:
        info["cycle_executions"] = [{"tenure_type": "REGULAR", "cycles_completed": facts["completed"]}]
    frequency = {"interval_unit": unit, "interval_count": facts.get("count", 1)}
    plan = {"billing_cycles": [{"tenure_type": "TRIAL"}, {"tenure_type": "REGULAR", "frequency": frequency}]}
    return {"start_time": f"{start}Z", "billing_info": info, "plan": plan}


def test_a_month_of_the_31st_stays_one() -> None:
    rhythm = Rhythm(at("2026-01-31T10:00"), months=1, days=0)
    assert [rhythm.begins(number).day for number in range(4)] == [31, 28, 31, 30]
    assert rhythm.span(1) == (at("2026-02-28T10:00"), at("2026-03-31T10:00"))


@pytest.mark.parametrize(
    ("unit", "count", "second"),
    [("DAY", 10, "2026-01-25"), ("WEEK", 2, "2026-01-29"), ("MONTH", 3, "2026-04-15"), ("YEAR", 1, "2027-01-15")],
)
def test_every_cycle_of_paypals(unit: str, count: int, second: str) -> None:
    rhythm = rhythm_of(told("2026-01-15T00:00:00", unit=unit, count=count))
    assert rhythm.begins(1) == at(second)


def test_paypal_bills_at_an_hour_of_its_own() -> None:
    """As answers of PayPal's have it: begun at 12:56, billed at 10:00, and paid five days late."""
    subscription = told("2024-03-13T12:56:14", "2026-03-13T10:00:00", "2025-03-18T10:12:55", "YEAR", completed=2)
    rhythm = rhythm_of(subscription)
    number = current(subscription, rhythm)
    assert number == 1
    assert rhythm.span(1) == (at("2025-03-13T10:00"), at("2026-03-13T10:00"))
    assert rhythm.span(0) == (at("2024-03-13T12:56:14"), at("2025-03-13T10:00"))
    assert rhythm.number_at(at("2025-03-13T10:12:55")) == 1, "before the hour of the start"


def test_what_is_said_of_the_next_may_be_old() -> None:
    subscription = told("2026-11-01T08:00:00", "2026-11-01T08:00:00", "2026-11-01T08:00:02")
    rhythm = rhythm_of(subscription)
    assert rhythm.span(current(subscription, rhythm) or 0) == (at("2026-11-01T08:00"), at("2026-12-01T08:00"))


def test_nothing_is_paid_for_before_the_first_payment_and_the_last_is_known_after_the_end() -> None:
    waiting = told("2026-11-01T08:00:00", "2026-11-01T08:00:00")
    assert current(waiting, rhythm_of(waiting)) is None
    ended = told("2026-11-01T08:00:00", None, "2026-11-01T08:00:00", completed=3)
    assert current(ended, rhythm_of(ended)) == 2


def test_after_a_suspension_the_one_known_boundary_counts() -> None:
    moved = told("2026-01-10T10:00:00", "2026-06-24T10:00:00", "2026-05-24T10:00:00", completed=4)
    rhythm = rhythm_of(moved)
    number = current(moved, rhythm)
    assert number is not None and rhythm.span(number) == (at("2026-05-24T10:00"), at("2026-06-24T10:00"))
    found = spans(rhythm, [at("2026-01-10T10:00"), at("2026-05-24T10:00")], last=number)
    assert found[1] == rhythm.span(number) and found[0][0] == at("2025-12-24T10:00")


PERIODS = Rhythm(at("2026-01-10T10:00"), months=1, days=0)


@pytest.mark.parametrize(
    ("paid", "last", "expected"),
    [
        (["01-10", "02-10", "03-10"], 2, [0, 1, 2]),
        (["01-10", "02-15", "03-10"], 2, [0, 1, 2]),  # five days late
        (["01-10", "05-10"], 4, [0, 4]),  # suspended in between
        (["01-10", "01-10", "01-10"], 2, [0, 1, 2]),  # billed early
        (["01-10", "01-10", "03-10"], 2, [0, 1, 2]),  # early once
        (["01-10", "03-10", "03-10"], 2, [0, 1, 2]),  # one was owed
        (["01-10", "03-10", "03-10", "04-10"], 3, [0, 1, 2, 3]),  # and later it is the same
        (["01-10", "02-10"], None, [0, 1]),
        (["01-10"], -1, [0]),  # what is said of the next is old
        ([], 2, []),
    ],
)  # fmt: skip
def test_no_two_payments_are_for_the_same_period(paid: list[str], last: int | None, expected: list[int]) -> None:
    found = spans(PERIODS, [at(f"2026-{day}T10:00") for day in paid], last=last)
    assert found == [PERIODS.span(number) for number in expected]


@given(
    start=st.datetimes(at("2024-01-01T00:00").replace(tzinfo=None), at("2026-12-31T00:00").replace(tzinfo=None)),
    months=st.sampled_from([1, 3, 12]),
    after=st.timedeltas(timedelta(0), timedelta(days=1500)),
)
def test_the_period_of_a_moment_is_the_last_that_has_begun(start: datetime, months: int, after: timedelta) -> None:
    rhythm = Rhythm(start.replace(tzinfo=UTC), months=months, days=0)
    moment = rhythm.start + after
    slowly = 0
    while rhythm.begins(slowly + 1) <= moment + SLACK:
        slowly += 1
    assert rhythm.number_at(moment) == slowly


@pytest.mark.parametrize("frequency", [{"interval_unit": "CENTURY"}, {"interval_unit": "MONTH", "interval_count": 0}])
def test_what_is_no_cycle_is_refused(frequency: dict[str, Any]) -> None:
    subscription = told("2026-01-15T00:00:00")
    subscription["plan"]["billing_cycles"][1]["frequency"] = frequency
    with pytest.raises(ValueError, match="no cycle"):
        rhythm_of(subscription)
