"""End at its provider, with its bill, what waits there for its first payment."""

from __future__ import annotations

from datetime import datetime

from payments.providers.recurring import RecurringFacts, RunsSubscriptions
from subscriptions.actions.asking import ask
from subscriptions.models import Subscription


def call_off(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, *, why: str, now: datetime
) -> RecurringFacts:
    """How it is then. What does not wait for that is as it was read. To be asked before its bill is booked: what waits
    for its payer is not opened by a bill that is about to end. Raises ProviderError."""
    if facts.status != Subscription.Status.INCOMPLETE:
        return facts
    reference = facts.provider_ref
    return ask(
        subscription, "cancel_subscription", lambda: provider.cancel_subscription(reference, reason=why), now=now
    )
