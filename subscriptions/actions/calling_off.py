"""End at its provider, with its bill, what waits there for its first payment."""

from __future__ import annotations

from datetime import datetime

from payments.providers.errors import NotInThatState, ProviderRejected
from payments.providers.facts import Outcome
from payments.providers.recurring import RecurringFacts, RunsSubscriptions
from subscriptions.actions.asking import ask
from subscriptions.models import Subscription


def call_off(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, *, why: str, now: datetime
) -> RecurringFacts:
    """How it is then. What does not wait for that is as it was read, and so is what the provider won't end while a bank
    is collecting its bill: what comes of that decides, and is told.

    To be asked before its bill is booked: what waits for its payer is not opened by a bill that is about to end. Raises
    ProviderError.
    """
    if facts.status != Subscription.Status.INCOMPLETE:
        return facts
    reference = facts.provider_ref
    try:
        return ask(
            subscription, "cancel_subscription", lambda: provider.cancel_subscription(reference, reason=why), now=now
        )
    except (NotInThatState, ProviderRejected):
        if not _is_being_collected(subscription, facts, provider, now):
            raise
        return facts


def _is_being_collected(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, now: datetime
) -> bool:
    since = facts.created_at or subscription.started_at
    bills = ask(subscription, "bills_of", lambda: provider.bills_of(facts.provider_ref, since=since), now=now)
    return any(bill.payment and bill.payment.outcome is Outcome.PROCESSING for bill in bills)
