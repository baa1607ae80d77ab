"""Who handles which topic of provider events. Filled by the apps' `event_handlers` modules, imported at start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.providers.facts import Topic

# Kept unhandled for now, and known to be so. Any other topic that a provider sends needs a handler at start.
KEPT_FOR_LATER = frozenset({Topic.INVOICE})


@dataclass(frozen=True, slots=True)
class HandledEvent:
    """What a handler gets: a hint that `object_ref` has changed at the provider, to be read again before anything is
    booked.

    It stands for all events of that object that wait, and is the newest of them. `payload` is what it told, maybe long
    ago. `attempt` counts from 1; `now` is the time of the run.
    """

    id: UUID
    provider: str
    event_id: str
    kind: str
    topic: Topic
    object_ref: str
    payload: Mapping[str, Any]
    occurred_at: datetime
    attempt: int
    now: datetime


# Returns None when it is handled, or a short note why there was nothing to do. Whatever it raises is tried again.
Handler = Callable[[HandledEvent], str | None]
_handlers: dict[str, Handler] = {}


def handles(*topics: Topic) -> Callable[[Handler], Handler]:
    """Register the one handler of these topics. It runs with no transaction open, and while it does nobody else works
    on the object. It may run again for an event that it has handled."""

    def register(handler: Handler) -> Handler:
        for topic in topics:
            if topic in _handlers:
                raise RuntimeError(f"Events about {topic!r} have a handler already: {_handlers[topic]!r}.")
            _handlers[topic] = handler
        return handler

    return register


def handler_of(topic: str | None) -> Handler | None:
    """Who handles it, or None."""
    return None if topic is None else _handlers.get(topic)
