"""Usage months and billing periods tile the line of instants, in every zone, on both days when clocks change."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_portal.kit.periods import (
    BadMonth,
    UnknownZone,
    billing_period,
    billing_period_at,
    duration,
    local_date,
    midnight,
    month_bounds,
    month_label,
    next_label,
    parse_label,
    previous_label,
)

# Both hemispheres, halves and quarters of an hour, gaps and folds at midnight, a day left out (Apia), none at all.
ZONES = [
    "UTC",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Phoenix",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Asuncion",
    "America/Havana",
    "America/Santiago",
    "America/Nuuk",
    "America/Scoresbysund",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Berlin",
    "Europe/Moscow",
    "Europe/Lisbon",
    "Atlantic/Azores",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Amman",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Asia/Gaza",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Antarctica/Troll",
]
YEARS = range(2000, 2061)

zones = st.sampled_from(ZONES)
instants = st.datetimes(datetime(2000, 1, 2), datetime(2060, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def slow_midnight(day: date, tz: str) -> datetime:
    """The oracle: walk through the instants by the minute until the zone's calendar shows the day (or one after it)."""
    where = ZoneInfo(tz)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    while at.astimezone(where).date() < day:
        at += timedelta(minutes=1)
    return at


@pytest.mark.parametrize("tz", ZONES)
def test_months_tile_without_gap_overlap_or_sliver(tz):
    labels = [f"{year}-{month:02d}" for year in YEARS for month in range(1, 13)]
    spans = [month_bounds(label, tz) for label in labels]
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    for label, (start, end) in zip(labels, spans, strict=True):
        days = monthrange(*parse_label(label))[1]
        assert abs(duration(start, end) - timedelta(days=days)) <= timedelta(hours=25)
        assert month_label(start, tz) == label
        assert month_label(end - timedelta(microseconds=1), tz) == label
        assert month_label(end, tz) == next_label(label)
        assert start.tzinfo is UTC and end.tzinfo is UTC


@pytest.mark.parametrize("tz", ZONES)
def test_midnight_is_what_walking_through_the_day_finds(tz):
    where = ZoneInfo(tz)
    for year in (2009, 2011, 2018, 2026):
        day = date(year, 1, 1)
        while day.year == year:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=where)
            changes = noon.utcoffset() != (noon - timedelta(days=2)).utcoffset()
            if changes or day.day == 1:
                assert midnight(day, tz) == slow_midnight(day, tz), day
            day += timedelta(days=1)


