"""The token of a preview: what was asked for, of what, when; signed, so that nobody else makes one, and short-lived."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing

from subscriptions.actions.changing import Preview, Wish
from subscriptions.errors import PreviewDiffers, PreviewExpired

HOLDS_FOR = timedelta(minutes=15)
_SALT = "subscriptions.preview"


def token_of(preview: Preview, wish: Wish, now: datetime) -> str:
    """`now` is the instant that the preview was reckoned for."""
    facts = {
        "of": str(preview.subscription.id),
        "wish": asdict(wish),
        "state": preview.state,
        "at": now.isoformat(),
    }
    return signing.dumps(facts, salt=_SALT, compress=True)


def read_token(token: str, *, subscription_id: UUID, wish: Wish, now: datetime) -> tuple[datetime, str]:
    """(instant, state) of a preview of just this. Raises PreviewDiffers, PreviewExpired."""
    try:
        facts = signing.loads(token, salt=_SALT)
    except signing.BadSignature as error:
        raise PreviewDiffers from error
    if facts["of"] != str(subscription_id) or facts["wish"] != asdict(wish):
        raise PreviewDiffers
    at = datetime.fromisoformat(facts["at"])
    if not timedelta(0) <= now - at <= HOLDS_FOR:
        raise PreviewExpired
    return at, facts["state"]
