"""Provider events for tests: stored as a webhook stores them, handled by a handler that does what the test says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from payments.inbox import store
from payments.inbox.registry import HandledEvent
from payments.models import ProviderEvent
from payments.providers.facts import SignedEvent, Topic

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


class Recorder:
    """What was handled; `does` is what handling does besides, and answers the note."""

    def __init__(self) -> None:
        self.got: list[HandledEvent] = []
        self.does: Callable[[HandledEvent], Any] = lambda event: None

    def __call__(self, event: HandledEvent) -> str | None:
        self.got.append(event)
        return self.does(event)


def told(
    event_id: str,
    object_ref: str = "pi_1",
    *,
    topic: Topic | None = Topic.PAYMENT,
    seconds: int = 0,
    now: datetime = NOW,
    kind: str = "payment_intent.succeeded",
) -> ProviderEvent:
    """An event of Stripe's that happened `seconds` after NOW; the row."""
    event = SignedEvent(
        event_id=event_id,
        kind=kind,
        topic=topic,
        object_ref=object_ref,
        livemode=False,
        api_version="",
        occurred_at=NOW + timedelta(seconds=seconds),
        payload={"id": event_id, "type": kind},
    )
    store.receive(event, provider="stripe", livemode=False, now=now)
    return ProviderEvent.objects.get(event_id=event_id)
