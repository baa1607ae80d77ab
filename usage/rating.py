"""What use costs: pure arithmetic over terms and totals. No clock, no database, no settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from billing_portal.kit.money import round_half_up
from subscriptions.terms import Rounding, Terms
from usage.meters import METERS

SIX_PLACES = Decimal("0.000001")


def billable_seconds(seconds: int, rounding: Rounding) -> int:
    """Seconds charged for one call: at least `initial`, then whole `increment`s; nothing below `free_below`.

    `seconds` is talk time, >= 0; a call without any costs nothing. 60/60 bills whole minutes (61 s -> 120), 30/6 half a
    minute and then tenths (31 s -> 36), 1/1 the second.
    """
    if seconds == 0 or seconds < rounding.free_below:
        return 0
    beyond = max(0, seconds - rounding.initial)
    return rounding.initial + math.ceil(beyond / rounding.increment) * rounding.increment


def billable_base(meter: str, base: Decimal, rounding: Rounding) -> Decimal:
    """The base units charged for one record. Calls (whole ms) by the rounding rule over started seconds; others as they
    are."""
    if meter != "call_minutes":
        return base
    return Decimal(billable_seconds(math.ceil(base / 1000), rounding) * 1000)


@dataclass(frozen=True, slots=True)
class Used:
    """A rollup's totals in base units: `quantity` talk time, `billable` what is charged for, `records` how many."""

    quantity: Decimal = Decimal(0)
    billable: Decimal = Decimal(0)
    records: int = 0

    def __add__(self, other: Used) -> Used:
        return Used(self.quantity + other.quantity, self.billable + other.billable, self.records + other.records)


@dataclass(frozen=True, slots=True)
class Rated:
    """One (meter, rate class) of one segment, in shown units; `amount` in minor units.

    `included` None means without limit. `exact` is quantity × price before the one rounding.
    """

    terms: Terms
    meter: str
    rate_class: str
    used: Decimal
    records: int
    included: Decimal | None
    overage: Decimal
    unit_amount: Decimal
    exact: Decimal
    amount: int


def included_units(terms: Terms, meter: str, rate_class: str, month_seconds: int) -> Decimal | None:
    """Seats × per-seat allowance, for the share of the month that the terms cover, by the second. None: without
    limit."""
    per_seat = terms.allowances.get((meter, rate_class), Decimal(0))
    if per_seat is None:
        return None
    return (per_seat * terms.seats * terms.covered_seconds / month_seconds).quantize(SIX_PLACES, ROUND_HALF_UP)


def rate_segment(terms: Terms, totals: Mapping[tuple[str, str], Used], month_seconds: int) -> list[Rated]:
    """Each class that has a total, in a fixed order. `month_seconds` is the length of the whole usage month."""
    return [
        _rate(terms, meter, rate_class, used, month_seconds) for (meter, rate_class), used in sorted(totals.items())
    ]


def _rate(terms: Terms, meter: str, rate_class: str, used: Used, month_seconds: int) -> Rated:
    units = METERS[meter].to_unit(used.billable)
    included = included_units(terms, meter, rate_class, month_seconds)
    overage = Decimal(0) if included is None else max(Decimal(0), units - included)
    price = terms.prices.get((meter, rate_class), Decimal(0))
    with localcontext(prec=60):  # twenty digits times twenty: the default context would round a first time here
        exact = overage * price
        amount = round_half_up(exact)
    return Rated(
        terms=terms,
        meter=meter,
        rate_class=rate_class,
        used=units,
        records=used.records,
        included=included,
        overage=overage,
        unit_amount=price,
        exact=exact,
        amount=amount,
    )


def total(rated: Iterable[Rated]) -> int:
    """Minor units."""
    return sum(each.amount for each in rated)
