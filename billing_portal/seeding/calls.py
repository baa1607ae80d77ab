"""A month of calls that looks like a call center's: busy in working hours, quiet at night, and with a given sum.

Random but repeatable: the same tenant and month give the same calls, for the same hour of the day at least.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from billing_portal.seeding.shapes import Customer, Minutes
from usage.actions.metering import UsageEvent

HOUR = timedelta(hours=1)
# Out of a thousand calls of a working day, by local hour; what is not named has a few.
BUSY = {7: 20, 8: 60, 9: 105, 10: 125, 11: 120, 12: 75, 13: 95, 14: 120, 15: 115, 16: 95, 17: 50, 18: 15}
FEW = 1
SHARE_OF_DAY = (100, 105, 102, 98, 90, 12, 5)  # Monday first, in percent
SHORTEST = 20  # seconds
CAMPAIGNS = (None, "Renewal reminders", "Win-back")


def calls_of(
    customer: Customer, label: str, span: tuple[datetime, datetime], zone: ZoneInfo, minutes: Minutes, scale: Decimal
) -> list[UsageEvent]:
    """The calls of `span`, oldest first, whose billed minutes are exactly `minutes`; none when the span is too short.

    `scale` says how many calls that is. What costs something keeps its sum, in more and shorter calls or fewer and
    longer ones; of inbound calls, which cost nothing, there are more or fewer minutes.
    """
    random = Random(f"{customer.slug} {label}")  # noqa: S311 (no secret)
    hours = list(_hours(span))
    if not hours:
        return []
    weights = [_busy(hour.astimezone(zone)) for hour in hours]
    usual = float(max(Decimal(1), customer.call / scale))
    lengths = [
        *((length, "outbound", False) for length in _lengths(random, minutes.outbound, usual)),
        *((length, "inbound", True) for length in _lengths(random, minutes.toll_free, usual)),
        *(
            (length, "inbound", False)
            for length in _lengths(random, int(minutes.inbound * scale), float(customer.call))
        ),
    ]
    events = [
        _event(customer, random, began=began, seconds=seconds, direction=direction, toll_free=toll_free)
        for (seconds, direction, toll_free), began in zip(
            lengths, random.choices(hours, weights, k=len(lengths)), strict=True
        )
    ]
    return sorted(events, key=lambda event: event.occurred_at)


def _hours(span: tuple[datetime, datetime]) -> Iterator[datetime]:
    """The beginnings of the whole hours in it."""
    hour = span[0]
    while hour + HOUR <= span[1]:
        yield hour
        hour += HOUR


def _busy(local: datetime) -> int:
    return BUSY.get(local.hour, FEW) * SHARE_OF_DAY[local.weekday()]


def _lengths(random: Random, minutes: int, usual: float) -> Iterator[int]:
    """Talk times in seconds which, each rounded up to minutes, sum to `minutes`; `usual` is their mean, in minutes."""
    left = minutes
    while left > 0:
        seconds = max(SHORTEST, int(random.gammavariate(2, 30) * usual))
        if math.ceil(seconds / 60) > left:
            seconds = left * 60 - random.randrange(60)
        left -= math.ceil(seconds / 60)
        yield seconds


def _event(
    customer: Customer, random: Random, *, began: datetime, seconds: int, direction: str, toll_free: bool
) -> UsageEvent:
    """One call that ended within the hour that `began`; or a queue's total."""
    assert customer.plan is not None
    at = began + timedelta(milliseconds=random.randrange(3_600_000))
    home = random.random() < 0.9 or not customer.abroad
    return UsageEvent(
        meter="call_minutes",
        quantity=(Decimal(seconds) / 60).quantize(Decimal("0.000001")),
        occurred_at=at,
        event_id=str(_uuid7(random, at)),
        description="Total of the queue" if customer.by_queue else "",
        direction=direction,
        toll_free=toll_free,
        dimensions={
            "country": customer.country if home else random.choice(customer.abroad),
            "agentId": None if customer.by_queue else f"agent-{random.randint(1, customer.plan.seats):02d}",
            "queue": random.choice(customer.queues),
            "campaign": random.choice(CAMPAIGNS) if direction == "outbound" and not customer.by_queue else None,
        },
    )


def _uuid7(random: Random, at: datetime) -> UUID:
    """A time-ordered key, as the call center's platform would make it."""
    milliseconds = int(at.timestamp() * 1000)
    bits = milliseconds << 80 | random.getrandbits(80)
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)
