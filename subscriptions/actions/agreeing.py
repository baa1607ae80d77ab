"""From when the terms hold that a payer has agreed to at PayPal: PayPal shows them at once, and bills by them from the
next period on.

So they wait here as `pending_*` until a period begins. Nothing is remembered of what was only asked for: each read says
what is agreed, and a read that comes late, twice or before another one comes to the same.
"""

from __future__ import annotations

from datetime import datetime

from billing_portal.kit.money import Money
from billing_portal.kit.periods import Span
from subscriptions.actions import moving
from subscriptions.actions.spanning import close
from subscriptions.models import Subscription
from subscriptions.quoting import Target


def take_agreed(
    subscription: Subscription,
    agreed: Target,
    *,
    status: str,
    before: Span | None,
    paid: Money | None,
    now: datetime,
) -> None:
    """Put it on the terms that its period was charged by; what else is agreed is for the period's end. Caller saves.

    `before` is its period as it was known until now, `paid` what was paid last.
    1. Nothing was known of a period: the terms are those that it begins with.
    2. A period has begun: of what could have been agreed by then, what it was paid with tells which was.
    3. It has ended, and the next is not paid yet: what was agreed before holds. While it is held it waits.
    4. The subscription has ended: only what was paid for holds, as long as it can be used.
    Terms hold from the period on, but never from before now: what was used until now is rated, and stays so.
    """
    running = running_terms(subscription)
    known, at = pending_of(subscription), subscription.pending_at
    start, end = subscription.period_start, subscription.period_end
    if before is None:
        moving.put_on_terms(subscription, agreed.price, agreed.seats, now)
        moving.forget_pending(subscription)
        return
    assert start and end
    has_ended = status == Subscription.Status.CANCELED
    if has_ended and end <= now:
        return
    is_held = has_ended or status == Subscription.Status.PAUSED or subscription.cancel_at_period_end
    if start >= before[1] - close(before):
        running = charged(subscription, agreed, paid)
        moving.put_on_terms(subscription, running.price, running.seats, max(start, now))
    elif known == agreed and at and at <= now and not is_held:
        running = agreed
        moving.put_on_terms(subscription, running.price, running.seats, now)
    moving.forget_pending(subscription)
    is_to_come = end > now or status == Subscription.Status.PAUSED  # what is resumed later is billed as agreed
    if agreed != running and is_to_come and not (has_ended or subscription.cancel_at_period_end):
        subscription.pending_price, subscription.pending_seats = agreed.price, agreed.seats
        subscription.pending_at = end


def pending_of(subscription: Subscription) -> Target | None:
    """What is agreed for the period's end."""
    if subscription.pending_price is None or subscription.pending_seats is None:
        return None
    return Target(subscription.pending_price, subscription.pending_seats)


def running_terms(subscription: Subscription) -> Target:
    """The newest: of a period that was paid for early, those that it will begin with."""
    latest = subscription.terms.select_related("price__version__plan").latest("effective_from")
    return Target(latest.price, latest.seats)


def charged(subscription: Subscription, agreed: Target, paid: Money | None) -> Target:
    """The terms that were paid with `paid`. Where the amount tells nothing, PayPal bills by what it says now."""
    candidates = [each for each in (pending_of(subscription), agreed, running_terms(subscription)) if each]
    return next((each for each in candidates if paid and _cost(each) == paid), agreed)


def _cost(target: Target) -> Money:
    return Money(target.cost.whole, target.price.currency)