@given(instants, zones)
@settings(max_examples=400, deadline=None)
def test_an_instant_lies_in_the_month_that_its_label_names(instant, tz):
    start, end = month_bounds(month_label(instant, tz), tz)
    assert start <= instant < end


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2050, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    zones,
    st.sampled_from([1, 3, 12]),
)
@settings(max_examples=150, deadline=None)
def test_billing_periods_tile_and_keep_their_anchor_for_ten_years(anchor, tz, months):
    day = local_date(anchor, tz)
    spans = [billing_period(anchor, tz, months, k) for k in range(120 // months)]
    assert spans[0][0] == midnight(day, tz) <= anchor < spans[0][1]
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    assert all(duration(*span) >= timedelta(days=27) for span in spans)
    for k, (start, _) in enumerate(spans):
        years, month = divmod(day.month - 1 + k * months, 12)
        expected = min(day.day, monthrange(day.year + years, month + 1)[1])
        assert start == midnight(date(day.year + years, month + 1, expected), tz)


@pytest.mark.parametrize("day", [28, 29, 30, 31])
@pytest.mark.parametrize("tz", ZONES)
def test_an_anchor_late_in_the_month_does_not_drift(day, tz):
    anchor = datetime(2024, 1, day, 12, tzinfo=ZoneInfo(tz))
    for k in range(120):
        start, end = billing_period(anchor, tz, 1, k)
        year, month = 2024 + k // 12, k % 12 + 1
        assert local_date(start, tz) == date(year, month, min(day, monthrange(year, month)[1]))
        assert billing_period_at(anchor, tz, 1, start) == (k, (start, end))
        assert billing_period_at(anchor, tz, 1, end - timedelta(microseconds=1))[0] == k


@given(instants, instants, zones, st.sampled_from([1, 3, 12]))
@settings(max_examples=300, deadline=None)
def test_the_period_of_an_instant_holds_it(anchor, instant, tz, months):
    k, (start, end) = billing_period_at(anchor, tz, months, instant)
    assert start <= instant < end
    assert (start, end) == billing_period(anchor, tz, months, k)


def test_march_in_new_york_is_an_hour_short_and_november_an_hour_long():
    assert duration(*month_bounds("2026-03", "America/New_York")) == timedelta(hours=743)
    assert duration(*month_bounds("2026-11", "America/New_York")) == timedelta(hours=721)


def test_a_month_whose_midnight_is_skipped_begins_with_the_first_instant_there_is():
    start, _ = month_bounds("2000-10", "America/Asuncion")  # on October 1, 2000, 00:00 became 01:00 in Paraguay
    assert start.astimezone(ZoneInfo("America/Asuncion")).isoformat() == "2000-10-01T01:00:00-03:00"


def test_clocks_that_go_back_over_midnight_on_the_first_do_not_move_calls_into_the_old_month():
    tz = "America/St_Johns"  # on November 1, 2009, 00:01 became 23:01 of October 31
    start, _ = month_bounds("2009-11", tz)
    again = start + timedelta(minutes=30)
    assert local_date(again, tz) == date(2009, 10, 31)
    assert month_label(again, tz) == "2009-11"
    assert month_label(start - timedelta(seconds=1), tz) == "2009-10"


def test_a_gap_that_begins_before_midnight_is_left_at_its_end():
    start = midnight(date(1919, 3, 31), "America/Toronto")  # on March 30, 1919, 23:30 became 00:30 of March 31
    assert start.astimezone(ZoneInfo("America/Toronto")).isoformat() == "1919-03-31T00:30:00-04:00"
    assert start == slow_midnight(date(1919, 3, 31), "America/Toronto")


def test_a_day_that_a_zone_left_out_begins_with_the_next():
    assert midnight(date(2011, 12, 30), "Pacific/Apia") == midnight(date(2011, 12, 31), "Pacific/Apia")


def test_both_half_past_ones_of_autumn_count_by_their_instant():
    new_york = ZoneInfo("America/New_York")
    first = datetime(2026, 11, 1, 1, 30, tzinfo=new_york, fold=0)
    second = first.replace(fold=1)
    assert second - first == timedelta(0)  # what Python says of two times in one zone
    assert duration(first, second) == timedelta(hours=1)


def test_labels_go_on_over_the_year():
    assert next_label("2026-12") == "2027-01"
    assert previous_label("2027-01") == "2026-12"
    assert next_label("2026-01") == "2026-02"


@pytest.mark.parametrize(
    "label",
    ["", "2026", "2026-1", "2026-13", "2026-00", "26-10", "2026-10-01", " 2026-10", "٢٠٢٦-10", "0001-01", "2026-10\n"],
)
def test_what_is_no_month_is_refused_in_words(label):
    with pytest.raises(BadMonth):
        parse_label(label)


@pytest.mark.parametrize("name", ["", "Europe", "Mars/Olympus", "../etc/passwd", "Europe/Berlin\x00", "x" * 5000])
def test_a_zone_that_is_not_known_is_refused(name):
    with pytest.raises(UnknownZone):
        month_bounds("2026-10", name)


def test_a_time_without_a_zone_is_no_instant():
    with pytest.raises(ValueError, match="time zone"):
        month_label(datetime(2026, 10, 1), "UTC")  # noqa: DTZ001
