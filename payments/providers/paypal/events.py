"""Webhooks: what an event is about. Its content is a hint and nothing more; see `verifying`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from payments.providers.errors import BadSignature
from payments.providers.facts import SignedEvent, Topic
from payments.providers.paypal.reading import instant, linked, order_of

MOST_BYTES = 1_000_000
_ID = re.compile(r"[A-Za-z0-9-]{3,64}", re.ASCII)
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{3,128}", re.ASCII)
_KIND = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)

# Source: PayPal, "Webhook event names". What a bank takes back looks like a refund there, and is a dispute here.
TOPICS: Mapping[str, Topic] = {
    "CHECKOUT.ORDER.APPROVED": Topic.PAYMENT,
    "CHECKOUT.PAYMENT-APPROVAL.REVERSED": Topic.PAYMENT,
    **{f"PAYMENT.CAPTURE.{name}": Topic.PAYMENT for name in ("COMPLETED", "DENIED", "DECLINED", "PENDING")},
    "PAYMENT.CAPTURE.REFUNDED": Topic.REFUND,
    **{f"PAYMENT.REFUND.{name}": Topic.REFUND for name in ("PENDING", "COMPLETED", "FAILED", "CANCELLED")},
    "PAYMENT.CAPTURE.REVERSED": Topic.DISPUTE,
    **{f"CUSTOMER.DISPUTE.{name}": Topic.DISPUTE for name in ("CREATED", "UPDATED", "RESOLVED")},
    # Sales pay for subscriptions; what goes back of one is about its payment.
    **{f"PAYMENT.SALE.{name}": Topic.SUBSCRIPTION for name in ("COMPLETED", "PENDING", "DENIED")},
    "PAYMENT.SALE.REFUNDED": Topic.PAYMENT,
    "PAYMENT.SALE.REVERSED": Topic.PAYMENT,
    **{
        f"BILLING.SUBSCRIPTION.{name}": Topic.SUBSCRIPTION
        for name in (
            "CREATED", "ACTIVATED", "UPDATED", "RE-ACTIVATED", "SUSPENDED", "CANCELLED", "EXPIRED", "PAYMENT.FAILED",
        )
    },
}  # fmt: skip


def read(body: bytes, *, livemode: bool) -> SignedEvent:
    """The event in `body`, which is not verified by that. `livemode`: a sandbox signs with another key than PayPal
    itself, so the mode is the one that it is verified in.

    Raises BadSignature for anything but one JSON object of an event's shape, without blanks around it.
    """
    if len(body) > MOST_BYTES or body.strip() != body:
        raise BadSignature("no event")
    try:
        event = json.loads(body.decode(), parse_constant=_no_number)
        event_id, kind, resource = event["id"], event["event_type"], event.get("resource")
        about = resource if isinstance(resource, Mapping) else {}
        if not _EVENT_ID.fullmatch(event_id) or not _KIND.fullmatch(kind):
            raise ValueError("no names of PayPal's")
        return SignedEvent(
            event_id=event_id,
            kind=kind,
            topic=_topic(kind, about),
            object_ref=_about(kind, about) or event_id,
            livemode=livemode,
            api_version=str(event.get("resource_version") or event.get("event_version") or "")[:64],
            occurred_at=instant(event["create_time"]),
            payload=event,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadSignature("no event") from error


def _about(kind: str, resource: Mapping[str, Any]) -> str | None:
    """What has to be read again: the order, as far as the event names it, else the capture; the subscription of a
    renewal. None when it names nothing that can be asked about: then the event stands for itself."""
    found: Any
    if kind.startswith("CHECKOUT."):
        found = resource.get("order_id") or resource.get("id")
    elif kind.startswith("CUSTOMER.DISPUTE."):
        found = resource["disputed_transactions"][0]["seller_transaction_id"] if _has_case(resource) else None
    elif kind.startswith("PAYMENT.SALE."):
        found = _sale(kind, resource)
    elif kind.startswith(("PAYMENT.CAPTURE.", "PAYMENT.REFUND.")):
        related = (resource.get("supplementary_data") or {}).get("related_ids") or {}
        found = order_of(resource) or related.get("capture_id") or linked(resource, "up") or resource.get("id")
    else:
        found = resource.get("id")
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def _topic(kind: str, resource: Mapping[str, Any]) -> Topic | None:
    """None too for a sale of no subscription, which came to the account in some other way."""
    topic = TOPICS.get(kind)
    is_foreign = kind.startswith("PAYMENT.SALE.") and topic is Topic.SUBSCRIPTION and not _agreement(resource)
    return None if is_foreign else topic


def _sale(kind: str, resource: Mapping[str, Any]) -> Any:
    """The subscription, or the sale that something went back of: a refund names it, an old one links to it."""
    if TOPICS.get(kind) is Topic.SUBSCRIPTION:
        return _agreement(resource) or resource.get("id")
    return resource.get("sale_id") or linked(resource, "sale") or resource.get("id")


def _agreement(resource: Mapping[str, Any]) -> Any:
    return resource.get("billing_agreement_id")


def _has_case(resource: Mapping[str, Any]) -> bool:
    cases = resource.get("disputed_transactions")
    return (
        isinstance(cases, list)
        and bool(cases)
        and isinstance(cases[0], Mapping)
        and bool(cases[0].get("seller_transaction_id"))
    )


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
