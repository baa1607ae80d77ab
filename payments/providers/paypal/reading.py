"""PayPal's orders, captures and refunds read into the portal's dataclasses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from billing_portal.kit.money import Money
from payments.providers.errors import ProviderRejected, Unreadable
from payments.providers.facts import Outcome, PaymentResult, RefundResult
from payments.providers.paypal.amounts import from_paypal
from payments.providers.paypal.errors import approval_link

# Whether money came is said by the capture alone: an order is COMPLETED whatever became of its capture. What went back
# of a capture later is told by its refunds and disputes.
CAPTURES = {
    "COMPLETED": Outcome.SUCCEEDED,
    "PARTIALLY_REFUNDED": Outcome.SUCCEEDED,
    "REFUNDED": Outcome.SUCCEEDED,
    "PENDING": Outcome.PROCESSING,
    "DECLINED": Outcome.FAILED,
    "FAILED": Outcome.FAILED,
}
# An order that has no capture. APPROVED waits for us, the others for the payer.
ORDERS = {
    "CREATED": Outcome.REQUIRES_ACTION,
    "SAVED": Outcome.REQUIRES_ACTION,
    "PAYER_ACTION_REQUIRED": Outcome.REQUIRES_ACTION,
    "APPROVED": Outcome.REQUIRES_ACTION,
    "VOIDED": Outcome.CANCELED,
}
REFUNDS = {"COMPLETED": "succeeded", "PENDING": "pending", "FAILED": "failed", "CANCELLED": "canceled"}
# Where one order has several captures, the one that tells most of it.
_TELLING = (Outcome.SUCCEEDED, Outcome.PROCESSING, Outcome.FAILED)
# Each refund of ours has an invoice id of its own: PayPal's account takes one once, long after it has forgotten the
# request.
_OUR_REFUND = "R-"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LINKED = re.compile(r"/(?:orders|captures|sale)/([A-Za-z0-9-]{3,64})$", re.ASCII)


def prefixed(text: str, environment: str) -> str:
    """`INV-2026-00012`, and `staging-INV-2026-00012` elsewhere than in production: PayPal's account takes an invoice id
    once, whoever of those that share it came first."""
    return text if environment == "production" else f"{environment}-{text}"


def refund_invoice_id(refund_id: str, environment: str) -> str:
    """What a refund of ours is known by in the account."""
    return prefixed(f"{_OUR_REFUND}{refund_id}", environment)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """A half answer is no answer: whatever can't be read of it is Unreadable."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ProviderRejected) as error:
        raise Unreadable(f"PayPal's {what} can't be read: {type(error).__name__}") from error


def payment_of(order: Mapping[str, Any], *, environment: str, request_id: str | None = None) -> PaymentResult:
    """An order with its capture, if it has one. Raises Unreadable for one that says nothing we can read."""
    with readable("order"):
        unit = order["purchase_units"][0]
        capture = telling_capture(order)
        outcome = CAPTURES[capture["status"]] if capture else ORDERS[order["status"]]
        waits = outcome is Outcome.REQUIRES_ACTION
        is_ours = unit.get("reference_id", "default") in ("default", environment)
        return PaymentResult(
            outcome=outcome,
            provider_ref=_text(order["id"]),
            amount=from_paypal((capture or unit)["amount"]),
            approval_url=approval_link(order.get("links")) if waits else None,
            can_capture=capture is None and order["status"] == "APPROVED",
            capture_ref=_text(capture["id"]) if capture else None,
            payment_id=unit.get("custom_id") if is_ours else None,
            is_foreign=not is_ours,
            fee=_fee(capture) if capture else None,
            created_at=_instant(order["create_time"]) if "create_time" in order else None,
            request_id=request_id,
            **(_decline(capture) if outcome is Outcome.FAILED and capture else {}),
        )


def as_order(capture: Mapping[str, Any]) -> dict[str, Any]:
    """A capture whose order PayPal does not show any more, as the order that it was."""
    unit = {name: capture[name] for name in ("amount", "custom_id", "invoice_id") if name in capture}
    return {
        "id": order_of(capture) or capture["id"],
        "status": "COMPLETED",
        "purchase_units": [{**unit, "payments": {"captures": [capture]}}],
        **({"create_time": capture["create_time"]} if "create_time" in capture else {}),
    }


