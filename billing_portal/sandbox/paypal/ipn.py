"""Instant Payment Notification, the older channel: form-encoded in windows-1252, believed only after asking back.

https://developer.paypal.com/api/nvp-soap/ipn/IPNandPDTVariables/. Every capture, refund and renewal is told here too,
whatever the webhooks' mode is: the two channels fail apart from each other. The panel's own word for this one is
`POST /__sandbox/ipn {"mode": "normal|drop"}`.
"""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote_plus

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.deliveries import Deliveries, Message
from billing_portal.sandbox.exchange import Answer
from billing_portal.sandbox.misuse import Misused
from billing_portal.sandbox.paypal import ids, money
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.books import IPN_QUEUE
from billing_portal.sandbox.paypal.routing import route

CHARSET = "windows-1252"
_ASK_BACK = b"cmd=_notify-validate&"
_PACIFIC = timezone(timedelta(hours=-8))
_STATUS = {"COMPLETED": "Completed", "PENDING": "Pending", "DECLINED": "Denied"}
_MODE, _MODES = "ipn_mode", ("normal", "drop")
_PENDING = {"ECHECK": "echeck", "PENDING_REVIEW": "paymentreview"}


class Ipn(Deliveries):
    """The queue towards the address that the account has for IPN."""

    events = "ipns"
    table = IPN_QUEUE
    most_attempts = 15

    def set_mode(self, mode: str, copies: int | None = None) -> Json:
        """Told, or never told."""
        if mode not in _MODES:
            raise Misused(f"mode must be one of {', '.join(_MODES)}", param="mode")
        self._books.note(_MODE, mode)
        return {"mode": mode}

    def message(self, event: Json, seq: int) -> Message:
        """The same bytes at each try: they are what is asked back."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "PayPal IPN ( https://www.paypal.com/ipn )",
        }
        return Message(f"ipn:{event['kind']}", event["body"].encode("ascii"), headers)


@route("POST", "/cgi-bin/webscr", who="anybody")
def ask_back(act: Act) -> Answer:
    """VERIFIED for exactly what was sent, INVALID for all else."""
    known = act.raw.startswith(_ASK_BACK) and act.books.find("ipns", _hash=_hash(act.raw.removeprefix(_ASK_BACK)))
    return Answer(200, b"VERIFIED" if known else b"INVALID", {"Content-Type": "text/html; charset=utf-8"})


def capture(act: Act, capture: Json) -> None:
    """A payment came, waits, or was denied."""
    reason = capture.get("status_details", {}).get("reason", "")
    fee = capture.get("seller_receivable_breakdown", {}).get("paypal_fee", {}).get("value")
    _tell(
        act,
        "express_checkout",
        txn_id=capture["id"],
        payment_status=_STATUS[capture["status"]],
        pending_reason=_PENDING.get(reason) if capture["status"] == "PENDING" else None,
        payment_type="echeck" if capture["_echeck"] else "instant",
        mc_gross=capture["amount"]["value"],
        mc_fee=fee,
        mc_currency=capture["_currency"],
        invoice=capture.get("invoice_id"),
        custom=capture.get("custom_id"),
    )


def given_back(act: Act, capture: Json, refund: Json, *, reversed_: bool) -> None:
    """Money went back: by a refund, or by a reversal. Amounts are negative."""
    _tell(
        act,
        "",
        txn_id=refund["id"],
        parent_txn_id=capture["id"],
        payment_status="Reversed" if reversed_ else "Refunded",
        reason_code="chargeback" if reversed_ else "refund",
        payment_type="instant",
        mc_gross=f"-{money.written(refund['_amount'], refund['_currency'])}",
        mc_currency=refund["_currency"],
        invoice=capture.get("invoice_id"),
        custom=capture.get("custom_id") or capture.get("custom"),
    )


def subscription(act: Act, kind: str, subscription: Json, **more: str | None) -> None:
    """A subscription began, ended, was paid or not. No custom and no invoice here, as PayPal has none."""
    _tell(
        act,
        kind,
        recurring_payment_id=subscription["id"],
        profile_status=subscription["status"].capitalize(),
        product_name=subscription["_plan_name"],
        **more,
    )


def _tell(act: Act, kind: str, **fields: str | None) -> None:
    """Queue one. Fields that are None are left out."""
    payer = act.account.payer
    identifier = f"{ids.transaction()[:13].lower()}"
    at = datetime.fromtimestamp(act.now, UTC).astimezone(_PACIFIC)
    whole: dict[str, Any] = {
        **({"txn_type": kind} if kind else {}),
        **{name: value for name, value in fields.items() if value is not None},
        "payment_date": f"{at:%H:%M:%S %b %d, %Y} PST",
        "business": act.account.merchant_email,
        "receiver_email": act.account.merchant_email,
        "receiver_id": act.account.merchant_id,
        "payer_email": payer["email_address"],
        "payer_id": payer["payer_id"],
        "payer_status": "verified",
        "first_name": payer["name"]["given_name"],
        "last_name": payer["name"]["surname"],
        "residence_country": "US",
        "test_ipn": "1",
        "charset": CHARSET,
        "notify_version": "3.9",
        "verify_sign": ids.transaction(),
        "ipn_track_id": identifier,
    }
    if "txn_id" not in whole:
        del whole["payment_date"]
    body = "&".join(f"{name}={quote_plus(str(value), encoding=CHARSET)}" for name, value in whole.items())
    told = {"id": identifier, "kind": kind or whole["payment_status"], "body": body, "_hash": _hash(body.encode())}
    act.save("ipns", told)
    state = "dropped" if act.books.noted(_MODE) == "drop" else "pending"
    act.books.db.execute(f"INSERT INTO {IPN_QUEUE} (event, state) VALUES (?, ?)", (identifier, state))  # noqa: S608


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
