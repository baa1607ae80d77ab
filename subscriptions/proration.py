"""What a change in the middle of a period costs: pure arithmetic by the second. No clock, no database, no settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction

from billing_portal.kit.money import round_half_up
from billing_portal.kit.periods import Span, duration

# As an invoice line keeps a unit price.
PLACES = Decimal("0.000000000001")


@dataclass(frozen=True, slots=True)
class Seats:
    """`seats` at `per_seat` minor units for a whole period."""

    per_seat: int
    seats: int

    @property
    def whole(self) -> int:
        """Minor units of a whole period."""
        return self.per_seat * self.seats


@dataclass(frozen=True, slots=True)
class Part:
    """`seats` × `unit_amount` (minor units, 12 places), rounded half-up once, is `amount_minor`: for `share` of
    `period`, which is from `since` to its end. Negative where it gives unused time back."""

    seats: int
    unit_amount: Decimal
    amount_minor: int
    share: Fraction
    since: datetime
    period: Span


def share_left(period: Span, instant: datetime) -> Fraction:
    """What is left of a period, by whole seconds: 1 before it begins, 0 after it ended."""
    start, end = period
    if instant <= start:
        return Fraction(1)
    if instant >= end:
        return Fraction(0)
    left = int(duration(instant, end).total_seconds())
    return Fraction(left, int(duration(start, end).total_seconds()))


def part_of(what: Seats, period: Span, instant: datetime, *, sign: int = 1) -> Part:
    """What `what` costs from `instant` to the end of the period."""
    share = share_left(period, instant)
    unit = _decimal(sign * what.per_seat * share)
    with localcontext(prec=60):
        amount = round_half_up(unit * what.seats)
    return Part(what.seats, unit, amount, share, max(instant, period[0]), period)


def prorate(
    old: Seats, new: Seats, periods: Sequence[Span], instant: datetime, *, both_sides: bool = False
) -> list[Part]:
    """Unused time of the old given back and the same time of the new charged, for each period that is paid for already
    and has not ended; more seats at the same price are charged as what is added, or with `both_sides` as these two.

    What comes to nothing is left out. Both sides of a period are of the same length, so a change and its reverse at one
    instant sum to nothing.
    """
    parts: list[Part] = []
    for period in periods:
        if share_left(period, instant) == 0:
            continue
        if old.per_seat == new.per_seat and new.seats > old.seats and not both_sides:
            parts.append(part_of(Seats(new.per_seat, new.seats - old.seats), period, instant))
        elif old != new:
            parts += [part_of(old, period, instant, sign=-1), part_of(new, period, instant)]
    return [part for part in parts if part.amount_minor]


def _decimal(value: Fraction) -> Decimal:
    """Rounded half-up to what a line keeps."""
    scaled = round_half_up(value / Fraction(PLACES))
    return Decimal(scaled).scaleb(PLACES.as_tuple().exponent)  # type: ignore[arg-type]