def completed(capture: Mapping[str, Any], *, environment: str) -> PaymentResult | None:
    """A capture as an event told of it, where that is all that our row would say: it is complete, and its order, our id
    and its fee are named. None for any other, which has to be read."""
    try:
        with readable("capture"):
            is_whole = capture["status"] == "COMPLETED" and bool(order_of(capture)) and bool(capture.get("custom_id"))
            result = payment_of(as_order(capture), environment=environment) if is_whole else None
    except Unreadable:
        return None
    return replace(result, is_hearsay=True) if result and result.fee is not None else None


def telling_capture(order: Mapping[str, Any]) -> dict[str, Any] | None:
    """The capture that says what became of the order; of equals the latest. None before there is one."""
    found = _payments(order).get("captures") or []
    return min(found[::-1], key=lambda each: _TELLING.index(CAPTURES[each["status"]]), default=None)


def refunds_in(order: Mapping[str, Any], capture_ref: str) -> list[dict[str, Any]]:
    """All that went back of one capture, reversals among it."""
    with readable("order"):
        return [each for each in _payments(order).get("refunds") or [] if linked(each, "up") in (None, capture_ref)]


def accounts_for(capture: Mapping[str, Any], refunds: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these are all that went back of a capture, by its own status and by the total that the newest names."""
    with readable("refund"):
        found = sum(from_paypal(each["amount"]).minor for each in refunds)
        moved = sum(from_paypal(each["amount"]).minor for each in refunds if each["status"] in ("COMPLETED", "PENDING"))
        if capture["status"] == "REFUNDED":
            return moved == from_paypal(capture["amount"]).minor
        if not moved:
            return False
        newest = max(refunds, key=lambda each: instant(each["create_time"]))
        total = (newest.get("seller_payable_breakdown") or {}).get("total_refunded_amount")
        return not total or found >= from_paypal(total).minor


def refund_of(
    refund: Mapping[str, Any], *, environment: str, capture_ref: str | None = None, request_id: str | None = None
) -> RefundResult:
    """One refund, by its own amount and never by the total of all. Raises Unreadable for what can't be read."""
    with readable("refund"):
        status = REFUNDS[refund["status"]]
        reason = (refund.get("status_details") or {}).get("reason")
        return RefundResult(
            status=status,
            provider_ref=_text(refund["id"]),
            amount=from_paypal(refund["amount"]),
            failure_code=str(reason or "refund_failed").lower() if status == "failed" else None,
            payment_ref=linked(refund, "up") or capture_ref,
            refund_id=our_refund_id(refund, environment),
            created_at=_instant(refund["create_time"]) if "create_time" in refund else None,
            request_id=request_id,
        )


def our_refund_id(refund: Mapping[str, Any], environment: str) -> str | None:
    """The id of our row, when this system asked for the refund."""
    invoice_id, mark = refund.get("invoice_id"), prefixed(_OUR_REFUND, environment)
    named = invoice_id.removeprefix(mark) if isinstance(invoice_id, str) and invoice_id.startswith(mark) else ""
    return named if _UUID.fullmatch(named) else None


def order_of(resource: Mapping[str, Any]) -> str | None:
    """The order that a capture belongs to: named by newer answers, linked to by older ones."""
    related = (resource.get("supplementary_data") or {}).get("related_ids") or {}
    named = related.get("order_id")
    return named if isinstance(named, str) else linked(resource, "up", "/orders/")


def linked(resource: Mapping[str, Any], rel: str, within: str = "") -> str | None:
    """The id at the end of a link."""
    links: Sequence[Any] = resource.get("links") or ()
    for each in links:
        href = str(each.get("href")) if isinstance(each, Mapping) and each.get("rel") == rel else ""
        if within in href and (match := _LINKED.search(href)):
            return match[1]
    return None


def instant(text: str) -> datetime:
    """An instant as PayPal writes it, in any zone. Raises ValueError without one."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return found


def _instant(text: Any) -> datetime:
    return instant(_text(text))


def _payments(order: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = order["purchase_units"][0].get("payments") or {}
    return found


def _decline(capture: Mapping[str, Any]) -> dict[str, Any]:
    reason = (capture.get("status_details") or {}).get("reason")
    return {
        "failure_code": "payment_declined",
        "failure_message": "PayPal declined this payment.",
        "decline_code": str(reason).lower() if reason else None,
    }


def _fee(capture: Mapping[str, Any]) -> Money | None:
    """What PayPal keeps. In another currency than the capture's it can't be booked beside the payment."""
    fee = (capture.get("seller_receivable_breakdown") or {}).get("paypal_fee")
    if not fee or fee.get("currency_code") != capture["amount"]["currency_code"]:
        return None
    try:
        return from_paypal(fee)
    except ProviderRejected:
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
