"""What a coupon takes off a period: of which periods, and how much. Whoever bills, shows or gives back asks here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from billing_portal.kit import periods
from billing_portal.kit.money import round_half_up
from subscriptions import queries, spans
from subscriptions.models import Coupon, Subscription
from subscriptions.models.plan import BillingCycle
from subscriptions.models.subscription import Engine


@dataclass(frozen=True, slots=True)
class Discount:
    """Of one period, the `cycle`-th that the coupon counts (from 1); a `percent` or an `amount_minor`."""

    code: str
    percent: Decimal | None
    amount_minor: int | None
    cycle: int
    cycles: int | None

    def off(self, minor: int) -> int:
        """Of what a period costs, or what is left of it, in minor units; as much below zero where that is given back.

        A percentage is rounded half-up once. An amount comes off what is left as far as it goes: what was paid pays for
        the time that is used first. By both, what remains of a greater sum is never less than what remains of a smaller
        one, and never below zero: so over any number of changes no more is given back of a period than was paid for it.
        """
        size = abs(minor)
        if self.percent is not None:
            off = round_half_up(Decimal(size) * self.percent / 100)
        else:
            off = min(self.amount_minor or 0, size)
        return off if minor >= 0 else -off


def discount_of(coupon: Coupon | None, cycle: int) -> Discount | None:
    """None for a period that the coupon does not count, and after the last one."""
    if coupon is None or cycle < 1 or (coupon.cycles is not None and cycle > coupon.cycles):
        return None
    return Discount(coupon.code, coupon.percent, coupon.amount_off_minor, cycle, coupon.cycles)


def discount_from(subscription: Subscription, start: datetime) -> Discount | None:
    """Of the period that begins at `start`: the one that runs, one that is billed ahead, or the next to be billed. By a
    provider, which counts for itself, it is always the first for its coupon."""
    coupon = subscription.coupon
    if coupon is None or subscription.engine == Engine.INVOICE:
        return discount_of(coupon, cycle_from(subscription, start))
    return None if _left_there(subscription, start) == 0 else discount_of(coupon, 1)


def cycle_from(subscription: Subscription, start: datetime) -> int:
    """Which one that period is for the coupon, where our own invoices bill it; 0 without a coupon.

    Each period that begins is another one, also in another cycle and after a pause. One that is billed again from the
    same instant is the same; what was billed ahead and given back was none.
    """
    if subscription.coupon_id is None:
        return 0
    return subscription.coupon_cycle + sum(span[0] < start for span in queries.billed_periods(subscription))


def bills_left(subscription: Subscription) -> int | None:
    """How many bills that are still to come it takes something off; None: every one. Without a coupon none."""
    coupon = subscription.coupon
    if coupon is None or subscription.status == Subscription.Status.CANCELED or subscription.cancel_at_period_end:
        return 0
    if coupon.cycles is None:
        return None
    start = subscription.billed_until if subscription.engine == Engine.INVOICE else subscription.period_end
    if start is None or subscription.status in (Subscription.Status.INCOMPLETE, Subscription.Status.APPROVAL_PENDING):
        return coupon.cycles
    if subscription.engine != Engine.INVOICE:
        return _left_there(subscription, start)
    return max(0, coupon.cycles - cycle_from(subscription, start) + 1)


def _left_there(subscription: Subscription, start: datetime) -> int | None:
    """A provider counts the months of the cycle that it began with, from its first bill: each period that begins before
    they are over is reduced. How many, from the one that begins at `start` on; None: every one."""
    assert subscription.coupon
    if subscription.coupon.cycles is None:
        return None
    if subscription.coupon.cycles == 1:  # the first bill uses it up, however long its period is
        return int(start <= subscription.anchor_at)
    began = subscription.terms.select_related("price").earliest("effective_from").price.billing_cycle
    months = BillingCycle(began).months * subscription.coupon.cycles
    end = periods.billing_period(subscription.anchor_at, UTC, months, 0)[1]
    price = queries.current_terms(subscription, start).price
    if subscription.pending_price and subscription.pending_at and subscription.pending_at <= start:
        price = subscription.pending_price
    cycle, left = price.billing_cycle, 0
    while start < end:
        left, start = left + 1, spans.span_after(subscription.anchor_at, UTC, cycle, start)[1]
    return left
