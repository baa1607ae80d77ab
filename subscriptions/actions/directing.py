"""Cancel, pause and go on with a subscription, whoever charges it: ours by its own verbs, a provider's by asking it.

What is wanted is written down before the provider is asked: whoever reads it there in between knows why it is held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from payments.provider_answers import as_answers
from payments.providers.errors import OutcomeUnknown, ProviderError
from payments.providers.recurring import ChangesSubscriptions, RecurringFacts, RunsSubscriptions
from subscriptions.actions import changing, changing_there, ending, following, moving, pausing, revising
from subscriptions.actions.asking import ask, provider_named
from subscriptions.actions.changing import Preview, Wish
from subscriptions.errors import NotSubscribed, NotWhileEnding, NotWhileUnpaid
from subscriptions.models import Subscription
from subscriptions.models.subscription import LIVE, Engine

Status = Subscription.Status
# What the provider keeps as the reason.
_CANCELED, _GOES_ON = "Canceled by the customer", "The customer goes on"


def preview(*, subscription_id: UUID, wish: Wish, actor: Actor, now: datetime) -> Preview:
    """What a change would cost; nothing is changed. Raises as `change`."""
    verbs = {Engine.INVOICE: changing, Engine.STRIPE: changing_there, Engine.PAYPAL: revising}
    reckon = verbs[Engine(_found(subscription_id).engine)].preview_change
    return reckon(subscription_id=subscription_id, wish=wish, actor=actor, now=now)


def change(
    *, subscription_id: UUID, wish: Wish, actor: Actor, now: datetime, instant: datetime | None = None, state: str = ""
) -> Subscription:
    """Make it so, as of `instant`; by PayPal once its payer has agreed at `approval_url`. Raises as
    `changing.change_subscription`, `changing_there.change_subscription` and `revising.change_subscription`."""
    facts: dict[str, Any] = {"subscription_id": subscription_id, "wish": wish, "actor": actor, "now": now}
    facts |= {"instant": instant, "state": state}
    engine = _found(subscription_id).engine
    if engine == Engine.INVOICE:
        return changing.change_subscription(**facts)[0]
    there = revising if engine == Engine.PAYPAL else changing_there
    return there.change_subscription(**facts)


def cancel(
    *, subscription_id: UUID, at_period_end: bool = True, reason: str = "", actor: Actor, now: datetime
) -> Subscription:
    """End it now, or with its period; done before: as it is. What was said before is said again to the provider: its
    answer may have been lost, or the word never have reached it. One whose payer has not agreed yet ends here, and at
    the provider once it comes alive.

    By PayPal, which knows no end of a period, it is held until then, and can be used.
    """
    subscription = _found(subscription_id)
    if subscription.engine == Engine.INVOICE:
        return ending.cancel_subscription(
            subscription_id=subscription_id, at_period_end=at_period_end, reason=reason, actor=actor, now=now
        )
    if subscription.status == Status.CANCELED:
        return subscription
    provider, why = _provider(subscription), reason or _CANCELED
    if subscription.provider_ref is None or subscription.status == Status.APPROVAL_PENDING:
        return moving.end_unbegun(subscription_id=subscription_id, reason=why, actor=actor, now=now)
    reference = subscription.provider_ref
    if not at_period_end:
        _note(subscription_id, cancel_reason=reason[:200])
        return _ask(
            subscription, "cancel_subscription", lambda: provider.cancel_subscription(reference, reason=why), actor, now
        )
    undo: dict[str, Any] = {}
    if not subscription.cancel_at_period_end:
        _note(subscription_id, cancel_at_period_end=True, cancel_reason=reason[:200])
        undo = {"cancel_at_period_end": False, "cancel_reason": ""}
    operation, request = _hold(provider, reference, ends=True, reason=why)
    after = _ask(subscription, operation, request, actor, now, undo)
    if undo:
        _tell(after, "ending", now)
    return after


def say_again(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """Tell the provider once more that it ends with its period: it may never have heard it. As it is where that was
    taken back since, is known there, or is over. Taken back while it was being told, it is taken back there, too."""
    row = _as_it_is(subscription_id)
    is_to_be_told = row.cancel_at_period_end and row.ends_there_since is None and row.status in LIVE
    if not (is_to_be_told and row.provider_ref and row.period_end and row.period_end > now):
        return row
    provider, reference = _provider(row), row.provider_ref
    with as_answers():
        operation, request = _hold(provider, reference, ends=True, reason=row.cancel_reason or _CANCELED)
        facts = ask(row, operation, request, now=now)
        since = _as_it_is(subscription_id)
        if since.status in LIVE and not since.cancel_at_period_end and since.paused_at is None:
            operation, request = _hold(provider, reference, ends=False, reason=_GOES_ON)
            facts = ask(row, operation, request, now=now)
        return following.take(subscription_id=row.id, facts=facts, provider=provider, actor=actor, now=now)


def keep(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """Take back that it ends with its period. Never said: as it is. Raises NotSubscribed."""
    subscription = _found(subscription_id)
    if subscription.engine == Engine.INVOICE:
        return ending.keep_subscription(subscription_id=subscription_id, actor=actor, now=now)
    if subscription.status not in LIVE or subscription.provider_ref is None:
        raise NotSubscribed("This subscription has ended. Start a new one.")
    # Unpaid at PayPal it may be held by a word of ours that was to be taken back, and whose answer was lost.
    is_held = subscription.engine == Engine.PAYPAL and subscription.status == Status.UNPAID
    if not (subscription.cancel_at_period_end or is_held):
        return subscription
    provider, reference = _provider(subscription), subscription.provider_ref
    reason, told = subscription.cancel_reason, subscription.cancel_at_period_end
    _note(subscription_id, cancel_at_period_end=False, ends_there_since=None, cancel_reason="", paused_at=None)
    undo: dict[str, Any] = {"cancel_at_period_end": told, "ends_there_since": subscription.ends_there_since}
    undo |= {"cancel_reason": reason, "paused_at": subscription.paused_at}
    operation, request = _hold(provider, reference, ends=False, reason=_GOES_ON)
    after = _ask(subscription, operation, request, actor, now, undo)
    if told:
        _tell(after, "kept", now)
    return after


def pause(*, subscription_id: UUID, reason: str = "", actor: Actor, now: datetime) -> Subscription:
    """Charge nothing more until it is resumed. Paused before: as it is. Raises NotSubscribed, NotWhileEnding,
    NotWhileUnpaid."""
    subscription = _found(subscription_id)
    if subscription.engine == Engine.INVOICE:
        return pausing.pause_subscription(subscription_id=subscription_id, reason=reason, actor=actor, now=now)
    if subscription.status not in LIVE or subscription.provider_ref is None:
        raise NotSubscribed
    if subscription.cancel_at_period_end:
        raise NotWhileEnding
    if subscription.status == Status.UNPAID:
        raise NotWhileUnpaid
    if subscription.status == Status.PAUSED:
        return subscription
    provider, reference, why = _provider(subscription), subscription.provider_ref, reason or "Paused by the customer"
    _note(subscription_id, paused_at=now)
    return _ask(
        subscription,
        "pause_subscription",
        lambda: provider.pause_subscription(reference, reason=why),
        actor,
        now,
        {"paused_at": None},
    )


def resume(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """Go on after a pause, or take back that it ends with its period: by PayPal, which holds it for both, one word does
    both. Neither: as it is. Raises NotSubscribed."""
    subscription = _found(subscription_id)
    if subscription.engine == Engine.INVOICE:
        return pausing.resume_subscription(subscription_id=subscription_id, actor=actor, now=now)
    is_one = subscription.engine == Engine.PAYPAL and subscription.cancel_at_period_end
    if subscription.status != Status.PAUSED or is_one:
        return keep(subscription_id=subscription_id, actor=actor, now=now)
    provider, reference = _provider(subscription), subscription.provider_ref or ""
    paused_at = subscription.paused_at
    _note(subscription_id, paused_at=None)
    return _ask(
        subscription,
        "resume_subscription",
        lambda: provider.resume_subscription(reference, reason="Resumed by the customer"),
        actor,
        now,
        {"paused_at": paused_at},
    )


def finish(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """End at the provider what was held there until its period's end. Its time has not come: as it is."""
    subscription = _as_it_is(subscription_id)
    is_over = subscription.period_end is not None and subscription.period_end <= now
    if not (subscription.cancel_at_period_end and is_over and subscription.provider_ref):
        return subscription
    provider, reference = _provider(subscription), subscription.provider_ref
    reason = subscription.cancel_reason or "It ended with its period"
    return _ask(
        subscription, "cancel_subscription", lambda: provider.cancel_subscription(reference, reason=reason), actor, now
    )


