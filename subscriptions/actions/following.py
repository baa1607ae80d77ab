"""Make our books say what a provider says of a subscription that it charges: its state, its terms, and its bills.

Events are hints; what is read is the truth. Whoever reads an older state than another has applied does no harm: bills
and payments move one way only, and the next read mends the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BillingError
from billing_portal.kit.ids import uuid_in
from billing_portal.notices import outbox
from payments.actions import booking_bills
from payments.models import Payment
from payments.providers.errors import ProviderError, UnknownReference
from payments.providers.recurring import BillFacts, RecurringFacts, RunsSubscriptions
from subscriptions import queries
from subscriptions.actions import applying, calling_off, moving
from subscriptions.actions.asking import ask, provider_named
from subscriptions.models import Subscription
from subscriptions.models.subscription import BEGUN, LIVE, Engine

Status = Subscription.Status
# A row may be made by a clock that is ahead of the provider's.
CLOCKS_DIFFER_BY = timedelta(hours=1)
# A request that the provider has not heard of for so long never reached it.
NEVER_SENT_AFTER = timedelta(minutes=20)


def follow(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """The subscription after its provider was asked. One that is paid by invoice is as it is.

    Raises ProviderError: nothing was changed.
    """
    subscription = Subscription.objects.select_related("tenant").get(id=subscription_id)
    if subscription.engine == Engine.INVOICE:
        return subscription
    provider = provider_named(subscription.engine)
    facts = read(subscription, provider, now)
    if facts is None:
        if subscription.status in LIVE or now - subscription.started_at < NEVER_SENT_AFTER:
            return subscription
        return moving.end_unbegun(subscription_id=subscription.id, reason="never begun there", actor=actor, now=now)
    return take(subscription_id=subscription.id, facts=facts, provider=provider, actor=actor, now=now)


def take(
    *, subscription_id: UUID, facts: RecurringFacts, provider: RunsSubscriptions, actor: Actor, now: datetime
) -> Subscription:
    """Apply what was read: first the bills, with their money, then the state. A bill that can't be booked yet keeps
    neither the others nor the state back. What has ended here must not begin there. Raises ProviderError."""
    subscription = Subscription.objects.select_related("tenant").get(id=subscription_id)
    if subscription.status == Status.CANCELED:
        facts = calling_off.call_off(subscription, facts, provider, why="It has ended at the portal", now=now)
    waits = _book(subscription, facts, provider, actor, now)
    after = _take_state(subscription, facts, provider, actor, now)
    if after.status == Status.CANCELED and subscription.status in BEGUN and facts.status in BEGUN:
        # It was ended while its bills were being read: they may be void by now, and nothing else tells of that.
        waits = _book(after, facts, provider, actor, now)
    _give_back(after, now)
    if waits:
        raise waits
    return after


def _book(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, actor: Actor, now: datetime
) -> ProviderError | None:
    """Every bill that can be booked; why one can't be by now. One that our books can't take at all is for staff, and
    keeps nothing back: what must not run has to be ended all the same."""
    waits = None
    for bill in _bills(subscription, facts, provider, now):
        try:
            booking_bills.book_bill(
                tenant_id=subscription.tenant_id,
                subscription_id=subscription.id,
                bill=bill,
                provider=provider,
                actor=actor,
                now=now,
            )
        except ProviderError as error:
            waits = error
        except BillingError as error:
            why = f"It could not be booked: {error.detail}"
            booking_bills.report_bill(bill, provider, why, now, tenant=subscription.tenant)
    return waits


def _take_state(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, actor: Actor, now: datetime
) -> Subscription:
    if subscription.status == Status.CANCELED and facts.status in LIVE:
        return _end_there(subscription, facts, provider, "It came alive after it had ended here", actor, now)
    try:
        after = applying.apply(subscription_id=subscription.id, facts=facts, actor=actor, now=now)
    except IntegrityError as error:
        if "subscription_one_live" not in str(error):
            raise
        return _end_there(subscription, facts, provider, "It came alive while another one runs", actor, now)
    after.client_secret, after.approval_url = facts.client_secret, facts.approval_url
    after.awaits_payment = facts.awaits_payment is not None
    return after


def by_reference(*, provider_name: str, reference: str, actor: Actor, now: datetime) -> Subscription | None:
    """The subscription that a provider's reference stands for, after it was followed; None when it is not ours.

    Before its first answer has come our row does not know the reference: the provider's copy of our id leads to it.
    Raises ProviderError.
    """
    provider = provider_named(provider_name)
    mine = Subscription.objects.filter(engine=provider_name, livemode=provider.livemode)
    known = mine.filter(provider_ref=reference).values_list("id", flat=True).first()
    if known:
        return follow(subscription_id=known, actor=actor, now=now)
    try:
        facts = provider.look_up_subscription(reference)
    except UnknownReference:
        return None
    our_id = uuid_in(facts.subscription_id)
    named = mine.filter(id=our_id, provider_ref=None).first() if our_id else None
    if named is None:
        return None
    return take(subscription_id=named.id, facts=facts, provider=provider, actor=actor, now=now)


def read(subscription: Subscription, provider: RunsSubscriptions, now: datetime) -> RecurringFacts | None:
    """None when the provider does not know it. Raises ProviderError."""
    reference, since = subscription.provider_ref, subscription.started_at - CLOCKS_DIFFER_BY
    if reference is None:
        return ask(
            subscription,
            "find_subscription",
            lambda: provider.find_subscription(str(subscription.id), since=since),
            now=now,
        )
    try:
        return ask(subscription, "look_up_subscription", lambda: provider.look_up_subscription(reference), now=now)
    except UnknownReference:
        if subscription.status in LIVE:
            raise
        return None


def _bills(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, now: datetime
) -> Sequence[BillFacts]:
    if facts.status == Status.APPROVAL_PENDING:
        return ()
    since = subscription.started_at - CLOCKS_DIFFER_BY
    return ask(subscription, "bills_of", lambda: provider.bills_of(facts.provider_ref, since=since), now=now)


def _end_there(
    subscription: Subscription,
    facts: RecurringFacts,
    provider: RunsSubscriptions,
    why: str,
    actor: Actor,
    now: datetime,
) -> Subscription:
    """It must not run: it is ended at the provider. What one has charged that never ran goes back by itself; of one
    that did staff see to that. Raises ProviderError."""
    ask(
        subscription,
        "cancel_subscription",
        lambda: provider.cancel_subscription(facts.provider_ref, reason=why),
        now=now,
    )
    if queries.has_come_alive(subscription):
        detail = f"{why}, and was ended. Give back what it has charged."
        applying.tell_staff(subscription, facts, applying.CAME_ALIVE, detail, now, provider=provider.name)
    with transaction.atomic():
        row = moving.locked(subscription.id)
        row.provider_ref = facts.provider_ref
        if row.status != Status.CANCELED:
            moving.end(row, now, actor=actor, now=now, reason=why)
        row.save()
    return row


@transaction.atomic
def _give_back(subscription: Subscription, now: datetime) -> None:
    """What its provider charged for one that has ended and never ran, whenever that is heard of: once for each payment.
    A check for it is credit by now, and staff see to that."""
    if subscription.status != Status.CANCELED or queries.has_come_alive(subscription):
        return
    taken = Payment.objects.filter(invoice__subscription_ref=subscription.id, pays_bill=True)
    for payment in taken.filter(status=Payment.Status.SUCCEEDED):
        outbox.write(
            topic="payment.unwanted",
            payload={"paymentId": str(payment.id), "why": "The subscription that it was for never began"},
            tenant=subscription.tenant,
            now=now,
            dedupe_key=f"payment.unwanted:{payment.id}",
        )
