"""Give up a subscription that has begun at its provider and waits for its first payment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing_portal.kit.actors import Actor
from payments.models import Payment
from payments.provider_answers import as_answers
from payments.queries import RESERVING
from subscriptions import debits, queries
from subscriptions.actions import applying, calling_off, following, moving
from subscriptions.actions.asking import ask, provider_named
from subscriptions.models import Subscription

Status = Subscription.Status
_WHY = "given up"
# Money came, or may come by itself.
_PAYS = Q(status__in=(*RESERVING, Payment.Status.SUCCEEDED))
# It waits for its payer, who has begun it: what was merely read of the bill says what was given up, once more.
_WAITS = Q(status=Payment.Status.REQUIRES_ACTION) & ~Q(pays_bill=True, method_ref=None)


def give_up_bill(*, subscription_id: UUID, payment_id: UUID, actor: Actor, now: datetime) -> None:
    """As `give_up`, since its payer has given up this payment of its bill. Where they pay it otherwise since then,
    nothing is given up."""
    others = Payment.objects.filter(invoice__payments=payment_id).exclude(id=payment_id)
    if not others.filter(_PAYS | _WAITS).exists():
        give_up(subscription_id=subscription_id, actor=actor, now=now)


def give_up(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """It ends at its provider with its bill: nothing can be confirmed any more. One that has come alive meanwhile, or
    has ended, or whose first payment a bank is collecting, is as it is; one that the provider has not heard of ends
    here, and there should it come alive. Staff hear of one that came alive while it was ended there: its tenant could
    use it by then.

    The provider is asked before anything is booked: a payment of ours that was given up is not opened again by a bill
    that is about to end. Raises what `provider_answers` says.
    """
    with as_answers():
        subscription = Subscription.objects.get(id=subscription_id)
        if subscription.status == Status.INCOMPLETE and subscription.provider_ref is None:
            subscription = following.follow(subscription_id=subscription_id, actor=actor, now=now)
        if subscription.status != Status.INCOMPLETE or debits.under_way(subscription):
            return subscription
        reference, provider = subscription.provider_ref, provider_named(subscription.engine)
        if reference is None:
            return moving.end_unbegun(subscription_id=subscription_id, reason=_WHY, actor=actor, now=now)
        facts = ask(subscription, "look_up_subscription", lambda: provider.look_up_subscription(reference), now=now)
        if facts.status != Status.INCOMPLETE:
            return following.take(subscription_id=subscription_id, facts=facts, provider=provider, actor=actor, now=now)
        subscription = _note(subscription_id)
        if subscription.status != Status.INCOMPLETE:
            return subscription
        facts = calling_off.call_off(subscription, facts, provider, why="Given up by the customer", now=now)
        after = following.take(subscription_id=subscription_id, facts=facts, provider=provider, actor=actor, now=now)
        if queries.has_come_alive(after):
            what = "It came alive while it was given up, and was ended. Give back what it has charged."
            applying.tell_staff(after, facts, applying.CAME_ALIVE, what, now, provider=provider.name)
        return after


@transaction.atomic
def _note(subscription_id: UUID) -> Subscription:
    """Whoever reads there that it has ended knows why. Come alive or ended meanwhile: as it is."""
    subscription = moving.locked(subscription_id)
    if subscription.status == Status.INCOMPLETE:
        subscription.cancel_reason = _WHY
        subscription.save()
    return subscription
