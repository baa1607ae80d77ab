"""The outbox: verbs write what must follow into their own transaction, a sweep delivers it at least once.

A message is claimed by a lease, handled with no transaction of ours open, and marked done. Whoever is killed in between
loses the lease, and another takes over; so a handler may run twice and has to bear it (`Message.id` stays the same).
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from billing_portal.kit import context
from billing_portal.masking import mask_text
from billing_portal.notices.models import OutboxMessage
from billing_portal.notices.waking import wake
from billing_portal.tenants.models import Tenant

__all__ = ["Delivered", "Message", "deliver_due", "handles", "unpark", "wake", "write"]

log = logging.getLogger(__name__)

# How long one message may take before another worker tries it; far beyond any timeout of a handler's.
LEASE = timedelta(minutes=5)
# A run ends after this many seconds, so that the `now` it was given, from which leases count, is never far off.
RUN_SECONDS = 60
MAX_ATTEMPTS = 12
FIRST_RETRY = timedelta(seconds=15)  # doubles each time: 11 retries spread over some eight hours


@dataclass(frozen=True, slots=True)
class Message:
    """What a handler gets. `now` is the time of the delivery, `attempt` counts from 1."""

    id: UUID
    topic: str
    payload: dict[str, Any]
    tenant_id: UUID | None
    created_at: datetime
    attempt: int
    now: datetime


@dataclass(slots=True)
class Delivered:
    """What one run did; `more` says that its limit, not the queue, ended it."""

    done: int = 0
    failed: int = 0
    parked: int = 0
    more: bool = False


# A handler acts in the name of who caused the message, and never in that of whoever woke the worker.
NOBODY: dict[str, str | None] = {"request_id": None, "tenant_id": None, "actor_label": None}

Handler = Callable[[Message], None]
_handlers: dict[str, Handler] = {}


def handles(*topics: str) -> Callable[[Handler], Handler]:
    """Register the one handler of these topics; the apps' `event_handlers` modules are imported at start."""

    def register(handler: Handler) -> Handler:
        for topic in topics:
            if topic in _handlers:
                raise RuntimeError(f"The outbox topic {topic!r} has a handler already: {_handlers[topic]!r}.")
            _handlers[topic] = handler
        return handler

    return register


def write(
    *, topic: str, payload: dict[str, Any], tenant: Tenant | None, now: datetime, dedupe_key: str | None = None
) -> None:
    """Note what must follow, in the transaction of its cause. The same `dedupe_key` again writes nothing.

    Raises RuntimeError outside a transaction, and LookupError for a topic that nobody handles.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An outbox message is written inside the transaction of the change it belongs to.")
    if topic not in _handlers:
        raise LookupError(f"Nobody handles the outbox topic {topic!r}.")
    message = OutboxMessage(
        topic=topic,
        payload=payload,
        tenant=tenant,
        dedupe_key=dedupe_key,
        context=context.current(),
        created_at=now,
        available_at=now,
    )
    # ON CONFLICT DO NOTHING: a duplicate must not break the verb's transaction.
    OutboxMessage.objects.bulk_create([message], ignore_conflicts=dedupe_key is not None)


def deliver_due(now: datetime, limit: int = 200) -> Delivered:
    """Deliver up to `limit` messages that are due, oldest first. Any number of these may run at once."""
    outcome = Delivered()
    began = time.monotonic()
    for _ in range(limit):
        if time.monotonic() - began > RUN_SECONDS:
            break
        message = _claim_next(now)
        if message is None:
            return outcome
        if message.attempts > MAX_ATTEMPTS:
            # Failures are parked below; to come here, the message must have taken its workers down with it.
            _park(message, now, message.last_error or "Whoever handled this was killed each time.")
            outcome.parked += 1
            continue
        _deliver(message, now, outcome)
    outcome.more = True
    return outcome


def _claim_next(now: datetime) -> OutboxMessage | None:
    """Take the next message for `LEASE`, past those that others are just taking."""
    waiting = OutboxMessage.objects.filter(
        Q(claimed_until__isnull=True) | Q(claimed_until__lte=now),
        done_at__isnull=True,
        parked_at__isnull=True,
        available_at__lte=now,
    )
    with transaction.atomic():
        message = waiting.select_for_update(skip_locked=True, of=("self",)).order_by("available_at").first()
        if message is None:
            return None
        OutboxMessage.objects.filter(id=message.id).update(claimed_until=now + LEASE, attempts=F("attempts") + 1)
        message.attempts += 1
    return message


def _deliver(row: OutboxMessage, now: datetime, outcome: Delivered) -> None:
    message = Message(row.id, row.topic, row.payload, row.tenant_id, row.created_at, row.attempts, now)
    with context.bind(**NOBODY | row.context):
        try:
            if row.topic not in _handlers:
                raise LookupError(f"Nobody handles the outbox topic {row.topic!r}.")
            _handlers[row.topic](message)
        except Exception as error:
            reason = mask_text(f"{type(error).__name__}: {error}")[:2000]
            if row.attempts >= MAX_ATTEMPTS:
                log.exception("outbox message parked", extra={"topic": row.topic, "message_id": str(row.id)})
                _park(row, now, reason)
                outcome.parked += 1
            else:
                log.warning(
                    "outbox message failed", exc_info=True, extra={"topic": row.topic, "message_id": str(row.id)}
                )
                _finish(row, available_at=now + _pause(row.attempts), last_error=reason)
                outcome.failed += 1
        else:
            _finish(row, done_at=now, last_error="")
            outcome.done += 1


def _pause(attempts: int) -> timedelta:
    """15 s, 30 s, 1 min, …, give or take a quarter: what failed together need not come back together."""
    return FIRST_RETRY * 2 ** (attempts - 1) * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)


def _park(row: OutboxMessage, now: datetime, reason: str) -> None:
    _finish(row, parked_at=now, last_error=reason)


def _finish(row: OutboxMessage, **facts: Any) -> None:
    """End our claim. When the lease ran out and somebody else took over (`attempts` went on), the row is theirs."""
    ours = OutboxMessage.objects.filter(id=row.id, attempts=row.attempts, done_at__isnull=True)
    ours.update(claimed_until=None, **facts)


def unpark(*, message_id: UUID, now: datetime) -> bool:
    """Give a parked message another `MAX_ATTEMPTS` tries. False when it isn't parked."""
    parked = OutboxMessage.objects.filter(id=message_id, parked_at__isnull=False)
    return parked.update(parked_at=None, attempts=0, available_at=now, claimed_until=None) == 1
