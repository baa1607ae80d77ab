"""What is told of the demo's tenants: their plan, their minutes, the money that they send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import Enum, auto
from typing import Any

from subscriptions.models.subscription import Engine


class Part(Enum):
    """How much of what is open on the invoice arrives."""

    WHOLE = auto()
    HALF = auto()
    OVER = auto()  # rounded up to the next ten dollars


class End(Enum):
    """What staff make of it. `AWAITING` leaves it on their desk."""

    VERIFIED = auto()
    REJECTED = auto()
    AWAITING = auto()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A check or wire for an invoice, `day` days after its issue. `declared` by the tenant, or recorded by a clerk.

    `without_cards`: it comes only where no card can be charged; else see `cards`.
    """

    day: int
    method: str
    reference: str
    part: Part = Part.WHOLE
    end: End = End.VERIFIED
    declared: bool = False
    reason: str = ""
    without_cards: bool = False


@dataclass(frozen=True, slots=True)
class Periods:
    """How the invoices of its subscription are paid, where they are ours: each in whole, `day` days after its issue.
    The first one's reference ends in `first`, the next one's in the number after that."""

    day: int
    method: str
    first: int
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """For so many days from its beginning nothing is charged to its card at a month's close."""

    days: int
    note: str


@dataclass(frozen=True, slots=True)
class Minutes:
    """Billed minutes of one month."""

    outbound: int
    inbound: int
    toll_free: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`engine` charges it where there is a stand-in for that provider; else it is paid by invoice. `begins`: on the
    first day, at that time of the tenant's. A provider counts its periods in UTC: by day they begin on the first
    there, too, in summer and in winter."""

    code: str
    cycle: str
    currency: str
    seats: int
    engine: Engine = Engine.INVOICE
    begins: time = time(0)


@dataclass(frozen=True)
class Customer:
    """`usage` and `receipts` count months back from this one: 0 is now, 1 the last; `closed_until`: the newest closed.

    `call` is the length of a usual call in minutes. With `by_queue` the platform reports a queue's total instead of
    each call. `in_proportion`: this month's minutes are what the whole month would have.
    """

    slug: str
    name: str
    country: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    plan: Plan | None = None
    usage: Mapping[int, Minutes] = field(default_factory=dict)
    receipts: Mapping[int, Sequence[Receipt]] = field(default_factory=dict)
    periods: Periods = Periods(10, "check", 101)
    left_alone: LeftAlone | None = None
    call: int = 8
    by_queue: bool = False
    in_proportion: bool = True
    closed_until: int = 2
    closing_day: int = 1
    queues: Sequence[str] = ("Sales", "Support", "Renewals")
    abroad: Sequence[str] = ()
