"""Give back what was captured: in part, in full, never more than is left.

https://developer.paypal.com/docs/api/payments/v2/#captures_refund. Without an amount PayPal gives back all
that is left.
"""

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.paypal import captures, ids, ipn, money, triggers
from billing_portal.sandbox.paypal.acts import DAY, Act
from billing_portal.sandbox.paypal.routing import DAYS_45, route
from billing_portal.sandbox.paypal.shapes import Amount, Group, Text, body, paid

DAYS_TO_REFUND, MOST_REFUNDS = 180, 10
_REFUND = Group(
    {
        "amount": Amount(),
        "custom_id": Text(127, pattern=r"[A-Za-z0-9\-_.,]*"),
        "invoice_id": Text(127),
        "note_to_payer": Text(255),
    }
)
_REFUSED_BY_STATUS = {
    "PENDING": "PENDING_CAPTURE",
    "DECLINED": "REFUND_NOT_ALLOWED",
    "FAILED": "REFUND_NOT_ALLOWED",
    "REFUNDED": "CAPTURE_FULLY_REFUNDED",
}


@route("POST", "/v2/payments/captures/{capture_id}/refund", remembers=DAYS_45)
def refund_capture(act: Act, identifier: str) -> tuple[Json, int]:
    """Refund it. The short answer has id, status and links."""
    asked = body(act, _REFUND)
    capture = act.fetch("captures", identifier)
    triggers.mock(act)
    _refuse(act, capture)
    amount = capture["_amount"] - capture["_refunded"]
    if "amount" in asked:
        units = paid(act, asked["amount"], "/amount")
        if asked["amount"]["currency_code"] != capture["_currency"]:
            raise act.refuse(422, "REFUND_CAPTURE_CURRENCY_MISMATCH", field="/amount/currency_code")
        if units > amount:
            raise act.refuse(422, "REFUND_AMOUNT_EXCEEDED", field="/amount/value", value=asked["amount"]["value"])
        amount = units
    if "invoice_id" in asked and act.books.find("refunds", invoice_id=asked["invoice_id"]):
        raise act.refuse(422, "DUPLICATE_INVOICE_ID", field="/invoice_id", value=asked["invoice_id"])
    texts = {name: asked[name] for name in ("custom_id", "invoice_id", "note_to_payer") if name in asked}
    refund = captures.view_refund(act, give_back(act, capture, amount, **texts))
    return (refund if act.full else {name: refund[name] for name in ("id", "status", "links")}), 201


@route("GET", "/v2/payments/refunds/{refund_id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One; a reversal is found here too."""
    return captures.view_refund(act, act.fetch("refunds", identifier)), 200


def give_back(act: Act, capture: Json, amount: int, **texts: str) -> Json:
    """Refund so much. What was paid by eCheck goes back by eCheck: the refund is pending for days."""
    reason = {"status_details": {"reason": "ECHECK"}} if capture["_echeck"] else {}
    refund = _make(act, capture, amount, "PENDING" if capture["_echeck"] else "COMPLETED", **reason, **texts)
    if refund["status"] == "PENDING":
        _tell(act, capture, refund, "PAYMENT.REFUND.PENDING", "A refund is pending")
    else:
        _tell(act, capture, refund, "PAYMENT.CAPTURE.REFUNDED", "A capture payment was refunded")
    return refund


def reverse(act: Act, capture: Json, amount: int, reason: str) -> Json:
    """PayPal or a bank takes so much back. It looks like a refund: the event tells it apart, and the capture its
    reason."""
    refund = _make(act, capture, amount, "COMPLETED", _reversal=True)
    capture["status_details"] = {"reason": reason}
    act.save("captures", capture)
    _tell(act, capture, refund, "PAYMENT.CAPTURE.REVERSED", "A capture payment was reversed", kind="reversal")
    return refund


def succeed(act: Act, refund: Json) -> None:
    """A pending refund has arrived."""
    refund |= {"status": "COMPLETED", "update_time": act.time, "_waits": False}
    refund.pop("status_details", None)
    act.save("refunds", refund)
    capture = act.fetch("captures", refund["_of"])
    captures.recount(act, capture)
    _tell(act, capture, refund, "PAYMENT.CAPTURE.REFUNDED", "A capture payment was refunded")


def fail(act: Act, refund: Json) -> None:
    """A pending refund came to nothing: its amount can be given back again."""
    refund |= {"status": "FAILED", "update_time": act.time, "_waits": False}
    refund.pop("status_details", None)
    act.save("refunds", refund)
    capture = act.fetch("captures", refund["_of"])
    captures.recount(act, capture)
    _tell(act, capture, refund, "PAYMENT.REFUND.FAILED", "A refund has failed")


def _refuse(act: Act, capture: Json) -> None:
    """Raise Problem (422) when nothing can be given back of this capture."""
    if capture.get("_disputed"):
        raise act.refuse(422, "TRANSACTION_DISPUTED")
    if capture.get("_charged_back"):
        raise act.refuse(422, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
    if issue := _REFUSED_BY_STATUS.get(capture["status"]):
        raise act.refuse(422, issue)
    if act.now > capture["_made_at"] + DAYS_TO_REFUND * DAY:
        raise act.refuse(422, "REFUND_TIME_LIMIT_EXCEEDED")
    if len(act.books.find("refunds", _of=capture["id"])) >= MOST_REFUNDS:
        raise act.refuse(422, "MAX_NUMBER_OF_REFUNDS_EXCEEDED")


def _make(act: Act, capture: Json, amount: int, status: str, **more: object) -> Json:
    currency = capture["_currency"]
    zero = money.of(0, currency)
    refund: Json = {
        "id": ids.transaction(),
        "status": status,
        "amount": money.of(amount, currency),
        # What it is for: the capture's, unless the refund has words of its own.
        **{name: capture[name] for name in ("custom_id",) if name in capture},
        "seller_payable_breakdown": {
            "gross_amount": money.of(amount, currency),
            "paypal_fee": zero,
            "net_amount": money.of(amount, currency),
            "total_refunded_amount": money.of(capture["_refunded"] + amount, currency),
        },
        "payer": {"email_address": act.account.merchant_email, "merchant_id": act.account.merchant_id},
        "create_time": act.time,
        "update_time": act.time,
        **more,
        "_of": capture["id"],
        "_amount": amount,
        "_currency": currency,
        "_waits": status == "PENDING",
        "_due": act.now + captures.DAYS_PENDING["ECHECK"] * DAY,
    }
    act.save("refunds", refund)
    captures.recount(act, capture)
    return refund


def _tell(act: Act, capture: Json, refund: Json, event: str, summary: str, *, kind: str = "refund") -> None:
    said = f"{summary}: {refund['amount']['value']} {refund['_currency']}"
    act.emit(event, "refund", captures.view_refund(act, refund), said)
    act.effect(kind, refund, refund["_amount"], refund["_currency"], refund["status"])
    if refund["status"] == "COMPLETED":
        ipn.given_back(act, capture, refund, reversed_=kind == "reversal")
