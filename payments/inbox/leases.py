"""A lease on an object at a provider: whoever holds it may read the object there and apply what it found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from payments.models import ObjectLease

# Far beyond the timeouts of whatever a handler asks a provider. Whoever is killed keeps its lease for that long.
LEASE = timedelta(minutes=5)

# The one who inserts has it; so has the one who finds that it ran out. Whoever comes at the same time waits for the row
# and then finds a lease that lasts.
_CLAIM = """
INSERT INTO payments_objectlease AS lease (id, provider, object_ref, holder, until)
VALUES (%(holder)s, %(provider)s, %(object_ref)s, %(holder)s, %(until)s)
ON CONFLICT (provider, object_ref) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE lease.until <= %(now)s
RETURNING holder
"""


def claim(*, provider: str, object_ref: str, now: datetime) -> UUID | None:
    """Take the lease for `LEASE`; the holder's token, None while somebody else has it."""
    holder = uuid4()
    facts: dict[str, Any] = {
        "holder": holder,
        "provider": provider,
        "object_ref": object_ref,
        "until": now + LEASE,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, facts)
        return holder if cursor.fetchone() else None


def release(*, provider: str, object_ref: str, holder: UUID) -> None:
    """Give it back. Nothing happens when it ran out and somebody else took over: then it is theirs."""
    ObjectLease.objects.filter(provider=provider, object_ref=object_ref, holder=holder).delete()


@contextmanager
def held(*, provider: str, object_ref: str, now: datetime) -> Iterator[bool]:
    """Hold the lease for a while; False when somebody else has it. For anybody who reads an object and applies it."""
    holder = claim(provider=provider, object_ref=object_ref, now=now)
    try:
        yield holder is not None
    finally:
        if holder is not None:
            release(provider=provider, object_ref=object_ref, holder=holder)
