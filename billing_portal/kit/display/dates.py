"""Dates and times as people read them, in the zone in force: that of the tenant, which the page's frame sets.

Everything here takes an aware instant or a plain date, and joins the words of a date with no-break spaces.
"""

from datetime import date, datetime, timedelta

from django.utils import timezone

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
NBSP = "\N{NO-BREAK SPACE}"


def local(when: datetime | date) -> datetime | date:
    """The instant in the zone in force; a plain date stays as it is. Raises ValueError for a naive instant."""
    return timezone.localtime(when) if isinstance(when, datetime) else when


def day_text(when: datetime | date) -> str:
    """'Nov 15': for tables of one year."""
    day = local(when)
    return f"{MONTHS[day.month - 1][:3]}{NBSP}{day.day}"


def date_text(when: datetime | date) -> str:
    """'Nov 15, 2026'."""
    return f"{day_text(when)},{NBSP}{local(when).year}"


def weekday_text(when: datetime | date) -> str:
    """'Sat, Oct 31'."""
    return f"{local(when):%a},{NBSP}{day_text(when)}"


def long_text(when: datetime | date) -> str:
    """'November 15, 2026': in sentences."""
    return _long(local(when))


def time_text(when: datetime) -> str:
    """'14:05'."""
    return f"{local(when):%H:%M}"


def moment_text(when: datetime) -> str:
    """'Nov 8, 09:00 EST'."""
    return f"{day_text(when)},{NBSP}{time_text(when)}{NBSP}{zone_text(when)}"


def exact_text(when: datetime) -> str:
    """'Oct 26, 15:42:07': in tables that name the zone once."""
    return f"{day_text(when)},{NBSP}{local(when):%H:%M:%S}"


def zone_text(when: datetime) -> str:
    """'EST' or, where a zone has no letters, 'UTC+05:45'."""
    name = f"{local(when):%Z}"
    if name[:1] in "+-":
        offset = f"{local(when):%z}"
        return f"UTC{offset[:3]}:{offset[3:5]}"
    return name


def month_text(label: str) -> str:
    """A usage month's label, '2026-10', as 'October 2026'. Raises ValueError for anything else."""
    year, month = label.split("-")
    return f"{MONTHS[int(month) - 1]}{NBSP}{int(year)}"


def period_text(start: datetime | date, end: datetime | date) -> str:
    """A half-open period by its first and last day: 'October 1 to 31, 2026', 'October 15 to November 14, 2026'.

    `end` is the instant, or the day, at which the next period begins.
    """
    first = local(start)
    last = local(end - timedelta(microseconds=1)) if isinstance(end, datetime) else end - timedelta(days=1)
    last_part = f"{last.day},{NBSP}{last.year}"
    if first.year != last.year:
        return f"{_long(first)} to {_long(last)}"
    if first.month != last.month:
        last_part = f"{MONTHS[last.month - 1]}{NBSP}{last_part}"
    elif first.day == last.day:
        return _long(first)
    return f"{MONTHS[first.month - 1]}{NBSP}{first.day} to {last_part}"


def machine_text(when: datetime | date) -> str:
    """What <time datetime> wants: '2026-11-15', or the instant with its offset."""
    return timezone.localtime(when).isoformat(timespec="seconds") if isinstance(when, datetime) else when.isoformat()


def _long(day: date) -> str:
    return f"{MONTHS[day.month - 1]}{NBSP}{day.day},{NBSP}{day.year}"
