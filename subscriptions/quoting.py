"""What a change of a subscription that is paid by invoice costs, and from when it holds: reckoned, and nothing
written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing_portal.kit.periods import Span
from payments import queries as money
from payments.actions.invoicing import LineDraft
from payments.tax import Tax
from subscriptions import queries, spans
from subscriptions.costing import cost_with, with_tax
from subscriptions.discounts import Discount, cycle_from, discount_from, discount_of
from subscriptions.drafting import part_line, period_lines, with_coupon
from subscriptions.errors import NothingChanges, SeatsFallAtRenewal
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.plan import BillingCycle
from subscriptions.proration import Seats, part_of, prorate

NOW, PERIOD_END = "now", "period_end"


@dataclass(frozen=True, slots=True)
class Target:
    """What it is to be."""

    price: PlanPrice
    seats: int

    @property
    def cost(self) -> Seats:
        return Seats(self.price.per_seat_minor, self.seats)


@dataclass(frozen=True, slots=True)
class Choice:
    """From what to what, and when: "now" or "period_end". `restarts`: the cycle is another one."""

    current: Target
    target: Target
    when: str
    restarts: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """`lines` and `taxes` are those of the invoice that follows, `total_minor` their sum: negative where it is credited
    instead. `due_minor` is what is left to be paid after the tenant's credit.

    `restarts`: a period of the new cycle begins, `period` is it. `next_at` is until when is billed after it, and
    `next_minor` what the period after that costs, tax included.
    """

    target: Target
    when: str
    effective_at: datetime
    lines: tuple[LineDraft, ...]
    taxes: tuple[Tax, ...]
    total_minor: int
    due_minor: int
    period: Span
    restarts: bool
    next_minor: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class _Billed:
    """A period that is billed: on which terms, and what the coupon takes off it."""

    span: Span
    by: Target
    discount: Discount | None


@dataclass(frozen=True, slots=True)
class _After:
    """Until when is billed then, and what the coupon takes off the period after."""

    at: datetime
    discount: Discount | None


def choose(subscription: Subscription, target: Target, *, when: str | None, instant: datetime) -> Choice:
    """When it holds. `when` None: what costs more holds at once, what costs less from the period's end; in a trial
    everything holds at once.

    Raises NothingChanges, SeatsFallAtRenewal (fewer seats at once: a period's paid seats never fall).
    """
    current = current_target(subscription, instant)
    if target == current and subscription.pending_at is None:
        raise NothingChanges
    restarts = target.price.billing_cycle != current.price.billing_cycle
    if subscription.status == Subscription.Status.TRIALING:
        return Choice(current, target, NOW, restarts=False)
    chosen = when or _usual(current, target)
    if chosen == NOW and target.seats < current.seats:
        raise SeatsFallAtRenewal
    return Choice(current, target, chosen, restarts=restarts)


def quote(subscription: Subscription, target: Target, *, when: str | None, instant: datetime) -> Quote:
    """As of `instant`. Raises as `choose`."""
    choice = choose(subscription, target, when=when, instant=instant)
    if subscription.status == Subscription.Status.TRIALING:
        return _in_trial(subscription, target, instant)
    reckon = _at_period_end if choice.when == PERIOD_END else _now
    return reckon(subscription, choice.current, target, instant, restarts=choice.restarts)


def current_target(subscription: Subscription, instant: datetime) -> Target:
    terms = queries.current_terms(subscription, instant)
    return Target(terms.price, terms.seats)


def billed_ahead(subscription: Subscription, instant: datetime) -> int:
    """Minor units, tax included, of the periods after the one that runs that are billed already, on their terms."""
    ahead = _billed(subscription, current_target(subscription, instant))[1:]
    return sum(cost_with(subscription, each.by.price, each.by.seats, each.discount) for each in ahead)


def _usual(current: Target, target: Target) -> str:
    if target == current:
        return NOW  # what was agreed for later is taken back
    if target.price.billing_cycle != current.price.billing_cycle:
        return NOW if target.price.billing_cycle == BillingCycle.YEARLY else PERIOD_END
    return NOW if target.cost.whole > current.cost.whole and target.seats >= current.seats else PERIOD_END


def _in_trial(subscription: Subscription, target: Target, instant: datetime) -> Quote:
    """Nothing was paid yet, so nothing is to be reckoned: other terms hold at once, and the trial goes on."""
    assert subscription.period_start and subscription.trial_end
    period = subscription.period_start, subscription.trial_end
    after = _After(subscription.trial_end, discount_from(subscription, subscription.trial_end))
    return _quote(subscription, target, NOW, instant, [], period, after)


def _now(subscription: Subscription, current: Target, target: Target, instant: datetime, *, restarts: bool) -> Quote:
    """Unused time back and the same time of the new, for all that is billed; another cycle begins anew."""
    assert subscription.period_start and subscription.period_end and subscription.billed_until
    billed = _billed(subscription, current)
    if restarts:
        period = spans.first_span(instant, subscription.tenant.zone, target.price.billing_cycle)
        cycle = cycle_from(subscription, instant)
        lines = [line for each in billed for line in _given_back(each, instant)]
        lines += period_lines(target.price, target.seats, period, discount_of(subscription.coupon, cycle))
        after = _After(period[1], discount_of(subscription.coupon, cycle + 1))
        return _quote(subscription, target, NOW, instant, lines, period, after, restarts=True)
    lines, after = _mended(subscription, billed, target, instant)
    return _quote(subscription, target, NOW, instant, lines, (instant, max(after.at, subscription.period_end)), after)


def _at_period_end(
    subscription: Subscription, current: Target, target: Target, instant: datetime, *, restarts: bool
) -> Quote:
    """What is billed ahead for the time after is mended now. Another cycle waits for the end of what is billed in the
    one that runs."""
    assert subscription.period_end and subscription.billed_until
    ahead = _billed(subscription, current)[1:]
    cycle = target.price.billing_cycle
    waits = restarts and not any(each.by.price.billing_cycle == cycle for each in ahead)
    lines, after = _mended(subscription, [] if waits else ahead, target, instant)
    end = subscription.billed_until if waits else subscription.period_end
    period = subscription.period_end, max(after.at, subscription.period_end)
    return _quote(subscription, target, PERIOD_END, end, lines, period, after, restarts=restarts)


def _mended(
    subscription: Subscription, billed: Sequence[_Billed], target: Target, instant: datetime
) -> tuple[list[LineDraft], _After]:
    """The lines that make the target's of what is billed, and what comes after it then.

    What was billed ahead in another cycle than the target's is given back whole, and one period of the target's cycle
    is billed in its place.
    """
    assert subscription.billed_until
    cycle = target.price.billing_cycle
    same = [each for each in billed if each.by.price.billing_cycle == cycle]
    others = [each for each in billed if each.by.price.billing_cycle != cycle]
    lines = [line for each in same for line in _changed(each, target, instant)]
    if not others:
        until = subscription.billed_until
        return lines, _After(until, discount_from(subscription, until))
    lines += [line for each in others for line in _given_back(each, instant)]
    since = others[0].span[0]
    instead = spans.span_after(subscription.anchor_at, subscription.tenant.zone, cycle, since)
    lines += period_lines(target.price, target.seats, instead, others[0].discount)
    after = discount_of(subscription.coupon, cycle_from(subscription, since) + 1)
    return lines, _After(instead[1], after)


def _billed(subscription: Subscription, current: Target) -> list[_Billed]:
    """The period that runs and those billed ahead: from what was agreed for later on, that."""
    price, seats, since = subscription.pending_price, subscription.pending_seats, subscription.pending_at
    later = None if price is None or seats is None else Target(price, seats)
    return [
        _Billed(
            span,
            later if later and since and span[0] >= since else current,
            discount_of(subscription.coupon, subscription.coupon_cycle + ahead),
        )
        for ahead, span in enumerate(queries.billed_periods(subscription))
    ]


def _given_back(billed: _Billed, instant: datetime) -> list[LineDraft]:
    part = part_of(billed.by.cost, billed.span, max(instant, billed.span[0]), sign=-1)
    return with_coupon([part_line(billed.by.price, part)], billed.discount) if part.amount_minor else []


def _changed(billed: _Billed, target: Target, instant: datetime) -> list[LineDraft]:
    """With a coupon more seats, too, are unused time back and the same time of more: what it takes off is of all."""
    before, span, is_less = billed.by, billed.span, billed.discount is not None
    parts = prorate(before.cost, target.cost, [span], max(instant, span[0]), both_sides=is_less)
    adds = before.price.per_seat_minor == target.price.per_seat_minor and target.seats > before.seats and not is_less
    of = (before.price if part.amount_minor < 0 else target.price for part in parts)
    lines = [part_line(price, part, adds_seats=adds) for price, part in zip(of, parts, strict=True)]
    return with_coupon(lines, billed.discount)


def _quote(
    subscription: Subscription,
    target: Target,
    when: str,
    effective_at: datetime,
    lines: Sequence[LineDraft],
    period: Span,
    after: _After,
    *,
    restarts: bool = False,
) -> Quote:
    taxes, total = with_tax(subscription, lines)
    credit = money.credit_balance(subscription.tenant, subscription.currency).minor
    return Quote(
        target=target,
        when=when,
        effective_at=effective_at,
        lines=tuple(lines),
        taxes=tuple(taxes),
        total_minor=total,
        due_minor=max(0, total - max(0, credit)),
        period=period,
        restarts=restarts,
        next_minor=cost_with(subscription, target.price, target.seats, after.discount),
        next_at=after.at,
    )
