"""Compare what a provider has with our subscriptions, from its side: what our own rows do not lead to is found."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from billing_portal.kit.actors import Actor
from billing_portal.kit.ids import uuid_in
from payments.providers.recurring import RecurringFacts, RunsSubscriptions
from subscriptions.actions import applying, following
from subscriptions.models import Subscription
from subscriptions.models.subscription import LIVE

log = logging.getLogger(__name__)


def compare(*, provider: RunsSubscriptions, since: datetime, actor: Actor, clock: Callable[[], datetime]) -> int:
    """Every subscription that was made there since then; returns how many of ours were brought up to date.

    1. One that names a row of ours which does not know it yet, or is in another state, is taken as it is there.
    2. One that runs there beside the one that its row knows, or names no row at all, is for staff: nobody here sees
       what it charges. What names nothing of ours another system made.
    One that can't be taken does not stop the others. The list may be long: `clock` tells when each was read. Raises
    ProviderError when there is no list.
    """
    seen = 0
    for facts in provider.subscriptions_since(since):
        named = uuid_in(facts.subscription_id)
        if named is None:
            continue
        row = Subscription.objects.filter(id=named, engine=provider.name, livemode=provider.livemode).first()
        if row is None or row.provider_ref not in (None, facts.provider_ref):
            if facts.status in LIVE:
                whose = f"Our subscription is {row.provider_ref}" if row else "No subscription of ours stands for it"
                detail = f"It is {facts.status} there and may charge. {whose}: find what it is for, or end it there."
                applying.tell_staff(row, facts, "not ours", detail, clock(), provider=provider.name)
        elif row.status == Subscription.Status.CANCELED and facts.status not in LIVE:
            continue
        elif row.provider_ref is None or row.status != facts.status:
            seen += _follow(row, facts, actor, clock())
    return seen


def _follow(row: Subscription, facts: RecurringFacts, actor: Actor, now: datetime) -> int:
    """The list says that something differs, and may be old by now: how it is, is read afresh."""
    try:
        following.by_reference(provider_name=row.engine, reference=facts.provider_ref, actor=actor, now=now)
    except Exception:
        log.exception("subscription %s could not be taken as it is at %s; it is tried again", row.id, row.engine)
        return 0
    return 1
