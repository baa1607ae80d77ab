"""The clock's door to closing: every hour, whoever's month has ended."""

from __future__ import annotations

import logging

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.utils import timezone

from billing_portal.kit import context
from billing_portal.kit.actors import Actor
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from subscriptions import queries as subscriptions
from usage.actions.closing import close_month, due_months

log = logging.getLogger(__name__)

CLOCK = Actor.system("close_due_months")


@shared_task(name="usage.close_due_months")
def close_due_months() -> int:
    """Close every month that ended its grace hours ago, in each tenant's own zone; returns how many were invoiced.

    One tenant's trouble does not stop the others: it is logged, and tried again an hour later. Two of these at once, or
    one killed and started again, change nothing: the close is a claim.
    """
    if not settings.CLOSE_MONTHS_BY_BEAT:
        return 0
    invoiced = 0
    for tenant in subscriptions.ever_subscribed().iterator():
        with context.bind(tenant_id=tenant.id, actor_label=CLOCK.label):
            try:
                invoiced += _close_due(tenant)
            except SoftTimeLimitExceeded:  # ours: it has to stop
                raise
            except Exception:
                log.exception("Closing a month failed; it is tried again in an hour.")
    if invoiced:
        outbox.wake()
    return invoiced


def _close_due(tenant: Tenant) -> int:
    """Each month in a transaction of its own, oldest first: a later one waits for the one before. How many invoices."""
    now = timezone.now()
    closed = [close_month(tenant=tenant, label=label, actor=CLOCK, now=now) for label in due_months(tenant, now)]
    return sum(each.invoice is not None for each in closed)
