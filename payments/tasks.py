"""The clock's doors to what providers tell and are asked: events, mirrors, unknown outcomes, reconciliation."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from billing_portal.kit.actors import Actor
from billing_portal.notices import outbox, waking
from payments.actions import checking, collecting, reconciling, stopping
from payments.inbox import handling, mirroring
from payments.providers import registry
from payments.providers.base import TakesPayments

log = logging.getLogger(__name__)

# Longer than a provider goes on sending an event that nobody takes, and than a bank takes to send a refund back.
RECONCILED_DAYS = 35
# For all providers together: below the limit at which the task would be ended in the middle of something.
PATIENCE = timedelta(minutes=40)


@shared_task(name=handling.TASK)
def handle_events() -> None:
    """Handle what is due. Woken after a receipt was committed, and by beat for what nobody was woken for."""
    outcome = handling.handle_due(timezone.now())
    if outcome.more:
        waking.wake(handling.TASK)
    elif outcome.busy:
        waking.wake(handling.TASK, seconds=handling.BUSY.total_seconds())
    if outcome.done:
        outbox.wake()


@shared_task(name="payments.mirror_events", soft_time_limit=5 * 60)
def mirror_events() -> None:
    """Hand on what was handled. By beat alone: support can wait a minute, and money waits for nobody here.

    What is left at the end of a run is next minute's: a mirror that is behind must not keep a worker for itself.
    """
    mirroring.mirror_due(timezone.now())


@shared_task(name="payments.check_unknown")
def check_unknown() -> int:
    """Ask what became of what nobody knows, as soon as it is due; returns how many stay unknown."""
    found = checking.check_due(now=timezone.now())
    if found.asked:
        outbox.wake()
    return found.unknown


@shared_task(name="payments.collect_again")
def collect_again() -> int:
    """Try again what could not be charged, when its time has come; returns how many were tried. What a provider has
    stopped to collect for a payment that did not come, it takes up again."""
    now = timezone.now()
    tried = collecting.collect_due(actor=Actor.system("collect"), now=now)
    tried += stopping.take_up_again(actor=Actor.system("collect"), now=now)
    if tried:
        outbox.wake()
    return tried


@shared_task(name="payments.reconcile", soft_time_limit=45 * 60)
def reconcile() -> int:
    """Each night, every provider: the last days' payments, refunds and disputes both ways, and whatever is open.

    Returns how many differences are left for people; each is an error in the log.
    """
    now, left, end = timezone.now(), 0, time.monotonic() + PATIENCE.total_seconds()
    providers = list(registry.able(TakesPayments))
    for number, provider in enumerate(providers):
        share = max(0.0, end - time.monotonic()) / (len(providers) - number)
        run = reconciling.reconcile(
            provider=provider,
            since=now - timedelta(days=RECONCILED_DAYS),
            actor=Actor.system("reconcile"),
            now=now,
            patience=timedelta(seconds=share),
        )
        if not run.agrees:
            left += len(run.discrepancies) + len(run.failed)
            log.error(
                "our books and those of %s do not agree: %d differences, %d not asked about or not finished: %s",
                provider.name,
                len(run.discrepancies),
                len(run.failed),
                "; ".join(run.failed[:5]),
            )
    outbox.wake()
    return left