def _hold(
    provider: RunsSubscriptions, reference: str, *, ends: bool, reason: str
) -> tuple[str, Callable[[], RecurringFacts]]:
    """What is asked of a provider so that it ends with its period, or goes on: by its own word for that, or a pause."""
    if isinstance(provider, ChangesSubscriptions):
        return "end_with_period", lambda: provider.end_with_period(reference, ends=ends, reason=reason)
    if ends:
        return "pause_subscription", lambda: provider.pause_subscription(reference, reason=reason)
    return "resume_subscription", lambda: provider.resume_subscription(reference, reason=reason)


def _found(subscription_id: UUID) -> Subscription:
    return Subscription.objects.select_related("tenant").get(id=subscription_id)


@transaction.atomic
def _as_it_is(subscription_id: UUID) -> Subscription:
    """Read under its lock: after whoever was changing it."""
    return moving.locked(subscription_id)


def _provider(subscription: Subscription) -> RunsSubscriptions:
    with as_answers():
        return provider_named(subscription.engine)


def _ask(
    subscription: Subscription,
    operation: str,
    request: Callable[[], RecurringFacts],
    actor: Actor,
    now: datetime,
    undo: Mapping[str, Any] | None = None,
) -> Subscription:
    """The subscription after the provider did it. Where it surely did nothing, what was written down is taken back;
    where nobody knows, it stays, and the next look finishes it. Raises what `provider_answers` says."""
    provider = _provider(subscription)
    with as_answers():
        try:
            facts = ask(subscription, operation, request, now=now)
        except ProviderError as error:
            if undo and not isinstance(error, OutcomeUnknown):
                _note(subscription.id, **undo)
            raise
        return following.take(subscription_id=subscription.id, facts=facts, provider=provider, actor=actor, now=now)


@transaction.atomic
def _note(subscription_id: UUID, **facts: object) -> None:
    row = moving.locked(subscription_id)
    for name, value in facts.items():
        setattr(row, name, value)
    row.save()


@transaction.atomic
def _tell(subscription: Subscription, what: str, now: datetime) -> None:
    moving.tell(subscription, what, now=now)
