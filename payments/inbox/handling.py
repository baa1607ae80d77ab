"""Handling what the inbox holds: all waiting events of an object by one fresh read of it, under its lease.

Nothing is lost: an event is handled, said to be nothing of ours, or tried again until it is parked for people to see.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from billing_portal.kit import context
from billing_portal.masking import mask_text
from payments.inbox import leases
from payments.inbox.registry import HandledEvent, Handler, handler_of
from payments.models import ProviderEvent
from payments.providers.facts import Topic

log = logging.getLogger(__name__)

TASK = "payments.handle_events"
# A run ends after this many seconds, so that the `now` it was given, from which leases count, is never far off.
RUN_SECONDS = 60
MAX_ATTEMPTS = 12
FIRST_RETRY = timedelta(seconds=15)  # doubles each time: 11 retries spread over some eight hours
# How long an object is left alone that somebody is working on.
BUSY = timedelta(seconds=3)
LONGEST_NOTE = 500

Status = ProviderEvent.Status


@dataclass(slots=True)
class Handled:
    """What one run did, in events. `busy` ones are somebody else's for the moment; `more` says that its limit, not the
    queue, ended it."""

    done: int = 0
    failed: int = 0
    parked: int = 0
    busy: int = 0
    more: bool = False


def handle_due(now: datetime, limit: int = 200) -> Handled:
    """Handle the events of up to `limit` objects, the longest due first. Any number of these may run at once."""
    outcome = Handled()
    began = time.monotonic()
    for _ in range(limit):
        if time.monotonic() - began > RUN_SECONDS:
            break
        longest_due = _received().filter(available_at__lte=now).order_by("available_at")
        found = longest_due.values_list("provider", "object_ref").first()
        if found is None:
            return outcome
        _handle_object(*found, now, outcome)
    outcome.more = True
    return outcome


def _received() -> QuerySet[ProviderEvent]:
    return ProviderEvent.objects.filter(status=Status.RECEIVED)


def _change(events: QuerySet[ProviderEvent], **facts: Any) -> int:
    """Update several rows and say how many. They are locked in one order first: workers that meet over an object, who
    see its events in orders of their own, would else wait for each other in a circle."""
    with transaction.atomic():
        locked = list(events.select_for_update(no_key=True).order_by("id").values_list("id", flat=True))
        return ProviderEvent.objects.filter(id__in=locked).update(**facts)


def _handle_object(provider: str, object_ref: str, now: datetime, outcome: Handled) -> None:
    of_object = _received().filter(provider=provider, object_ref=object_ref)
    with leases.held(provider=provider, object_ref=object_ref, now=now) as is_ours:
        if not is_ours:
            outcome.busy += _change(of_object.filter(available_at__lte=now), available_at=now + BUSY)
            return
        # Also those that wait for another try: what is read now is newer than any of them.
        events = list(of_object.order_by("occurred_at", "received_at", "id"))
        for handler, told in _by_handler(events):
            _handle(handler, told, now, outcome)


def _by_handler(events: Sequence[ProviderEvent]) -> Iterator[tuple[Handler | None, list[ProviderEvent]]]:
    """Those that one call does for, oldest first."""
    groups: dict[Handler | None, list[ProviderEvent]] = {}
    for event in events:
        groups.setdefault(handler_of(event.topic), []).append(event)
    yield from groups.items()


def _handle(handler: Handler | None, told: list[ProviderEvent], now: datetime, outcome: Handled) -> None:
    """One call for all of them, in the name of the newest. A failure counts against those alone that were due."""
    due = _claimed(told, now, outcome)
    if not due:
        return
    newest, attempt = told[-1], max(each.attempts for each in due)
    with context.bind(request_id=None, tenant_id=None, actor_label=newest.provider):
        try:
            note = _call(handler, newest, attempt, now)
        except Exception as error:
            reason = mask_text(f"{type(error).__name__}: {error}")[:LONGEST_NOTE]
            facts = {"provider": newest.provider, "kind": newest.kind, "event_id": newest.event_id}
            if attempt >= MAX_ATTEMPTS:
                log.exception("provider event parked", extra=facts)
            else:
                log.warning("provider event failed", exc_info=True, extra=facts)
            for each in due:
                _failed(each, reason, now, outcome)
        else:
            _settle(told, note, now)
            outcome.done += len(told)


def _claimed(told: list[ProviderEvent], now: datetime, outcome: Handled) -> list[ProviderEvent]:
    """Those that are due, with one try more. One that had all its tries is parked, and taken out of `told`."""
    due = [each for each in told if each.available_at <= now]
    _change(_received().filter(id__in=[each.id for each in due]), attempts=F("attempts") + 1)
    for each in list(due):
        each.attempts += 1
        if each.attempts > MAX_ATTEMPTS:
            # Failures are parked below; to come here, the event must have taken its workers down with it.
            due.remove(each)
            told.remove(each)
            log.error("provider event parked", extra={"kind": each.kind, "event_id": each.event_id})
            _finish(each, status=Status.PARKED, note=each.note or "Whoever handled this was killed each time.")
            outcome.parked += 1
    return due


def _call(handler: Handler | None, newest: ProviderEvent, attempt: int, now: datetime) -> str | None:
    if handler is None:
        raise LookupError(f"Nobody handles events about {newest.topic!r}.")
    return handler(
        HandledEvent(
            id=newest.id,
            provider=newest.provider,
            event_id=newest.event_id,
            kind=newest.kind,
            topic=Topic(newest.topic or ""),
            object_ref=newest.object_ref,
            payload=newest.payload,
            occurred_at=newest.occurred_at,
            attempt=attempt,
            now=now,
        )
    )


def _settle(told: Sequence[ProviderEvent], note: str | None, now: datetime) -> None:
    """Handled, or ignored with the handler's note; those that the newest stood for name it."""
    newest = told[-1]
    status = Status.HANDLED if note is None else Status.IGNORED
    # From now on `available_at` is when the mirror tries it.
    facts = {"status": status, "settled_at": now, "available_at": now}
    _received().filter(id=newest.id).update(note=(note or "")[:LONGEST_NOTE], **facts)
    others = [each.id for each in told[:-1]]
    if others:
        with_it = f"{note} (with {newest.event_id})" if note else f"with {newest.event_id}"
        _change(_received().filter(id__in=others), note=with_it[:LONGEST_NOTE], **facts)


def _failed(event: ProviderEvent, reason: str, now: datetime, outcome: Handled) -> None:
    if event.attempts >= MAX_ATTEMPTS:
        _finish(event, status=Status.PARKED, note=reason)
        outcome.parked += 1
    else:
        _finish(event, available_at=now + _pause(event.attempts), note=reason)
        outcome.failed += 1


def _pause(attempts: int) -> timedelta:
    """15 s, 30 s, 1 min, …, give or take a quarter: what failed together need not come back together."""
    return FIRST_RETRY * 2 ** (attempts - 1) * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)


def _finish(event: ProviderEvent, **facts: Any) -> None:
    """End our try. When the lease ran out and somebody else took over (`attempts` went on), the event is theirs."""
    _received().filter(id=event.id, attempts=event.attempts).update(**facts)
