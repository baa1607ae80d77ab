"""Give up a subscription that has begun at its provider and waits for its first payment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from payments.provider_answers import as_answers
from subscriptions.actions import following, moving
from subscriptions.actions.asking import ask, provider_named
from subscriptions.models import Subscription

Status = Subscription.Status
_WHY = "given up"


def give_up(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """It ends at its provider with its bill: nothing can be confirmed any more. One that has come alive meanwhile, or
    has ended, is as it is; one that the provider has not heard of ends here, and there should it come alive.

    The provider is asked before anything is booked: a payment of ours that was given up is not opened again by a bill
    that is about to end. Raises what `provider_answers` says.
    """
    with as_answers():
        subscription = Subscription.objects.get(id=subscription_id)
        if subscription.status == Status.INCOMPLETE and subscription.provider_ref is None:
            subscription = following.follow(subscription_id=subscription_id, actor=actor, now=now)
        if subscription.status != Status.INCOMPLETE:
            return subscription
        reference, provider = subscription.provider_ref, provider_named(subscription.engine)
        if reference is None:
            return moving.end_unbegun(subscription_id=subscription_id, reason=_WHY, actor=actor, now=now)
        facts = ask(subscription, "look_up_subscription", lambda: provider.look_up_subscription(reference), now=now)
        if facts.status == Status.INCOMPLETE:
            _note(subscription_id)
            facts = ask(
                subscription,
                "cancel_subscription",
                lambda: provider.cancel_subscription(reference, reason="Given up by the customer"),
                now=now,
            )
        return following.take(subscription_id=subscription_id, facts=facts, provider=provider, actor=actor, now=now)


@transaction.atomic
def _note(subscription_id: UUID) -> None:
    """Whoever reads there that it has ended knows why."""
    subscription = moving.locked(subscription_id)
    if subscription.status == Status.INCOMPLETE:
        subscription.cancel_reason = _WHY
        subscription.save()
