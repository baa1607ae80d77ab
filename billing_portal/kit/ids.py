"""Ids of ours as others give them back: a provider's copy in its metadata, say, which anybody may have changed."""

from __future__ import annotations

from uuid import UUID


def uuid_in(text: str | None) -> UUID | None:
    """None for what is no UUID, and for nothing."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
