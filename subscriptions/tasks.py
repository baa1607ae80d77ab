"""The clock's door to subscriptions: what is due is billed, ended, and called late."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from billing_portal.kit import context
from billing_portal.kit.actors import Actor
from billing_portal.notices import outbox
from payments.providers import registry
from payments.providers.recurring import RunsSubscriptions
from subscriptions.actions import comparing, directing, following, judging, reminding, renewing
from subscriptions.models import Subscription
from subscriptions.models.subscription import BEGUN, LIVE, Engine

log = logging.getLogger(__name__)

# Whoever began it is still at it, or on the provider's page.
LET_IT_BEGIN = timedelta(minutes=2)
# Whoever has PayPal's page open may agree on it for as long.
MAY_BE_AGREED_TO = timedelta(days=7)
# How far back the providers are asked for what was made there; PayPal tells of the last 30 days.
COMPARED = timedelta(days=29)
CLOCK = Actor.system("renew_subscriptions")


@shared_task(name="subscriptions.renew_due")
def renew_due() -> int:
    """Bill periods that are about to begin, end what ends, and look for what is overdue; returns how many were seen to.

    One subscription's trouble does not stop the others: it is logged, and tried again an hour later. Two of these at
    once change nothing: what is due is found under a lock.
    """
    now = timezone.now()
    seen = _each(renewing.due(now).values_list("id", "tenant_id"), renewing.renew)
    seen += _each(judging.to_judge(now).values_list("id", "tenant_id"), judging.judge)
    seen += reminding.remind(timezone.now())
    if seen:
        outbox.wake()
    return seen


@shared_task(name="subscriptions.follow_begun")
def follow_begun() -> int:
    """Ask about what was begun at a provider and has not come alive: its answer, or its payer, may have been lost."""
    now = timezone.now()
    begun = Subscription.objects.filter(status__in=BEGUN, started_at__lt=now - LET_IT_BEGIN)
    seen = _each(begun.values_list("id", "tenant_id"), following.follow)
    if seen:
        outbox.wake()
    return seen


@shared_task(name="subscriptions.follow_all", soft_time_limit=45 * 60)
def follow_all(engine: str | None = None) -> int:
    """Each night, every subscription that a provider charges, and what it has that ours do not lead to: what no event
    has told is found. What is to end with its period is said to the provider again, which may never have heard it; what
    was held until then ends. One that ended before it began may have been agreed to since: it ends there, too, and what
    it charged goes back. `engine`: those of this provider alone."""
    engines = [each for each in (Engine.STRIPE, Engine.PAYPAL) if engine in (None, each)]
    theirs = Subscription.objects.filter(status__in=LIVE).filter(engine__in=engines).order_by("started_at")
    seen = _each(theirs.values_list("id", "tenant_id"), following.follow)
    lately = timezone.now() - MAY_BE_AGREED_TO
    unbegun = Subscription.objects.filter(status=Subscription.Status.CANCELED, ended_at__gt=lately)
    unbegun = unbegun.filter(engine__in=engines, came_alive_at=None)
    seen += _each(unbegun.values_list("id", "tenant_id"), following.follow)
    ending = theirs.filter(cancel_at_period_end=True)
    unheard = ending.filter(period_end__gt=timezone.now(), ends_there_since=None)
    seen += _each(unheard.values_list("id", "tenant_id"), directing.say_again)
    over = ending.filter(engine=Engine.PAYPAL, period_end__lte=timezone.now())
    seen += _each(over.values_list("id", "tenant_id"), directing.finish)
    for provider in registry.able(RunsSubscriptions):
        seen += _compare(provider) if provider.name in engines else 0
    outbox.wake()
    return seen


def _compare(provider: RunsSubscriptions) -> int:
    since = timezone.now() - COMPARED
    try:
        return comparing.compare(provider=provider, since=since, actor=CLOCK, clock=timezone.now)
    except SoftTimeLimitExceeded:  # the night's: it has to stop
        raise
    except Exception:
        log.exception("what %s has could not be compared; it is tried again.", provider.name)
        return 0


def _each(found: Iterable[tuple[UUID, UUID]], act: Callable[..., Any]) -> int:
    """By the clock of each one's own turn: all of them may take an hour, and what is found holds from when it was read.
    `act` looks at the row again: it may have changed since it was `found`."""
    seen = 0
    for subscription_id, tenant_id in list(found):
        with context.bind(tenant_id=tenant_id, actor_label=CLOCK.label):
            try:
                act(subscription_id=subscription_id, actor=CLOCK, now=timezone.now())
                seen += 1
            except SoftTimeLimitExceeded:
                raise
            except Exception:
                log.exception("Subscription %s could not be brought up to date; it is tried again.", subscription_id)
    return seen
