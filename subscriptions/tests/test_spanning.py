"""Which period PayPal was paid for, where it does not say so itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billing_portal.kit.periods import Span
from billing_portal.tests.world import at
from subscriptions.actions.spanning import close, counted_period, running_period


def span(start: str, end: str) -> Span:
    return at(f"{start} 10:00"), at(f"{end} 10:00")


NOW = at("2026-12-01 00:00")
JUNE = span("2026-06-01", "2026-07-01")
YEAR = span("2026-06-01", "2027-06-01")
JANUARY = span("2026-01-31", "2026-02-28")


@pytest.mark.parametrize(
    ("before", "read", "paid", "by", "charged", "expected"),
    [
        (JUNE, YEAR, "2026-06-01", "yearly", "monthly", JUNE),  # agreed to, and never paid
        (JUNE, YEAR, None, "yearly", "monthly", JUNE),
        (JUNE, span("2026-07-01", "2026-08-01"), "2026-07-01", "monthly", "monthly", ("2026-07-01", "2026-08-01")),
        (JUNE, span("2026-07-01", "2026-08-01"), "2026-07-16", "monthly", "monthly", ("2026-07-01", "2026-08-01")),
        (JUNE, span("2027-06-01", "2028-06-01"), "2026-07-01", "yearly", "yearly", ("2026-07-01", "2027-07-01")),
        (JUNE, span("2026-07-01", "2026-08-01"), "2026-07-01", "monthly", "yearly", ("2026-07-01", "2027-07-01")),
        (JUNE, span("2027-06-01", "2028-06-01"), "2026-07-01", "yearly", "monthly", ("2026-07-01", "2026-08-01")),
        (JUNE, span("2027-06-01", "2028-06-01"), "2026-09-01", "yearly", "monthly", ("2026-09-01", "2026-10-01")),
        (JUNE, span("2029-06-01", "2030-06-01"), "2026-09-01", "yearly", "yearly", ("2026-09-01", "2027-09-01")),
        (JANUARY, span("2027-01-31", "2028-01-31"), "2026-02-28", "yearly", "monthly", ("2026-02-28", "2026-03-31")),
        (JUNE, span("2026-07-01", "2026-08-01"), "2026-07-01", None, None, ("2026-07-01", "2026-08-01")),
        (JUNE, span("2027-06-01", "2028-06-01"), "2026-07-01", None, None, JUNE),
    ],
)
def test_where_no_next_billing_is_named_the_last_payment_tells(
    before: Span, read: Span, paid: str | None, by: str, charged: str, expected: tuple[str, str] | Span
) -> None:
    paid_at = at(f"{paid} 10:00") if paid else None
    anchor = before[0]
    found = counted_period(before, read, paid_at=paid_at, by=by, charged=charged, anchor=anchor, now=NOW)
    assert found == (expected if isinstance(expected[0], datetime) else span(*expected))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (span("2026-07-01", "2026-08-01"), span("2026-07-01", "2026-08-01")),
        (span("2026-05-01", "2026-06-01"), JUNE),
        (span("2025-07-01", "2026-07-02"), span("2026-06-01", "2026-07-02")),  # a year will follow
        (span("2025-08-01", "2026-08-01"), span("2026-07-01", "2026-08-01")),
    ],
)
def test_what_paypal_says_of_the_next_billing_moves_it_on_and_never_back(read: Span, expected: Span) -> None:
    assert running_period(JUNE, read, NOW) == expected


def test_the_two_ends_of_a_short_period_are_never_taken_for_one_another() -> None:
    assert close(JUNE) == timedelta(hours=36)
    assert close(span("2026-06-01", "2026-06-02")) == timedelta(hours=12)
