"""Billing periods by the calendar, counted from an anchor, so that a month of the 31st stays one.

https://docs.stripe.com/billing/subscriptions/billing-cycle: an anchor on the 31st bills on the last day of shorter
months. All in UTC.
"""

import calendar
from datetime import UTC, datetime, timedelta

from billing_portal.sandbox.stripe.books import Json

DAY, HOUR = 86_400, 3_600
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, recurring: Json, number: int) -> int:
    """When period `number` (it may be negative) begins; period 0 begins at the anchor."""
    count = recurring["interval_count"] * number
    moment = datetime.fromtimestamp(anchor, UTC)
    if recurring["interval"] in _DAYS:
        return int((moment + timedelta(days=_DAYS[recurring["interval"]] * count)).timestamp())
    year, month = divmod(moment.year * 12 + moment.month - 1 + _MONTHS[recurring["interval"]] * count, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())


def period_of(anchor: int, recurring: Json, at: int) -> tuple[int, int]:
    """The period that holds the instant `at`: it begins at or before it and ends after it."""
    longest = boundary(anchor, recurring, 1) - anchor
    number = (at - anchor) // longest
    while boundary(anchor, recurring, number) > at:
        number -= 1
    while boundary(anchor, recurring, number + 1) <= at:
        number += 1
    return boundary(anchor, recurring, number), boundary(anchor, recurring, number + 1)
