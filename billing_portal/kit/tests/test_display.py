"""What amounts, dates, states and meters read like."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from billing_portal.kit.display import amounts, dates, meters, states
from billing_portal.kit.money import Money

NOVEMBER_8 = datetime(2026, 11, 8, 14, 0, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_new_york():
    with timezone.override(ZoneInfo("America/New_York")):
        yield


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Money(39899, "usd"), "$398.99"),
        (Money(-2500, "usd"), "\N{MINUS SIGN}$25.00"),
        (Money(0, "usd"), "$0.00"),
        (Money(5900, "eur"), "€59.00"),
        (Money(2900, "jpy"), "¥2,900"),
        (Money(1234567, "kwd"), "KWD\N{NO-BREAK SPACE}1,234.567"),
        (Money(100, "cad"), "CA$1.00"),
        (Money(2**53 - 1, "usd"), "$90,071,992,547,409.91"),
    ],
)
def test_money_has_its_currencys_symbol_and_digits(amount, shown):
    assert amounts.money_text(amount) == shown


def test_two_kinds_of_dollars_are_told_apart():
    assert amounts.money_text(Money(100, "usd"), apart=True) == "US$1.00"
    assert amounts.money_text(Money(100, "cad"), apart=True) == "CA$1.00"


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        ("1.2", "usd", "$0.012"),
        ("1.200000000000", "usd", "$0.012"),
        ("2900", "usd", "$29.00"),
        ("0.12345", "usd", "$0.001235"),
        ("1.5", "jpy", "¥1.5"),
        ("0", "usd", "$0.00"),
    ],
)
def test_a_unit_price_keeps_up_to_six_digits(minor, currency, shown):
    assert amounts.unit_price_text(Decimal(minor), currency) == shown


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [("7412", "7,412"), ("7412.500000", "7,412.5"), ("0", "0"), ("1E+3", "1,000")],
)
def test_a_quantity_shows_the_places_it_has(quantity, shown):
    assert amounts.number_text(Decimal(quantity)) == shown


def test_talk_time_is_minutes_and_seconds_and_hours_when_needed():
    assert [amounts.talk_time_text(seconds) for seconds in (38, 351, 3723)] == ["0:38", "5:51", "1:02:03"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (dates.day_text, "Nov 8"),
        (dates.date_text, "Nov 8, 2026"),
        (dates.weekday_text, "Sun, Nov 8"),
        (dates.long_text, "November 8, 2026"),
        (dates.time_text, "09:00"),
        (dates.moment_text, "Nov 8, 09:00 EST"),
        (dates.exact_text, "Nov 8, 09:00:07"),
    ],
)
def test_an_instant_reads_in_the_zone_in_force_and_never_breaks(text, shown):
    assert text(NOVEMBER_8) == shown.replace(" ", "\N{NO-BREAK SPACE}")


def test_a_zone_without_letters_is_named_by_its_offset():
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        assert dates.zone_text(NOVEMBER_8) == "UTC+05:45"


def test_the_machine_reads_the_offset_of_the_zone_in_force():
    assert dates.machine_text(NOVEMBER_8) == "2026-11-08T09:00:07-05:00"
    assert dates.machine_text(date(2026, 11, 8)) == "2026-11-08"


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC), "October 1 to 31, 2026"),
        (date(2026, 10, 15), date(2026, 11, 15), "October 15 to November 14, 2026"),
        (date(2026, 12, 15), date(2027, 1, 15), "December 15, 2026 to January 14, 2027"),
        (date(2026, 10, 1), date(2026, 10, 2), "October 1, 2026"),
    ],
)
def test_a_half_open_period_reads_by_its_first_and_last_day(start, end, shown):
    assert dates.period_text(start, end).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_a_usage_month_reads_by_name():
    assert dates.month_text("2026-10") == "October\N{NO-BREAK SPACE}2026"


def test_awaiting_review_is_blue_for_tenants_and_amber_at_the_desk():
    assert states.look("payment", "awaiting_review").tone == "info"
    assert states.look("payment", "awaiting_review", desk=True).tone == "warn"


@pytest.mark.parametrize(
    ("kind", "state", "facts", "word"),
    [
        ("invoice", "due", {"days": 6}, "Due in 6 days"),
        ("invoice", "due", {"days": 1}, "Due in 1 day"),
        ("invoice", "due", {"days": 0}, "Due today"),
        ("subscription", "trialing", {"days": 6}, "Trial, 6 days left"),
        ("subscription", "active", {"ends": date(2026, 12, 31)}, "Ends Dec\N{NO-BREAK SPACE}31"),
        ("subscription", "past_due", {"ends": date(2026, 12, 31)}, "Past due"),
        ("payment", "partially_refunded", {}, "Partly refunded"),
    ],
)
def test_a_state_reads_with_its_number_or_date(kind, state, facts, word):
    assert states.look(kind, state, **facts).word == word


def test_a_state_without_a_word_is_an_error_not_a_grey_badge():
    with pytest.raises(KeyError):
        states.look("payment", "lost")


def widths(meter):
    return [(piece.look, piece.expected, float(piece.width.rstrip("%"))) for piece in meter.pieces]


def test_a_meter_within_its_allowance_hatches_what_is_expected_on_both_sides_of_the_mark():
    drawn = meters.meter(Decimal(4871), Decimal(6000), expected=Decimal(6190))
    assert [(look, expected) for look, expected, _ in widths(drawn)] == [("out", False), ("out", True), ("over", True)]
    assert float(drawn.mark.rstrip("%")) == pytest.approx(89.75, abs=0.01)
    assert sum(width for *_, width in widths(drawn)) == pytest.approx(100 / 1.08, abs=0.02)


def test_a_meter_beyond_its_allowance_is_red_from_the_mark_on():
    drawn = meters.meter(Decimal(7412), Decimal(6000))
    assert [look for look, *_ in widths(drawn)] == ["out", "over"]
    assert drawn.pieces[1].x == drawn.mark


def test_directions_within_one_allowance_are_a_piece_each_with_a_gap_between():
    drawn = meters.meter(Decimal(4871), Decimal(6000), parts=[("in", Decimal(2118)), ("out", Decimal(2753))])
    assert [look for look, *_ in widths(drawn)] == ["in", "out"]
    assert drawn.gaps == (drawn.pieces[1].x,)


def test_the_allowances_label_turns_where_it_would_leave_the_picture():
    assert meters.meter(Decimal(9000), Decimal(1000)).label_anchor == "start"
    assert meters.meter(Decimal(0), Decimal(1000)).label_anchor == "end"


def test_nothing_included_and_nothing_used_is_an_empty_bar_without_mark():
    drawn = meters.meter(Decimal(0), Decimal(0))
    assert (drawn.pieces, drawn.mark) == ((), None)
