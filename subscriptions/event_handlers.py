"""What follows when a subscription moves, or when one of its invoices is paid: the outbox's handlers."""

from __future__ import annotations

from uuid import UUID

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.notices import outbox
from billing_portal.notices.outbox import Message
from billing_portal.tenants.models import Tenant
from payments.inbox.registry import HandledEvent, handles
from payments.naming import provider_name
from payments.providers.facts import Topic
from subscriptions import queries
from subscriptions.actions import charging_with, following, giving_up, judging
from subscriptions.mails import write_mail
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine


@handles(Topic.SUBSCRIPTION)
def subscription_changed(event: HandledEvent) -> str | None:
    """Read it again, with its bills: whichever event it was, that is the whole truth."""
    actor = Actor(ActorKind.PROVIDER, None, provider_name(event.provider))
    subscription = following.by_reference(
        provider_name=event.provider, reference=event.object_ref, actor=actor, now=event.now
    )
    return None if subscription else "not a subscription of ours"


@outbox.handles("invoice.settled")
def invoice_settled(message: Message) -> None:
    """An invoice of a subscription was paid, or is open again: whether it is in order shows at once. Of one that a
    provider charges the provider says so; what it has told already is not asked again."""
    subscription = Subscription.objects.get(id=message.payload["subscriptionId"])
    actor = Actor.system("invoices")
    if subscription.engine == Engine.INVOICE:
        judging.judge(subscription_id=subscription.id, actor=actor, now=message.now)
    elif subscription.status in charging_with.OWING:
        following.follow(subscription_id=subscription.id, actor=actor, now=message.now)


@outbox.handles("bill.given_up")
def bill_given_up(message: Message) -> None:
    """Its payer does not want to pay what a provider has billed: a subscription that waits for that does not begin."""
    subscription_id, actor = UUID(message.payload["subscriptionId"]), Actor.system("give_up")
    payment_id = message.payload.get("paymentId")
    if payment_id is None:  # written before it was named
        giving_up.give_up(subscription_id=subscription_id, actor=actor, now=message.now)
        return
    giving_up.give_up_bill(subscription_id=subscription_id, payment_id=UUID(payment_id), actor=actor, now=message.now)


@outbox.handles("subscription.dropped")
def subscription_dropped(message: Message) -> None:
    """Another was begun in its place: it ends at its provider, too, and its payer can't pay for it any more. One that
    has come alive there meanwhile is ended as well, and what it has charged goes back."""
    following.follow(
        subscription_id=UUID(message.payload["subscriptionId"]),
        actor=Actor.system("drop_subscription"),
        now=message.now,
    )


@outbox.handles("method.chosen")
def method_chosen(message: Message) -> None:
    """What a provider charges for the tenant's subscription, and could not charge until now, goes to this method."""
    charging_with.charge_with(
        tenant=Tenant.objects.get(id=message.payload["tenantId"]),
        method_ref=message.payload["methodRef"],
        cause=str(message.id),
        actor=Actor.system("charge_with"),
        now=message.now,
    )


@outbox.handles("collection.held")
def collection_held(message: Message) -> None:
    """What is held back, or is not any more, takes no access away or does: that shows at once."""
    tenant = Tenant.objects.get(id=message.payload["tenantId"])
    if subscription := queries.live_subscription(tenant):
        judging.judge(subscription_id=subscription.id, actor=Actor.system("invoices"), now=message.now)


@outbox.handles(
    "subscription.moved",
    "subscription.past_due",
    "subscription.ending",
    "subscription.kept",
    "subscription.trial_ending",
    "subscription.renewal_coming",
)
def subscription_moved(message: Message) -> None:
    """Tell the tenant what has changed."""
    subscription = Subscription.objects.select_related("tenant").get(id=message.payload["subscriptionId"])
    what = message.payload.get("to") or message.topic.partition(".")[2]
    write_mail(subscription, what, came_from=message.payload.get("from"), message=message)
