"""Sales, which pay for subscriptions, and what goes back of them: shapes of v1, told in those of v2.

https://developer.paypal.com/docs/api/payments/v1/#sale. A sale's id looks like a capture's, and its subscription does
not stand in it: whoever has an id asks for a capture first, and for a sale when there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from billing_portal.kit.money import Money
from payments.providers.errors import UnknownReference, Unreadable
from payments.providers.facts import PaymentResult, RefundRequest
from payments.providers.paypal.amounts import from_paypal, to_paypal
from payments.providers.paypal.client import Answer, PayPalClient, identifier
from payments.providers.paypal.disputes import WentBack
from payments.providers.paypal.errors import translated
from payments.providers.paypal.listing import events
from payments.providers.paypal.reading import as_order, instant, linked, payment_of, readable, refund_invoice_id

SALES, REFUNDS = "/v1/payments/sale", "/v1/payments/refund"
REFUNDED, REVERSED = "PAYMENT.SALE.REFUNDED", "PAYMENT.SALE.REVERSED"
_STATES = {"denied": "DECLINED", "canceled": "CANCELLED"}


def read_sale(client: PayPalClient, reference: str) -> Answer:
    """As a capture of v2. Raises UnknownReference. Source: PayPal Payments v1, "Show sale details"."""
    with translated(moves_money=False):
        answer = client.get(f"{SALES}/{identifier(reference)}")
    with readable("sale"):
        return Answer(_capture(answer.content), answer.request_id)


def payment(client: PayPalClient, reference: str, *, environment: str) -> PaymentResult:
    """Of no row by its own word: what a sale says of us is the subscription's."""
    answer = read_sale(client, reference)
    with readable("sale"):
        order = as_order(answer.content)
    return replace(payment_of(order, environment=environment, request_id=answer.request_id), capture_ref=None)


def refund(client: PayPalClient, request: RefundRequest, *, environment: str) -> Answer:
    """Sent once, as a refund of v2. Raises Refused, to be translated.

    Source: PayPal Payments v1, POST /v1/payments/sale/{sale_id}/refund. Without an amount it gives back all that is
    left, so that it is always sent.
    """
    amount = to_paypal(request.amount)
    content: dict[str, Any] = {"amount": {"total": amount["value"], "currency": amount["currency_code"]}}
    if refund_id := request.metadata.get("refund_id"):
        content["invoice_number"] = refund_invoice_id(refund_id, environment)
    path = f"{SALES}/{identifier(request.payment_ref)}/refund"
    answer = client.post(path, content, request_id=request.key, once=True)
    with readable("refund"):
        return Answer(_refund(answer.content), answer.request_id)


def read_refund(client: PayPalClient, reference: str) -> tuple[Answer, str | None]:
    """As a refund of v2, with the sale it is of. Raises UnknownReference. Source: PayPal Payments v1, "Show refund
    details"."""
    with translated(moves_money=False):
        answer = client.get(f"{REFUNDS}/{identifier(reference)}")
    with readable("refund"):
        return Answer(_refund(answer.content), answer.request_id), answer.content.get("sale_id")


def went_back(client: PayPalClient, sale: Mapping[str, Any]) -> WentBack:
    """(refunds that somebody gave, reversals), by the events that told of them: v1 lists none, and PayPal keeps events
    for 30 days.

    Raises Unreadable when the sale says that more went back than they tell: somebody would take it for never given.
    """
    if sale["status"] not in ("REFUNDED", "PARTIALLY_REFUNDED"):
        return (), ()
    given, reversals = (_told(client, kind, sale) for kind in (REFUNDED, REVERSED))
    with readable("sale"):
        total = from_paypal(sale["amount"])
        back = sum((from_paypal(each["amount"]) for each in (*given, *reversals)), Money.zero(total.currency))
    if not back or (sale["status"] == "REFUNDED" and back < total):
        raise Unreadable("PayPal does not tell any more what went back of this sale")
    return given, reversals


def _told(client: PayPalClient, kind: str, sale: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each once, as it is now. One that can't be asked about is as the event told it."""
    found: dict[str, dict[str, Any]] = {}
    with readable("sale"):
        since = instant(sale["create_time"])
    with translated(moves_money=False):
        for event in events(client, kind=kind, since=since):
            with readable("event"):
                resource = event["resource"]
                named = resource.get("sale_id") or linked(resource, "sale")
                is_of_it = named == sale["id"] and resource["id"] not in found
            if is_of_it:
                found[resource["id"]] = _now(client, resource)
    return list(found.values())


def _now(client: PayPalClient, told: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return read_refund(client, told["id"])[0].content
    except UnknownReference:
        with readable("event"):
            return _refund(told)


def _capture(sale: Mapping[str, Any]) -> dict[str, Any]:
    reason = sale.get("reason_code")
    fee = sale.get("transaction_fee")
    return {
        "id": sale["id"],
        "status": _status(sale),
        "amount": _amount(sale["amount"]),
        "create_time": sale["create_time"],
        **({"status_details": {"reason": "REFUNDED" if reason == "REFUND" else reason}} if reason else {}),
        **(
            {
                "seller_receivable_breakdown": {
                    "paypal_fee": {"currency_code": fee["currency"], "value": fee["value"]},
                }
            }
            if fee
            else {}
        ),
    }


def _refund(refund: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": refund["id"],
        "status": _status(refund),
        "amount": _amount(refund["amount"]),
        **{name: refund[name] for name in ("create_time",) if name in refund},
        **({"invoice_id": refund["invoice_number"]} if refund.get("invoice_number") else {}),
    }


def _status(thing: Mapping[str, Any]) -> str:
    state = str(thing["state"]).lower()
    return _STATES.get(state, state.upper())


def _amount(amount: Mapping[str, Any]) -> dict[str, str]:
    """Positive: the events of v1 write what went back with a sign, now and then."""
    return {"currency_code": amount["currency"], "value": str(amount["total"]).removeprefix("-")}
