"""An IPN message: what can be one, what it is about, and what it claims. All of it is a hint; see `ipn_channel`."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from django.http import QueryDict

from payments.providers.errors import BadSignature, ProviderRejected
from payments.providers.facts import Hearsay, SignedEvent, Topic
from payments.providers.paypal.amounts import from_paypal

# Kinds begin with it: nothing else tells the inbox which channel an event came by.
CHANNEL = "ipn"
MOST_FIELDS = 500
_DEFAULT_CHARSET = "windows-1252"
# Those of PayPal's list ("Language encoding") that leave ASCII as it is. Python would take others for a codec that
# raises something else on every byte.
_CHARSET = re.compile(
    r"utf-8|us-ascii|ascii|iso-8859-(?:[1-9]|1[0-9])|windows-125[0-8]|koi8-r|gb2312|gbk|gb18030|big5|euc-jp|euc-kr"
    r"|shift[-_]jis",
    re.ASCII | re.IGNORECASE,
)
_KIND = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
_TRANSACTION = re.compile(r"[A-Z0-9]{8,32}", re.ASCII)
_SUBSCRIPTION = re.compile(r"I-[A-Z0-9]{8,32}", re.ASCII)
# What `payment_status` says of the money. Source: PayPal, "IPN and PDT variables".
_CAME_IN = {"Completed", "Pending", "Processed", "Created", "Canceled_Reversal"}
_WENT_BACK = {"Refunded", "Reversed"}


def fields_of(body: bytes, *, livemode: bool) -> dict[str, str]:
    """The message's fields, of a repeated one the last.

    Raises BadSignature for what is no form in ASCII, and for a message of the other mode: a sandbox would vouch for
    whatever anybody sends from there.
    """
    if not body.isascii():
        raise BadSignature("not in ASCII")
    if not body.strip() or b"=" not in body or body.count(b"&") >= MOST_FIELDS:
        raise BadSignature("no form")
    fields = decoded(body)
    if any("\0" in text for pair in fields.items() for text in pair):
        raise BadSignature("holds a NUL")
    if (fields.get("test_ipn", "") not in ("", "0")) == livemode:
        raise BadSignature("of the other mode")
    return fields


def decoded(body: bytes) -> dict[str, str]:
    """A form in ASCII by the charset that it names itself. Raises BadSignature for one that PayPal does not write."""
    charset = QueryDict(body, encoding="ascii").get("charset") or _DEFAULT_CHARSET
    if not _CHARSET.fullmatch(charset) or not _is_known(charset):
        raise BadSignature("in a charset that PayPal does not write")
    return {str(name): str(value) for name, value in QueryDict(body, encoding=charset).items()}


def event_of(body: bytes, fields: Mapping[str, str], *, livemode: bool, now: datetime) -> SignedEvent:
    """The event it stands for; the same bytes are the same event. It happened `now`: the dates in a message are the
    payment's."""
    event_id = f"{CHANNEL}-{hashlib.sha256(body).hexdigest()}"
    topic, reference = _about(fields)
    word = (fields.get("txn_type") or fields.get("payment_status") or "").lower()
    return SignedEvent(
        event_id=event_id,
        kind=f"{CHANNEL}.{word if _KIND.fullmatch(word) else 'other'}",
        topic=topic,
        object_ref=reference or event_id,
        livemode=livemode,
        api_version=fields.get("notify_version", "")[:64],
        occurred_at=now,
        payload=dict(fields),
    )


def hearsay_of(fields: Mapping[str, object]) -> Hearsay | None:
    """What it claims to have moved, in `mc_gross`."""
    status, value = fields.get("payment_status"), fields.get("mc_gross")
    if status not in _CAME_IN | _WENT_BACK or not isinstance(value, str):
        return None
    try:
        amount = from_paypal({"currency_code": fields.get("mc_currency"), "value": value.removeprefix("-")})
    except ProviderRejected:
        return None
    return Hearsay(amount, came_in=status in _CAME_IN)


def _about(fields: Mapping[str, str]) -> tuple[Topic | None, str | None]:
    """The subscription, else the payment that it is about: of a refund or a reversal, that is its parent."""
    subscription = fields.get("recurring_payment_id", "")
    if _SUBSCRIPTION.fullmatch(subscription):
        return Topic.SUBSCRIPTION, subscription
    payment = fields.get("parent_txn_id") or fields.get("txn_id") or ""
    if _TRANSACTION.fullmatch(payment):
        return Topic.PAYMENT, payment
    return None, None


def _is_known(charset: str) -> bool:
    try:
        return codecs.lookup(charset) is not None
    except LookupError:
        return False
