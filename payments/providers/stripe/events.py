"""Webhooks: whether Stripe signed these bytes, just now; and what they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import stripe

from payments.providers.errors import BadSignature
from payments.providers.facts import SignedEvent, Topic
from payments.providers.stripe.bill_reading import subscription_ref

# Seconds that a signature may lie in the past, and in the future: the SDK looks at the past alone.
TOLERANCE = 300
# Characters of the header: room for the signatures of many secrets.
LONGEST = 4096
_STAMP = re.compile(r"(?:^|,)\s*t=([0-9]{1,12})(?=,|$)", re.ASCII)

# Source: Stripe API, "Types of events". An ACH debit that a bank returns comes as a dispute. Invoices of a subscription
# are about that: see `_about`.
TOPICS: Mapping[str, Topic] = {
    **{
        f"payment_intent.{name}": Topic.PAYMENT
        for name in ("succeeded", "payment_failed", "processing", "requires_action", "canceled")
    },
    "charge.refunded": Topic.REFUND,
    **{f"refund.{name}": Topic.REFUND for name in ("created", "updated", "failed")},
    **{
        f"charge.dispute.{name}": Topic.DISPUTE
        for name in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
    },
    "setup_intent.succeeded": Topic.METHOD,
    **{
        f"payment_method.{name}": Topic.METHOD
        for name in ("attached", "detached", "updated", "automatically_updated")
    },
    **{
        f"invoice.{name}": Topic.INVOICE
        for name in (
            "created", "finalized", "paid", "payment_succeeded", "payment_failed", "payment_action_required",
            "marked_uncollectible", "updated", "upcoming", "voided",
        )
    },
    **{
        f"customer.subscription.{name}": Topic.SUBSCRIPTION
        for name in (
            "created", "updated", "deleted", "paused", "resumed", "trial_will_end", "pending_update_applied",
            "pending_update_expired",
        )
    },
}  # fmt: skip


def verify(body: bytes, signature: str, *, secrets: Sequence[str], now: datetime) -> SignedEvent:
    """The event in `body`, when one of `secrets` signed exactly these bytes within five minutes of `now`.

    The SDK raises TypeError for a signature that is not ASCII and ValueError for bodies that are no text: to anybody
    without our secret all of it is the same BadSignature. A blank secret is none: the SDK would take it for a key.
    """
    stamps = _STAMP.findall(signature) if signature.isascii() and len(signature) <= LONGEST else []
    # More than one is two headers put together by somebody on the way: it can't be said which is meant.
    if len(stamps) != 1 or abs(now.timestamp() - int(stamps[0])) > TOLERANCE:
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


def _read(body: bytes) -> SignedEvent:
    """Signed bytes that are no event of Stripe's are refused all the same."""
    try:
        event = json.loads(body)
        kind = event["type"]
        topic, object_ref = _about(kind, event["data"])
        found = SignedEvent(
            event_id=event["id"],
            kind=kind,
            topic=topic,
            object_ref=object_ref,
            livemode=event["livemode"],
            api_version=event.get("api_version") or "",
            occurred_at=datetime.fromtimestamp(event["created"], UTC),
            payload=event,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise BadSignature("signed, but no event") from error
    texts = (found.event_id, found.kind, found.object_ref, found.api_version)
    if not all(isinstance(each, str) for each in texts) or not isinstance(found.livemode, bool):
        raise BadSignature("signed, but no event")
    return found


def reread(kind: str, payload: Mapping[str, Any]) -> tuple[Topic | None, str | None]:
    """What a stored event is about; None for what can't be read of it."""
    try:
        return _about(kind, payload["data"])
    except (KeyError, TypeError, AttributeError):
        return TOPICS.get(kind), None


def _about(kind: object, data: Mapping[str, Any]) -> tuple[Topic | None, str]:
    """What has to be read again: the payment that a charge, refund or dispute belongs to, the customer of a method, the
    subscription of an invoice, else the object itself. A detached method names its customer among what it was before.
    """
    about, topic = data["object"], TOPICS.get(kind) if isinstance(kind, str) else None
    if about["object"] in ("charge", "refund", "dispute"):
        return topic, str(about.get("payment_intent") or about.get("charge") or about["id"])
    if about["object"] in ("payment_method", "setup_intent"):
        before = data.get("previous_attributes") or {}
        return topic, str(about.get("customer") or before.get("customer") or about["id"])
    if topic is Topic.INVOICE and (subscription := subscription_ref(about)):
        return Topic.SUBSCRIPTION, subscription
    return topic, str(about["id"])
