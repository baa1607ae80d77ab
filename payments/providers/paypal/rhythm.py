"""When the periods of a PayPal subscription begin and end. Pure: no clock, nobody is asked."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from payments.providers.paypal.prices import regular_cycle
from payments.providers.paypal.reading import instant

Span = tuple[datetime, datetime]
_MONTHS, _DAYS = {"MONTH": 1, "YEAR": 12}, {"DAY": 1, "WEEK": 7}
# PayPal bills at an hour of its own (10:00 UTC, as seen in answers), maybe before the hour of the start, and by the
# calendar of its own zone: a payment so long before a period is the period's.
SLACK = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Period `n` begins `n` cycles after `start`, and a month of the 31st stays one. `shift`: how much later PayPal
    bills; `lowest` is the first period there can be, None where `start` is but some boundary."""

    start: datetime
    months: int
    days: int
    shift: timedelta = timedelta(0)
    lowest: int | None = 0

    def begins(self, number: int) -> datetime:
        """The first begins at the start, and the others when PayPal bills."""
        moment = self.start + timedelta(days=self.days * number)
        if self.months:
            year, month = divmod(moment.year * 12 + moment.month - 1 + self.months * number, 12)
            day = min(moment.day, monthrange(year, month + 1)[1])
            moment = moment.replace(year=year, month=month + 1, day=day)
        return moment + (self.shift if number > 0 else timedelta(0))

    def span(self, number: int) -> Span:
        """From its beginning to the next."""
        return self.begins(number), self.begins(number + 1)

    def number_at(self, moment: datetime) -> int:
        """The period that a payment of that moment is for."""
        length = timedelta(days=self.months * 30.436875 + self.days)
        number = (moment - self.start) // length + 2
        while self.begins(number) > moment + SLACK:
            number -= 1
        return number if self.lowest is None else max(number, self.lowest)


def rhythm_of(subscription: Mapping[str, Any]) -> Rhythm:
    """Of a subscription that was read with its plan. From `start_time` on, as long as `next_billing_time` agrees; after
    a suspension it may not, and then it is the one boundary that is known. Raises KeyError and ValueError."""
    frequency = regular_cycle(subscription["plan"])["frequency"]
    count, unit = int(frequency.get("interval_count", 1)), frequency["interval_unit"]
    months, days = count * _MONTHS.get(unit, 0), count * _DAYS.get(unit, 0)
    if months + days < 1:
        raise ValueError(f"{unit!r} is no cycle")
    rhythm = Rhythm(instant(subscription["start_time"]), months, days)
    due = next_billing(subscription)
    if due is None:
        return rhythm
    shift = due - rhythm.begins(rhythm.number_at(due))
    if abs(shift) > SLACK:
        return Rhythm(due, months, days, lowest=None)
    return Rhythm(rhythm.start, months, days, shift=shift)


def current(subscription: Mapping[str, Any], rhythm: Rhythm) -> int | None:
    """The number of the period that was paid last, or is being paid for; None before the first payment.

    What PayPal says about the next one may be old (it is at ACTIVATED): then the last payment tells.
    """
    info = subscription.get("billing_info") or {}
    if not info.get("last_payment"):
        return None
    paid_at, due = instant(info["last_payment"]["time"]), next_billing(subscription)
    if due and due > paid_at:
        return rhythm.number_at(due) - 1
    number = rhythm.number_at(paid_at)
    return number if rhythm.lowest is None else max(number, _completed(info) - 1)


def spans(rhythm: Rhythm, paid_at: Sequence[datetime], *, last: int | None) -> list[Span]:
    """The periods that payments are for, oldest first: no two for the same. `last` is the number of the current one.

    A payment that came early is for the next; two of one day, where one was owed, are for the last two.
    """
    numbers: list[int] = []
    for moment in paid_at:
        number = rhythm.number_at(moment)
        numbers.append(max(number, numbers[-1] + 1) if numbers else number)
    ceiling = max(rhythm.number_at(paid_at[-1]), last) if paid_at and last is not None else None
    for at in reversed(range(len(numbers)) if ceiling is not None else ()):
        assert ceiling is not None
        numbers[at] = min(numbers[at], ceiling)
        ceiling = numbers[at] - 1
    return [rhythm.span(number) for number in numbers]


def next_billing(subscription: Mapping[str, Any]) -> datetime | None:
    """As PayPal says it, None when it says nothing."""
    told = (subscription.get("billing_info") or {}).get("next_billing_time")
    return instant(told) if told else None


def _completed(info: Mapping[str, Any]) -> int:
    executions = info.get("cycle_executions") or []
    return sum(int(each["cycles_completed"]) for each in executions if each.get("tenure_type") == "REGULAR")
