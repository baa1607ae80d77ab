"""The terms a tenant is on, as plain frozen values: what rating and pages work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing_portal.kit import periods


@dataclass(frozen=True, slots=True)
class Rounding:
    """Seconds: a call is charged for at least `initial`, then in whole `increment`s; below `free_below` nothing."""

    initial: int = 60
    increment: int = 60
    free_below: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """How long one may be, and whether what is used in it beyond the allowance is billed."""

    days: int = 0
    bills_usage: bool = False


@dataclass(frozen=True, slots=True)
class Pricing:
    """What storing one record must know of the terms: when they began, which names the segment, and how they round."""

    since: datetime
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class Terms:
    """What priced a tenant's use in [starts_at, ends_at).

    `allowances` per seat in the meter's shown unit (None: without limit; no key: nothing included) and `prices` in
    minor units with decimals, both keyed by (meter, rate class). `effective_from` is when the terms began, which may
    lie before `starts_at` where a caller asked for a part; it names the segment in rollups.
    """

    subscription_id: UUID
    plan_code: str
    plan_name: str
    version: int
    seats: int
    currency: str
    effective_from: datetime
    starts_at: datetime
    ends_at: datetime
    rounding: Rounding
    allowances: Mapping[tuple[str, str], Decimal | None]
    prices: Mapping[tuple[str, str], Decimal]

    @property
    def covered_seconds(self) -> int:
        """How long they are in force within what was asked for: the share of the allowance that they give."""
        return int(periods.duration(self.starts_at, self.ends_at).total_seconds())
