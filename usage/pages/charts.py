"""What the charts of usage are drawn from, as static/js/charts.js reads it: plain numbers, for pictures only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import MONTHS, day_text, local, time_text
from billing_portal.kit.money import Money, round_half_up
from usage.days import Day
from usage.pages.words import shown
from usage.summary import ClassSoFar, MonthSoFar


def number(quantity: Decimal) -> int | float:
    """Minutes for a picture: JSON has no decimals."""
    whole = quantity.to_integral_value()
    return int(whole) if whole == quantity else float(round(quantity, 2))


def days_chart(days: Sequence[Day], *, counted: bool, currency: str, ended_at: datetime | None) -> dict[str, Any]:
    """Stacked bars by day. Only an outbound allowance (`counted`) has minutes beyond it, drawn apart."""
    over = [day.over["outbound"] if counted else Decimal(0) for day in days]
    ended_on = local(ended_at) if ended_at else None
    positions = [at for at, day in enumerate(days) if isinstance(ended_on, datetime) and day.day == ended_on.date()]
    return {
        "labels": [day_text(day.day) for day in days],
        "inbound": [number(day.minutes["inbound"]) for day in days],
        "within": [number(day.minutes["outbound"] - part) for day, part in zip(days, over, strict=True)],
        "over": [number(part) for part in over],
        "tollFree": [number(day.minutes["toll_free"]) for day in days],
        "costs": [money_text(Money(round_half_up(day.charge), currency)) for day in days],
        "crossed": positions[0] if positions else None,
        "crossedLabel": f"Allowance used up on {day_text(ended_at)}, {time_text(ended_at)}" if ended_at else None,
    }


def running_chart(days: Sequence[Day], main: ClassSoFar) -> dict[str, Any]:
    """The total so far, day after day, against the allowance."""
    included = main.included or None
    return {
        "labels": [day_text(day.day) for day in days],
        "running": [number(day.so_far[main.rate_class]) for day in days],
        "allowance": number(included) if included else None,
        "allowanceLabel": f"{shown(included)} included" if included else None,
    }


def months_chart(months: Sequence[tuple[MonthSoFar, ClassSoFar | None]]) -> dict[str, Any]:
    """One bar a month, oldest first: within the allowance, over it, and what is still expected of the last."""
    zero = Decimal(0)
    rows = [_bar(main) if main else (zero, zero, zero, zero) for _, main in months]
    latest = months[-1][1] if months else None
    included = latest.included if latest else None
    return {
        "labels": [MONTHS[int(so_far.month.label[5:]) - 1][:3] for so_far, _ in months],
        "within": [number(row[0]) for row in rows],
        "over": [number(row[1]) for row in rows],
        "expected": [number(row[2]) for row in rows],
        "expectedOver": [number(row[3]) for row in rows],
        "allowance": number(included) if included else None,
        "allowanceLabel": f"{shown(included)} included" if included else None,
    }


def _bar(main: ClassSoFar) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    over = main.overage if main.has_allowance else Decimal(0)
    pace_over = main.pace_overage if main.has_allowance else Decimal(0)
    more_over = pace_over - over
    return main.used - over, over, main.pace - main.used - more_over, more_over
