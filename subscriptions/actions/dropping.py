"""End at its provider what has ended here before it came alive."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from subscriptions.actions import following
from subscriptions.actions.asking import ask, provider_named
from subscriptions.models import Subscription

Status = Subscription.Status


def drop(*, subscription_id: UUID, actor: Actor, now: datetime) -> None:
    """Together with its bill: its payer must not be able to pay for it any more. One that has come alive meanwhile is
    ended too, and what it has charged goes back. Raises ProviderError."""
    subscription = Subscription.objects.get(id=subscription_id)
    provider = provider_named(subscription.engine)
    facts = following.read(subscription, provider, now)
    if facts is None:
        return
    if facts.status == Status.INCOMPLETE:
        reference = facts.provider_ref
        facts = ask(
            subscription,
            "cancel_subscription",
            lambda: provider.cancel_subscription(reference, reason="Another was begun"),
            now=now,
        )
    if facts.status != Status.APPROVAL_PENDING:  # PayPal ends none that nobody has agreed to
        following.take(subscription_id=subscription.id, facts=facts, provider=provider, actor=actor, now=now)
