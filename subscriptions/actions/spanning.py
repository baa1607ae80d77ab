"""From when to when the period runs that PayPal was paid for: it says when it bills next, and never when it began."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from billing_portal.kit import periods
from billing_portal.kit.periods import Span
from payments.providers.recurring import RecurringFacts
from subscriptions.models.plan import BillingCycle

# PayPal may bill so much before the hour at which a period was said to begin, and moves that hour.
_CLOSE = timedelta(hours=36)
# No payment is made good so long after its period began.
_LATEST = timedelta(days=45)


def close(span: Span) -> timedelta:
    """How far apart two words about an end of it may lie: the beginning of a trial of one day is not its end."""
    return min(_CLOSE, (span[1] - span[0]) / 2)


def is_older(before: Span, facts: RecurringFacts) -> bool:
    """Whether this was read before what is known was: it tells of an older period than `before`."""
    if facts.period is None:
        return False
    near = close(before)
    if facts.is_counted:
        return facts.paid_at is not None and facts.paid_at < before[0] - near
    return facts.period[1] < before[1] - near


def running_period(before: Span, read: Span, now: datetime) -> Span:
    """`read`, as PayPal says it, with its beginning mended: of a period that another length will follow PayPal does not
    say any more when it began. `before` is what was known; what ends before that is of long ago."""
    near = close(before)
    if read[1] < before[1] - near:
        return before
    if read[1] <= before[1] + near:
        return before[0], read[1]
    return read if before[1] - near <= read[0] <= now + _CLOSE else (before[1], read[1])


def counted_period(
    before: Span,
    read: Span,
    *,
    paid_at: datetime | None,
    by: str | None,
    charged: str | None,
    anchor: datetime,
    now: datetime,
) -> Span:
    """What was paid for last, of a subscription for which PayPal names no next billing. `read` is counted by the cycle
    `by`, which was agreed to last; the payment of `paid_at` was for the cycle `charged`. None: of no price of ours.
    `anchor` is when its first period began.

    Nothing was paid since: what was known. Else it follows that.
    """
    near = close(before)
    if paid_at is None or paid_at < before[1] - near:
        return before
    if by == charged and before[1] - near <= read[0] <= now + _CLOSE:
        return read
    if charged is None:
        return before
    day = anchor.astimezone(UTC).day
    span = before[1], _later(before[1], charged, day)
    while span[1] <= paid_at + _CLOSE:
        span = span[1], _later(span[1], charged, day)
    return span if paid_at - span[0] < _LATEST else (paid_at, _later(paid_at, charged, paid_at.day))


def _later(start: datetime, cycle: str, day: int) -> datetime:
    """One cycle after an instant, by the calendar of UTC. `day` is that of the month at which the first one began: in a
    month without it a period begins at its last day, and the one after that does not."""
    midnight, end = periods.billing_period(start, UTC, BillingCycle(cycle).months, 0)
    if midnight.day < day and midnight.day == _days_in(midnight):
        end = end.replace(day=min(day, _days_in(end)))
    return end + (start - midnight)


def _days_in(month: datetime) -> int:
    return monthrange(month.year, month.month)[1]
