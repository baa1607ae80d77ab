"""Captures and what goes back of them: the objects, their events, and the one who may know.

https://developer.paypal.com/docs/api/payments/v2/
"""

from billing_portal.sandbox.books import Json, shown
from billing_portal.sandbox.paypal import ids, ipn, money
from billing_portal.sandbox.paypal.acts import DAY, Act
from billing_portal.sandbox.paypal.routing import route

# Until a review or an eCheck ends by itself.
DAYS_PENDING = {"PENDING_REVIEW": 1, "ECHECK": 4}
_SUMMARY = {
    "COMPLETED": "Payment completed for {}",
    "PENDING": "Payment pending for {}",
    "DECLINED": "A {} capture payment was declined",
    "DENIED": "A {} capture payment was denied",
}


@route("GET", "/v2/payments/captures/{capture_id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One."""
    return view(act, act.fetch("captures", identifier)), 200


def refuse_duplicate(act: Act, invoice_id: str | None, where: str) -> None:
    """Raise Problem (422) when the account has been paid under this invoice id already."""
    paid = act.books.find("captures", invoice_id=invoice_id) if invoice_id else []
    if any(capture["status"] != "DECLINED" for capture in paid):
        raise act.refuse(422, "DUPLICATE_INVOICE_ID", field=where, value=invoice_id)


def make(act: Act, order: Json, unit: Json, *, pending: str | None = None, declined: bool = False) -> Json:
    """Capture one unit: completed, PENDING for the reason `pending`, or DECLINED."""
    currency = unit["amount"]["currency_code"]
    amount = money.units(unit["amount"]["value"], currency)
    capture: Json = {
        "id": ids.transaction(),
        "status": "DECLINED" if declined else "PENDING" if pending else "COMPLETED",
        **({"status_details": {"reason": pending}} if pending else {}),
        "amount": money.of(amount, currency),
        "final_capture": True,
        "disbursement_mode": "INSTANT",
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        **{name: unit[name] for name in ("invoice_id", "custom_id") if name in unit},
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
        "payee": unit["payee"],
        "create_time": act.time,
        "update_time": act.time,
        "_order": order["id"],
        "_unit": unit["reference_id"],
        "_amount": amount,
        "_currency": currency,
        "_refunded": 0,
        "_echeck": pending == "ECHECK",
        "_waits": bool(pending),
        "_due": act.now + DAYS_PENDING.get(pending or "", 0) * DAY,
        "_made_at": act.now,
    }
    if capture["status"] == "COMPLETED":
        capture["seller_receivable_breakdown"] = _breakdown(capture)
    _tell(act, act.save("captures", capture), capture["status"])
    return capture


def complete(act: Act, capture: Json) -> None:
    """The review was passed, the eCheck cleared."""
    capture.pop("status_details", None)
    _end(capture, act, "COMPLETED")
    capture["seller_receivable_breakdown"] = _breakdown(capture)
    _tell(act, act.save("captures", capture), "COMPLETED")


def deny(act: Act, capture: Json) -> None:
    """A pending capture comes to nothing."""
    _end(capture, act, "DECLINED")
    _tell(act, act.save("captures", capture), "DENIED")


def recount(act: Act, capture: Json) -> None:
    """Bring the capture's status up to what went back, or is about to."""
    given = [r for r in act.books.find("refunds", _of=capture["id"]) if r["status"] in ("COMPLETED", "PENDING")]
    capture["_refunded"] = sum(refund["_amount"] for refund in given)
    left = capture["_amount"] - capture["_refunded"]
    capture["status"] = "REFUNDED" if left == 0 else "PARTIALLY_REFUNDED" if given else "COMPLETED"
    capture["update_time"] = act.time
    act.save("captures", capture)


def view(act: Act, capture: Json, *, inside: bool = False) -> Json:
    """The capture as PayPal shows it; `inside` an order without what leads back to it."""
    whole = shown(capture)
    if inside:
        whole = {name: value for name, value in whole.items() if name not in ("supplementary_data", "payee")}
    path = f"/v2/payments/captures/{capture['id']}"
    links = [
        act.link("self", path),
        act.link("refund", f"{path}/refund", "POST"),
        act.link("up", f"/v2/checkout/orders/{capture['_order']}"),
    ]
    return {**whole, "links": links}


def view_refund(act: Act, refund: Json) -> Json:
    """A refund or a reversal as PayPal shows it."""
    links = [
        act.link("self", f"/v2/payments/refunds/{refund['id']}"),
        act.link("up", f"/v2/payments/captures/{refund['_of']}"),
    ]
    return {**shown(refund), "links": links}


def _end(capture: Json, act: Act, status: str) -> None:
    capture |= {"status": status, "_waits": False, "update_time": act.time}


def _breakdown(capture: Json) -> Json:
    amount, currency = capture["_amount"], capture["_currency"]
    fee = money.fee(amount, currency)
    return {
        "gross_amount": money.of(amount, currency),
        "paypal_fee": money.of(fee, currency),
        "net_amount": money.of(amount - fee, currency),
    }


def _tell(act: Act, capture: Json, kind: str) -> None:
    amount, currency = capture["_amount"], capture["_currency"]
    said = f"{money.written(amount, currency)} {currency}"
    act.emit(f"PAYMENT.CAPTURE.{kind}", "capture", view(act, capture), _SUMMARY[kind].format(f"$ {said}"))
    if kind != "DECLINED":
        act.effect("capture", capture, amount, currency, capture["status"])
        ipn.capture(act, capture)
