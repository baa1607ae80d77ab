"""From when the terms hold that a payer has agreed to at PayPal: PayPal shows them at once, and bills by them from the
next period on.

So they wait here as `pending_*` until a period begins. Nothing is remembered of what was only asked for: each read says
what is agreed, and a read that comes late, twice or before another one comes to the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing_portal.kit.money import Money
from billing_portal.kit.periods import Span
from subscriptions import spans
from subscriptions.actions import moving
from subscriptions.models import Subscription
from subscriptions.quoting import Target

Status = Subscription.Status
# PayPal may bill so much before the hour at which a period was said to begin, and moves that hour.
CLOSE = timedelta(hours=36)


def running_period(before: Span, read: Span, now: datetime) -> Span:
    """`read`, as PayPal says it, with its beginning mended: of a period that another length will follow PayPal does not
    say any more when it began. `before` is what was known, and stays where an older one was read."""
    if is_older(read, before):
        return before
    if abs(read[1] - before[1]) <= CLOSE:
        return before[0], read[1]
    if read[1] > before[1] and not _follows(before, read, now):
        return before[1], read[1]
    return read


def last_period(
    subscription: Subscription,
    before: Span,
    read: Span,
    agreed: Target | None,
    *,
    paid: Money | None,
    paid_at: datetime | None,
    now: datetime,
) -> Span:
    """The one that was paid for last, of a subscription for which PayPal names no next billing: it has ended, or is
    held.

    `read` is counted then by the cycle that was agreed to last: unless it follows
    what was known, or another payment came after that, what was known is what was paid for.
    """
    if abs(read[1] - before[1]) <= CLOSE:
        return before[0], read[1]
    if _follows(before, read, now):
        return read
    if agreed is None or paid is None or paid_at is None or paid_at < before[1] - CLOSE:
        return before
    cycle = _charged(pending_of(subscription), agreed, _latest(subscription), paid).price.billing_cycle
    start = before[1] if paid_at <= before[1] + CLOSE else paid_at
    return spans.span_to_the_hour(start, cycle)


def is_older(read: Span, known: Span) -> bool:
    """Whoever read that knows less."""
    return read[0] < known[0] - CLOSE and read[1] < known[1] - CLOSE


def _follows(before: Span, read: Span, now: datetime) -> bool:
    return before[1] - CLOSE <= read[0] <= now + CLOSE


def take_agreed(
    subscription: Subscription,
    agreed: Target,
    *,
    status: str,
    before: Span | None,
    read: Span | None,
    paid: Money | None,
    now: datetime,
) -> None:
    """Put it on the terms that its period was charged by; what else is agreed is for the period's end. Caller saves.

    `before` is its period as it was known until now, `read` as it was read, `paid` what was paid last.
    1. Nothing was known of a period: the terms are those that it begins with.
    2. An older period than the known one: whoever read that knows less.
    3. A period has begun: of what could have been agreed by then, what it was paid with tells which was.
    4. It has ended, and the next is not paid yet: what was agreed before holds. While it is held it waits, and in a
       subscription that has ended it never holds.
    Terms hold from the period on, but never from before now: what was used until now is rated, and stays so.
    """
    running = _latest(subscription)
    known, at = pending_of(subscription), subscription.pending_at
    start, end = subscription.period_start, subscription.period_end
    if before is None:
        moving.put_on_terms(subscription, agreed.price, agreed.seats, now)
        moving.forget_pending(subscription)
        return
    assert start and end
    if read and is_older(read, before):
        return
    is_held = status in (Status.PAUSED, Status.CANCELED) or subscription.cancel_at_period_end
    if before[0] < start and before[1] - CLOSE <= start:
        running = _charged(known, agreed, running, paid)
        moving.put_on_terms(subscription, running.price, running.seats, max(start, now))
    elif known == agreed and at and at <= now and not is_held:
        running = agreed
        moving.put_on_terms(subscription, running.price, running.seats, now)
    moving.forget_pending(subscription)
    is_to_come = end > now or status == Status.PAUSED  # what is resumed later is billed as agreed
    if agreed != running and is_to_come and not subscription.cancel_at_period_end:
        subscription.pending_price, subscription.pending_seats = agreed.price, agreed.seats
        subscription.pending_at = end


def pending_of(subscription: Subscription) -> Target | None:
    """What is agreed for the period's end."""
    if subscription.pending_price is None or subscription.pending_seats is None:
        return None
    return Target(subscription.pending_price, subscription.pending_seats)


def _latest(subscription: Subscription) -> Target:
    terms = subscription.terms.select_related("price__version__plan").latest("effective_from")
    return Target(terms.price, terms.seats)


def _charged(known: Target | None, agreed: Target, running: Target, paid: Money | None) -> Target:
    """Where the amount tells nothing, PayPal bills by what it says now."""
    candidates = [each for each in (known, agreed, running) if each]
    return next((each for each in candidates if paid and _cost(each) == paid), agreed)


def _cost(target: Target) -> Money:
    return Money(target.cost.whole, target.price.currency)
