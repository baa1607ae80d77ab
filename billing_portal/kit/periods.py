"""Usage months and billing periods as half-open spans of UTC instants, computed on the calendar of a time zone.

Pure: no clock, no database. A boundary is the local midnight of a day; where that midnight is skipped (a spring gap, a
day that a zone left out) it is the first instant that exists after it, and where it comes twice, the first of the two.
Each boundary is computed once and is both an end and a start, so periods tile without gap, overlap or sliver.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing_portal.kit.errors import BadInput

Span = tuple[datetime, datetime]

_LABEL = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_FIRST_YEAR, _LAST_YEAR = 1970, 9000


class BadMonth(BadInput):
    code = "bad_month"
    detail = "Write the month as year and month, as in 2026-10."


class UnknownZone(BadInput):
    code = "unknown_time_zone"
    detail = "Name the time zone as in Europe/Berlin or America/New_York."


def zone(name: str | tzinfo) -> tzinfo:
    """The zone of that IANA name; a zone is passed through. Raises UnknownZone."""
    if isinstance(name, tzinfo):
        return name
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder, or one too long
        raise UnknownZone from error


def local_date(instant: datetime, tz: str | tzinfo) -> date:
    """The calendar day that `instant` falls on in `tz`. Raises ValueError for an instant without a zone."""
    return _utc(instant).astimezone(zone(tz)).date()


def midnight(day: date, tz: str | tzinfo) -> datetime:
    """The instant, in UTC, at which `day` begins in `tz`: its first 00:00, or the first instant after a gap."""
    where = zone(tz)
    wall = datetime.combine(day, time())
    earliest = wall.replace(tzinfo=where, fold=0).astimezone(UTC)
    if earliest.astimezone(where).replace(tzinfo=None) == wall:
        return earliest
    # In a gap: fold=1 reads the clock of after it and so lies before it. Look for the first second past the gap.
    before = int(wall.replace(tzinfo=where, fold=1).timestamp())
    after = int(earliest.timestamp())
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, where).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return datetime.fromtimestamp(after, UTC)


def duration(start: datetime, end: datetime) -> timedelta:
    """The true time from `start` to `end`. Subtracting two local times of one zone would forget a clock change."""
    return _utc(end) - _utc(start)


def parse_label(label: str) -> tuple[int, int]:
    """Year and month of a label: "2026-10" -> (2026, 10). Raises BadMonth."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise BadMonth
    year, month = int(label[:4]), int(label[5:])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise BadMonth(f"Name a month between {_FIRST_YEAR} and {_LAST_YEAR}.")
    return year, month


def next_label(label: str) -> str:
    """ "2026-12" -> "2027-01". Raises BadMonth."""
    return _shift(label, 1)


def label_before(label: str, months: int) -> str:
    """ "2027-01", 13 -> "2025-12". Raises BadMonth."""
    return _shift(label, -months)


def previous_label(label: str) -> str:
    """ "2027-01" -> "2026-12". Raises BadMonth."""
    return _shift(label, -1)


def month_bounds(label: str, tz: str | tzinfo) -> Span:
    """The calendar month in `tz` as (start, end) in UTC, end not included. Raises BadMonth, UnknownZone."""
    year, month = parse_label(label)
    where = zone(tz)
    return midnight(date(year, month, 1), where), midnight(_months_later(date(year, month, 1), 1), where)


def month_label(instant: datetime, tz: str | tzinfo) -> str:
    """The label of the month whose bounds hold `instant`: "2026-10".

    Almost always the local date's month; but where clocks go back over midnight on the first, the second hour before
    midnight belongs to the month that has begun already. Raises ValueError for an instant without a zone.
    """
    day = local_date(instant, tz)
    label = f"{day.year:04d}-{day.month:02d}"
    return next_label(label) if instant >= month_bounds(label, tz)[1] else label


def billing_period(anchor: datetime, tz: str | tzinfo, months_per_cycle: int, k: int) -> Span:
    """Period `k` (0 is the one that begins on the anchor's day) as (start, end) in UTC, end not included.

    Boundaries are the local midnights of anchor + n months, each computed from the anchor and clamped to its month:
    anchored on January 31, periods begin on January 31, February 28 or 29, March 31, April 30.
    """
    if months_per_cycle < 1:
        raise ValueError("a billing cycle has at least one month")
    where = zone(tz)
    first = local_date(anchor, where)
    return (
        midnight(_months_later(first, k * months_per_cycle), where),
        midnight(_months_later(first, (k + 1) * months_per_cycle), where),
    )


def billing_period_at(anchor: datetime, tz: str | tzinfo, months_per_cycle: int, instant: datetime) -> tuple[int, Span]:
    """Which period holds `instant`: (k, (start, end)); k is negative before the anchor's day."""
    first, day = local_date(anchor, tz), local_date(instant, tz)
    k = ((day.year - first.year) * 12 + day.month - first.month) // months_per_cycle
    span = billing_period(anchor, tz, months_per_cycle, k)
    while _utc(instant) < span[0]:
        k, span = k - 1, billing_period(anchor, tz, months_per_cycle, k - 1)
    while _utc(instant) >= span[1]:
        k, span = k + 1, billing_period(anchor, tz, months_per_cycle, k + 1)
    return k, span


def _months_later(day: date, months: int) -> date:
    """`day` moved by whole months, clamped to the last day of the month it lands in."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def _shift(label: str, months: int) -> str:
    year, month = parse_label(label)
    moved = _months_later(date(year, month, 1), months)
    return f"{moved.year:04d}-{moved.month:02d}"


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC)
