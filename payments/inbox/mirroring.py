"""Feeding the mirrors: what providers told is handed on, for support to look at. It may fail; nothing waits for it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from payments.models import ProviderEvent
from payments.providers import registry
from payments.providers.base import Mirrors

log = logging.getLogger(__name__)

RUN_SECONDS = 60
# An event that no mirror took within a day is left.
PATIENCE = timedelta(days=1)
# Each try waits three times as long as the event has waited so far: about five in a day.
FIRST_PAUSE = timedelta(minutes=10)
MIRRORED = (ProviderEvent.Status.HANDLED, ProviderEvent.Status.WAITING, ProviderEvent.Status.UNHANDLED)


@dataclass(slots=True)
class Mirrored:
    """What one run did."""

    done: int = 0
    failed: int = 0


def mirror_due(now: datetime, limit: int = 200) -> Mirrored:
    """Hand up to `limit` events to their provider's mirror, the newest first. Several of these may run at once."""
    outcome = Mirrored()
    mirrors = {each.name: each for each in registry.able(Mirrors)}
    # By the index on `received_at`: only the last day is looked through.
    waiting = ProviderEvent.objects.filter(
        provider__in=mirrors,
        status__in=MIRRORED,
        mirrored_at=None,
        received_at__gt=now - PATIENCE,
        available_at__lte=now,
    )
    began = time.monotonic()
    for event in waiting[:limit] if mirrors else []:
        if time.monotonic() - began > RUN_SECONDS:
            break
        if _claim(event, now):
            _mirror(event, mirrors[event.provider], now, outcome)
    return outcome


def _claim(event: ProviderEvent, now: datetime) -> bool:
    """Set the time of the next try before this one: whoever comes second changes no row, a failure needs no more."""
    pause = max(FIRST_PAUSE, 3 * (now - (event.settled_at or event.received_at)))
    unclaimed = ProviderEvent.objects.filter(id=event.id, mirrored_at=None, available_at=event.available_at)
    return unclaimed.filter(status__in=MIRRORED).update(available_at=now + pause) == 1


def _mirror(event: ProviderEvent, mirror: Mirrors, now: datetime, outcome: Mirrored) -> None:
    facts = {"provider": event.provider, "kind": event.kind, "event_id": event.event_id}
    try:
        mirror.mirror(event.payload)
    except Exception as error:  # noqa: BLE001 (whatever a mirror stumbles over, nothing of ours depends on it)
        log.warning("the mirror did not take an event: %s", error, extra=facts)
        outcome.failed += 1
    else:
        ProviderEvent.objects.filter(id=event.id).update(mirrored_at=now)
        outcome.done += 1
