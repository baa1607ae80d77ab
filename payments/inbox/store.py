"""Storing an event once, by one statement, and taking one up again that was set aside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from payments.inbox.registry import handler_of
from payments.models import ProviderEvent
from payments.models.event import EventStatus as Status
from payments.providers import registry as providers
from payments.providers.base import SendsEvents
from payments.providers.facts import SignedEvent

# What staff may have handled again.
SET_ASIDE = (Status.PARKED, Status.WAITING, Status.IGNORED, Status.UNHANDLED)

# Not through the ORM: receipt is the one path that a provider's burst goes through, and this costs a third of
# get_or_create, which besides is two statements. A second copy of an event changes nothing.
_INSERT = """
INSERT INTO payments_providerevent (
    id, provider, event_id, kind, topic, object_ref, livemode, api_version, payload, status, note,
    occurred_at, received_at, available_at, attempts, settled_at
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, 0, %s)
ON CONFLICT DO NOTHING
"""

# Whoever holds it may confirm a payment; it comes with the object and is of no use here.
_CLIENT_SECRET = re.compile(r'("client_secret": )"(?:\\.|[^"\\])*"')


def receive(event: SignedEvent, *, provider: str, livemode: bool, now: datetime) -> bool:
    """Store a verified event of `provider`, which works in `livemode`, and say whether somebody has something to do
    with it: False when it was stored before, or is only kept.

    Committed when it returns, as long as no transaction is open. Raises DataError for an event that fits no column.
    """
    status, note = _standing(event.topic, is_of_our_mode=event.livemode == livemode)
    row: list[Any] = [
        uuid4(),
        provider,
        event.event_id,
        event.kind,
        None if event.topic is None else event.topic.value,
        event.object_ref,
        event.livemode,
        event.api_version,
        _storable(event.payload),
        status.value,
        note,
        event.occurred_at,
        now,
        now,
        now if status in (Status.IGNORED, Status.UNHANDLED) else None,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, row)
        return bool(cursor.rowcount == 1 and status == Status.RECEIVED)


def take_up_again(*, event_id: UUID, now: datetime) -> bool:
    """Give an event that was set aside a new round of tries, as the adapter and the handlers read it by now.

    False when it is not set aside, is of the provider's other mode, or still has nobody to handle it.
    """
    event = ProviderEvent.objects.filter(id=event_id, status__in=SET_ASIDE).first()
    if event is None:
        return False
    provider = providers.named(event.provider, SendsEvents)
    # What came over a second channel is of no kind that is named there, and stays about what it was about.
    read = (None, None) if provider is None else provider.reread(event.kind, event.payload)
    topic, object_ref = read[0] or event.topic, read[1] or event.object_ref
    status, _ = _standing(topic, is_of_our_mode=provider is None or event.livemode == provider.livemode)
    if status != Status.RECEIVED:
        return False
    unchanged = ProviderEvent.objects.filter(id=event.id, status=event.status)
    fresh = {"note": "", "attempts": 0, "available_at": now, "settled_at": None}
    return bool(unchanged.update(status=status, topic=topic, object_ref=object_ref, **fresh) == 1)


def _standing(topic: str | None, *, is_of_our_mode: bool) -> tuple[Status, str]:
    """What becomes of an event at first, and the note that says why it goes no further."""
    if not is_of_our_mode:
        return Status.IGNORED, "It was sent from the provider's other mode (test or live)."
    if topic is None:
        return Status.UNHANDLED, "Nobody here handles events of this kind."
    if handler_of(topic) is None:
        return Status.WAITING, "Kept until somebody here handles events about this."
    return Status.RECEIVED, ""


def _storable(payload: Mapping[str, Any]) -> str:
    """As JSON that PostgreSQL takes, which has neither the character NUL nor half a surrogate pair."""
    text = json.dumps(payload, ensure_ascii=False)
    if "\\u0000" in text or not _is_unicode(text):
        text = json.dumps(_cleaned(payload), ensure_ascii=False)
    return _CLIENT_SECRET.sub(r'\1"***"', text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cleaned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_cleaned(name): _cleaned(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value.replace("\0", "�").encode(errors="replace").decode() if isinstance(value, str) else value
