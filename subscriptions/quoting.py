"""What a change of a subscription that is paid by invoice costs, and from when it holds: reckoned, and nothing
written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing_portal.kit.periods import Span
from payments import queries as money
from payments import tax
from payments.actions.invoicing import LineDraft
from payments.tax import Tax
from subscriptions import queries, spans
from subscriptions.drafting import part_line, period_line
from subscriptions.errors import NothingChanges, SeatsFallAtRenewal
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.plan import BillingCycle
from subscriptions.proration import Part, Seats, part_of, prorate

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
    current = current_target(subscription, instant)
    ahead = _as_billed(subscription, current, queries.billed_periods(subscription)[1:])
    return sum(with_tax(subscription, [period_line(each.price, each.seats, span)])[1] for span, each in ahead)


def with_tax(subscription: Subscription, lines: Sequence[LineDraft]) -> tuple[list[Tax], int]:
    """(taxes, total with tax) as an invoice of these lines has them; of a negative sum, what is credited of tax."""
    subtotal = sum(line.amount_minor for line in lines)
    taxes = tax.tax_lines(subscription.tenant, [line.amount_minor for line in lines]) if subtotal > 0 else []
    if subtotal < 0:
        credited = tax.tax_lines(subscription.tenant, [-subtotal])
        return [], subtotal - sum(each.amount_minor for each in credited)
    return taxes, subtotal + sum(each.amount_minor for each in taxes)


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
    return _quote(subscription, target, NOW, instant, [], period, restarts=False, next_at=subscription.trial_end)


def _now(subscription: Subscription, current: Target, target: Target, instant: datetime, *, restarts: bool) -> Quote:
    """Unused time back and the same time of the new, for all that is billed; another cycle begins anew."""
    assert subscription.period_start and subscription.period_end and subscription.billed_until
    billed = queries.billed_periods(subscription)
    if restarts:
        period = spans.first_span(instant, subscription.tenant.zone, target.price.billing_cycle)
        lines = [
            part_line(before.price, part)
            for span, before in _as_billed(subscription, current, billed)
            if (part := part_of(before.cost, span, instant, sign=-1)).amount_minor
        ]
        lines.append(period_line(target.price, target.seats, period))
        return _quote(subscription, target, NOW, instant, lines, period, restarts=True, next_at=period[1])
    lines, until = _mended(subscription, _as_billed(subscription, current, billed), target, instant)
    period = instant, max(until, subscription.period_end)
    return _quote(subscription, target, NOW, instant, lines, period, restarts=False, next_at=until)


def _at_period_end(
    subscription: Subscription, current: Target, target: Target, instant: datetime, *, restarts: bool
) -> Quote:
    """What is billed ahead for the time after is mended now. Another cycle waits for the end of what is billed in the
    one that runs."""
    assert subscription.period_end and subscription.billed_until
    ahead = _as_billed(subscription, current, queries.billed_periods(subscription)[1:])
    cycle = target.price.billing_cycle
    waits = restarts and not any(before.price.billing_cycle == cycle for _, before in ahead)
    lines, until = ([], subscription.billed_until) if waits else _mended(subscription, ahead, target, instant)
    end = subscription.billed_until if waits else subscription.period_end
    period = subscription.period_end, max(until, subscription.period_end)
    return _quote(subscription, target, PERIOD_END, end, lines, period, restarts=restarts, next_at=until)


def _mended(
    subscription: Subscription, billed: Sequence[tuple[Span, Target]], target: Target, instant: datetime
) -> tuple[list[LineDraft], datetime]:
    """The lines that make the target's of what is billed, and until when is billed then.

    What was billed ahead in another cycle than the target's is given back whole, and one period of the target's cycle
    is billed in its place.
    """
    assert subscription.billed_until
    cycle = target.price.billing_cycle
    same = [(span, before) for span, before in billed if before.price.billing_cycle == cycle]
    others = [(span, before) for span, before in billed if before.price.billing_cycle != cycle]
    lines = [
        line
        for span, before in same
        for line in _lines(before, target, prorate(before.cost, target.cost, [span], max(instant, span[0])))
    ]
    if not others:
        return lines, subscription.billed_until
    lines += [
        part_line(before.price, part)
        for span, before in others
        if (part := part_of(before.cost, span, max(instant, span[0]), sign=-1)).amount_minor
    ]
    instead = spans.span_after(subscription.anchor_at, subscription.tenant.zone, cycle, others[0][0][0])
    return [*lines, period_line(target.price, target.seats, instead)], instead[1]


def _as_billed(subscription: Subscription, current: Target, billed: Sequence[Span]) -> list[tuple[Span, Target]]:
    """What each of them was billed by: from what was agreed for later on, that."""
    price, seats, since = subscription.pending_price, subscription.pending_seats, subscription.pending_at
    if price is None or seats is None or since is None:
        return [(span, current) for span in billed]
    return [(span, Target(price, seats) if span[0] >= since else current) for span in billed]


def _lines(before: Target, target: Target, parts: Sequence[Part]) -> list[LineDraft]:
    adds = before.price.per_seat_minor == target.price.per_seat_minor and target.seats > before.seats
    return [part_line(before.price if part.amount_minor < 0 else target.price, part, adds_seats=adds) for part in parts]


def _quote(
    subscription: Subscription,
    target: Target,
    when: str,
    effective_at: datetime,
    lines: Sequence[LineDraft],
    period: Span,
    *,
    restarts: bool,
    next_at: datetime,
) -> Quote:
    taxes, total = with_tax(subscription, lines)
    credit = money.credit_balance(subscription.tenant, subscription.currency).minor
    after = period_line(target.price, target.seats, (next_at, next_at))
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
        next_minor=with_tax(subscription, [after])[1],
        next_at=next_at,
    )
