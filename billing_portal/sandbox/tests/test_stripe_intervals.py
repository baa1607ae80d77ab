"""Periods by the calendar: counted from the anchor, clamped to short months, without gaps."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_portal.sandbox.stripe.intervals import boundary, period_of
from billing_portal.sandbox.tests.stripe_billing import at

MOMENTS = st.integers(at("2020-01-01"), at("2035-12-31"))
RECURRING = st.sampled_from(["day", "week", "month", "year"]).flatmap(
    lambda interval: st.fixed_dictionaries(
        {"interval": st.just(interval), "interval_count": st.integers(1, 3 if interval == "year" else 12)}
    )
)


@pytest.mark.parametrize(
    ("anchor", "interval", "number", "begins"),
    [
        ("2027-01-31", "month", 1, "2027-02-28"),
        ("2027-01-31", "month", 2, "2027-03-31"),
        ("2027-01-31", "month", 13, "2028-02-29"),
        ("2028-02-29", "year", 1, "2029-02-28"),
        ("2028-02-29", "year", 4, "2032-02-29"),
        ("2027-01-31", "month", -2, "2026-11-30"),
        ("2027-01-31", "week", 1, "2027-02-07"),
    ],
)
def test_a_short_month_ends_on_its_last_day(anchor, interval, number, begins):
    assert boundary(at(anchor), {"interval": interval, "interval_count": 1}, number) == at(begins)


@given(anchor=MOMENTS, moment=MOMENTS, recurring=RECURRING)
def test_every_instant_is_in_one_period_and_the_next_begins_where_it_ends(anchor, moment, recurring):
    start, end = period_of(anchor, recurring, moment)
    assert start <= moment < end
    assert period_of(anchor, recurring, end)[0] == end
    assert period_of(anchor, recurring, start - 1)[1] == start


@given(anchor=MOMENTS, number=st.integers(0, 60))
def test_a_month_begins_on_the_anchors_day_or_on_the_last_there_is(anchor, number):
    wanted = datetime.fromtimestamp(anchor, UTC)
    begins = datetime.fromtimestamp(boundary(anchor, {"interval": "month", "interval_count": 1}, number), UTC)
    assert begins.time() == wanted.time()
    assert begins.day == wanted.day or (begins.day < wanted.day and begins.day >= 28)
    assert (begins.year * 12 + begins.month) - (wanted.year * 12 + wanted.month) == number
