"""Make our books say what a provider says of a subscription that it charges: its state, its terms, and its bills.

Events are hints; what is read is the truth. Whoever reads an older state than another has applied does no harm: bills
and payments move one way only, and the next read mends the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from payments.actions import booking_bills
from payments.actions.discrepancies import report_discrepancy
from payments.models import Discrepancy
from payments.naming import provider_name
from payments.providers.base import ProviderError, UnknownReference
from payments.providers.recurring import BillFacts, RecurringFacts, RunsSubscriptions
from subscriptions.actions import moving, pricing
from subscriptions.actions.asking import ask, provider_named
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import LIVE, SUBSCRIPTION_MOVES, Engine

log = logging.getLogger(__name__)

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
    facts = _read(subscription, provider, now)
    if facts is None:
        if subscription.status in LIVE or now - subscription.started_at < NEVER_SENT_AFTER:
            return subscription
        return moving.end_unbegun(subscription_id=subscription.id, reason="never begun there", actor=actor, now=now)
    return take(subscription_id=subscription.id, facts=facts, provider=provider, actor=actor, now=now)


def take(
    *, subscription_id: UUID, facts: RecurringFacts, provider: RunsSubscriptions, actor: Actor, now: datetime
) -> Subscription:
    """Apply what was read: first the bills, with their money, then the state. A bill that can't be booked yet keeps
    neither the others nor the state back. Raises ProviderError."""
    subscription = Subscription.objects.select_related("tenant").get(id=subscription_id)
    waits = _book(subscription, facts, provider, actor, now)
    after = _take_state(subscription, facts, provider, actor, now)
    if waits:
        raise waits
    return after


def _book(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, actor: Actor, now: datetime
) -> ProviderError | None:
    """Every bill that can be booked; why one can't be by now."""
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
    return waits


def _take_state(
    subscription: Subscription, facts: RecurringFacts, provider: RunsSubscriptions, actor: Actor, now: datetime
) -> Subscription:
    if subscription.status == Status.CANCELED and facts.status in LIVE:
        return _end_there(subscription, facts, provider, "It came alive after it had ended here", actor, now)
    try:
        after = _apply(subscription.id, facts, actor, now)
    except IntegrityError as error:
        if "subscription_one_live" not in str(error):
            raise
        return _end_there(subscription, facts, provider, "It came alive while another one runs", actor, now)
    after.client_secret, after.approval_url = facts.client_secret, facts.approval_url
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
    try:
        named = mine.filter(id=UUID(facts.subscription_id or ""), provider_ref=None).first()
    except ValueError:
        named = None
    if named is None:
        return None
    return take(subscription_id=named.id, facts=facts, provider=provider, actor=actor, now=now)


def _read(subscription: Subscription, provider: RunsSubscriptions, now: datetime) -> RecurringFacts | None:
    """None when the provider does not know it."""
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


@transaction.atomic
def _apply(subscription_id: UUID, facts: RecurringFacts, actor: Actor, now: datetime) -> Subscription:
    subscription = moving.locked(subscription_id)
    if subscription.status == Status.CANCELED and facts.status in LIVE:
        return subscription  # it ended here after this was read: the next read ends it there, too
    subscription.provider_ref = facts.provider_ref
    status = _status(subscription, facts)
    if facts.period and not status == subscription.status == Status.PAUSED:
        # Its provider counts on through a pause, and bills nothing: what was paid for still ends when it would have.
        subscription.period_start, subscription.period_end = facts.period
    if facts.trial_end:
        subscription.trial_end = facts.trial_end
    if status == Status.TRIALING and subscription.trial_start is None:
        subscription.trial_start = subscription.started_at
        subscription.period_start = subscription.period_start or subscription.started_at
        subscription.period_end = subscription.period_end or facts.trial_end
    if status in LIVE:
        subscription.cancel_at_period_end = facts.cancel_at_period_end or subscription.cancel_at_period_end
        _take_terms(subscription, facts, now)
    if status != subscription.status:
        if SUBSCRIPTION_MOVES.allows(subscription.status, status):
            _move(subscription, status, facts, actor, now)
        else:
            log.warning("subscription %s is %s, the provider says %s", subscription.id, subscription.status, status)
    subscription.save()
    return subscription


def _status(subscription: Subscription, facts: RecurringFacts) -> str:
    """PayPal has one word for what was paused and for what it gave up to charge: we know which we asked for. What ends
    with its period is held there, and goes on here until then."""
    if facts.status != Status.PAUSED or subscription.engine != Engine.PAYPAL:
        return facts.status
    if subscription.cancel_at_period_end:
        return subscription.status
    return Status.PAUSED if subscription.paused_at else Status.UNPAID


def _move(subscription: Subscription, status: str, facts: RecurringFacts, actor: Actor, now: datetime) -> None:
    reason = f"by {provider_name(subscription.engine)}"
    if status != Status.CANCELED:
        moving.move(subscription, status, actor=actor, now=now, reason=reason)
        if status != Status.PAUSED and subscription.engine != Engine.PAYPAL:
            # By PayPal it says who asked for that: read before the pause and written after it, it must not be lost.
            subscription.paused_at = None
        return
    ended = facts.ended_at or now
    if subscription.engine == Engine.PAYPAL and subscription.status in LIVE and subscription.period_end:
        # PayPal knows no end of a period: what was paid for can be used to its end.
        ended = max(ended, subscription.period_end)
    moving.end(subscription, ended, actor=actor, now=now, reason=subscription.cancel_reason or reason)


def _take_terms(subscription: Subscription, facts: RecurringFacts, now: datetime) -> None:
    """What it is charged by now, and what it changes to at its period's end."""
    price = _price(subscription, facts.price_ref, facts, now)
    if price:
        moving.put_on_terms(subscription, price, facts.seats, now)
    moving.forget_pending(subscription)
    if facts.changes_at:
        reference, seats, at = facts.changes_at
        subscription.pending_price = _price(subscription, reference, facts, now)
        if subscription.pending_price:
            subscription.pending_seats, subscription.pending_at = seats, at


def _price(subscription: Subscription, reference: str, facts: RecurringFacts, now: datetime) -> PlanPrice | None:
    """Ours; staff hear of one that none of our plans has."""
    price = pricing.price_behind(reference, subscription.engine, livemode=subscription.livemode)
    if price is None:
        _tell_staff(subscription, facts, f"It is charged by a price that none of our plans has: {reference}.", now)
    return price


def _end_there(
    subscription: Subscription,
    facts: RecurringFacts,
    provider: RunsSubscriptions,
    why: str,
    actor: Actor,
    now: datetime,
) -> Subscription:
    """It must not run: it is ended at the provider, and staff see to what it has charged. Raises ProviderError."""
    ask(
        subscription,
        "cancel_subscription",
        lambda: provider.cancel_subscription(facts.provider_ref, reason=why),
        now=now,
    )
    _tell_staff(subscription, facts, f"{why}, and was ended. Give back what it has charged.", now)
    with transaction.atomic():
        row = moving.locked(subscription.id)
        row.provider_ref = facts.provider_ref
        if row.status != Status.CANCELED:
            moving.end(row, now, actor=actor, now=now, reason=why)
        row.save()
    return row


def _tell_staff(subscription: Subscription, facts: RecurringFacts, detail: str, now: datetime) -> None:
    report_discrepancy(
        kind=Discrepancy.Kind.STATE_DIFFERS,
        provider=subscription.engine,
        provider_ref=facts.provider_ref,
        amount=Money.zero(subscription.currency),
        detail=detail,
        tenant=subscription.tenant,
        now=now,
    )
