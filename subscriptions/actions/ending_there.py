"""Whether a subscription ends with its period: what we have asked for, and what its provider says of it."""

from __future__ import annotations

from datetime import datetime

from subscriptions.actions import moving
from subscriptions.models import Subscription


def take_word(subscription: Subscription, *, ends: bool, now: datetime) -> None:
    """What was read at a provider, in the caller's transaction; the caller saves.

    Once the provider has said that it ends, it has the last word: taken back there, it goes on here. Until then ours
    counts, since it may never have heard us: it is said again each night. PayPal, which knows no such end, never says
    it. Whoever has read this before it was said there does not take it back.
    """
    since = subscription.ends_there_since
    if ends:
        subscription.ends_there_since = since or now
        if not subscription.cancel_at_period_end:
            subscription.cancel_at_period_end = True
            moving.tell(subscription, "ending", now=now)
    elif since and since < now:
        subscription.cancel_at_period_end, subscription.cancel_reason = False, ""
        subscription.ends_there_since = None
        moving.tell(subscription, "kept", now=now)
