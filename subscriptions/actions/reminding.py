"""Tell a tenant before something begins to cost: a trial that ends, a year that renews or begins. Once each."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from billing_portal.notices import outbox
from subscriptions import queries
from subscriptions.actions import renewing
from subscriptions.models import Subscription
from subscriptions.models.plan import BillingCycle

Status = Subscription.Status
# A trial, and a year; a month is told of by its invoice.
BEFORE_TRIAL_ENDS, BEFORE_YEAR_ENDS = timedelta(days=3), timedelta(days=30)


def remind(now: datetime) -> int:
    """Leave the notices that are due in the outbox; returns how many subscriptions were looked at. Told before: not
    again."""
    going_on = Subscription.objects.filter(cancel_at_period_end=False, period_end__gt=now).select_related(
        "tenant", "pending_price"
    )
    trials = going_on.filter(status=Status.TRIALING, period_end__lte=now + BEFORE_TRIAL_ENDS)
    ending = going_on.filter(status__in=(Status.ACTIVE, Status.PAST_DUE), period_end__lte=now + BEFORE_YEAR_ENDS)
    years = [each for each in ending if _is_or_becomes_yearly(each, now)]
    for topic, found in (("subscription.trial_ending", trials), ("subscription.renewal_coming", years)):
        for subscription in found:
            _tell(topic, subscription, now)
    return len(trials) + len(years)


def _is_or_becomes_yearly(subscription: Subscription, now: datetime) -> bool:
    """A year ends, or months turn into one."""
    assert subscription.period_end
    coming, at = subscription.pending_price, subscription.pending_at
    if coming and at and at <= subscription.period_end and coming.billing_cycle == BillingCycle.YEARLY:
        return True
    return queries.current_terms(subscription, now).price.billing_cycle == BillingCycle.YEARLY


@transaction.atomic
def _tell(topic: str, subscription: Subscription, now: datetime) -> None:
    """What was told is told anew once other terms were agreed to."""
    assert subscription.period_end
    price, seats = renewing.next_terms(subscription, subscription.period_end)
    outbox.write(
        topic=topic,
        payload={"subscriptionId": str(subscription.id)},
        tenant=subscription.tenant,
        now=now,
        dedupe_key=f"{topic}:{subscription.id}:{subscription.period_end.isoformat()}:{price.id}:{seats}",
    )
