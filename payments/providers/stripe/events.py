"""Webhooks: whether Stripe signed these bytes, just now; and what they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime

import stripe

from payments.providers.base import BadSignature, ProviderEvent

# Seconds that a signature may lie in the past, and in the future: the SDK looks at the past alone.
TOLERANCE = 300
_STAMP = re.compile(r"(?:^|,)t=([0-9]{1,12})(?:,|$)", re.ASCII)


def verify(body: bytes, signature: str, *, secrets: Sequence[str], now: datetime) -> ProviderEvent:
    """The event in `body`, when one of `secrets` signed exactly these bytes within five minutes of `now`.

    The SDK raises TypeError for a signature that is not ASCII and ValueError for bodies that are no text: to anybody
    without our secret all of it is the same BadSignature. A blank secret is none: the SDK would take it for a key.
    """
    stamp = _STAMP.search(signature) if signature.isascii() else None
    if stamp is None or abs(now.timestamp() - int(stamp.group(1))) > TOLERANCE:
        raise BadSignature("not signed, or not now")
    if not any(_signed_with(secret, body, signature) for secret in secrets if secret.strip()):
        raise BadSignature("signed by nobody we know")
    return _read(body)


def _signed_with(secret: str, body: bytes, signature: str) -> bool:
    try:
        # No tolerance here: ours was checked against the caller's clock, which tests can hold still.
        return bool(stripe.WebhookSignature.verify_header(body.decode(), signature, secret, tolerance=None))
    except (stripe.SignatureVerificationError, ValueError, TypeError, UnicodeError):
        return False


def _read(body: bytes) -> ProviderEvent:
    """Signed bytes that are no event of Stripe's are refused all the same."""
    try:
        event = json.loads(body)
        about = event["data"]["object"]
        found = ProviderEvent(
            event_id=event["id"],
            kind=event["type"],
            object_type=about["object"],
            object_ref=about["id"],
            livemode=event["livemode"],
            payload=event,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadSignature("signed, but no event") from error
    if not all(isinstance(each, str) for each in (found.event_id, found.kind, found.object_type, found.object_ref)):
        raise BadSignature("signed, but no event")
    return found
