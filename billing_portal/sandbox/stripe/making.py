"""Make a payment method from a test number, or from one of Stripe's test tokens.

https://docs.stripe.com/api/payment_methods/create, https://docs.stripe.com/testing
"""

import hashlib
import re
from typing import Any

from billing_portal.sandbox.stripe import accounts, cards
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import Declined, Invalid, Problem

_ADDRESS = ["city", "country", "line1", "line2", "postal_code", "state"]
_TYPES = ("card", "us_bank_account")


def resolve(act: Act, identifier: str, *, param: str | None = None) -> Json:
    """The method; one of Stripe's test tokens (`pm_card_visa`) makes a new one, as it does at Stripe."""
    if identifier in cards.TOKENS:
        return _card(act, {"number": cards.TOKENS[identifier], "exp_month": "12", "exp_year": "2034"}, {})
    if identifier in accounts.TOKENS:
        owner = {"billing_details": {"name": "Jenny Rosen", "email": "jenny@example.com"}}
        return _account(act, {"account_number": accounts.TOKENS[identifier], "account_holder_type": "company"}, owner)
    return act.fetch("payment_methods", identifier, param=param)


def from_data(act: Act, data: Params) -> Json:
    """A new method from `type` and its details. Raises Problem when the number is no test number."""
    kind = given.required(data, "type")
    if kind not in _TYPES:
        raise Invalid(f"Invalid type: must be one of {', '.join(_TYPES)}", param="type")
    return (_card if kind == "card" else _account)(act, data.get(kind) or {}, data)


def _new(act: Act, kind: str, details: Json, number: str, data: Params) -> Json:
    method = {
        "id": random_id("pm", 24),
        "object": "payment_method",
        "allow_redisplay": given.text(data, "allow_redisplay") or "unspecified",
        "billing_details": billing_details(data),
        "created": act.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": given.metadata(data),
        "type": kind,
        kind: details,
        "_number": number,
    }
    return act.save("payment_methods", method)


def _card(act: Act, card: Params, data: Params) -> Json:
    number = re.sub(r"[\s-]", "", str(given.required(card, "number")))
    if number not in cards.CARDS:
        raise Declined(
            "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test "
            "cards, visit: https://stripe.com/docs/testing.",
            code="card_declined",
            decline_code="test_mode_live_card",
            param="number",
        )
    month, year = given.integer(card, "exp_month"), given.integer(card, "exp_year")
    if month is None or not 1 <= month <= 12:
        raise _bad_card("month", "Your card's expiration month is invalid.")
    year = year + 2000 if year is not None and year < 100 else year
    if year is None or year < 2000:
        raise _bad_card("year", "Your card's expiration year is invalid.")
    known = cards.CARDS[number]
    details: dict[str, Any] = {
        "brand": known.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": "american_express" if known.brand == "amex" else known.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(number),
        "funding": known.funding,
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [known.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return _new(act, "card", details, number, data)


def _bad_card(what: str, message: str) -> Declined:
    return Declined(message, code=f"invalid_expiry_{what}", param=f"exp_{what}")


def _account(act: Act, account: Params, data: Params) -> Json:
    number = str(given.required(account, "account_number"))
    routing = given.text(account, "routing_number") or accounts.ROUTING_NUMBER
    if number not in accounts.ACCOUNTS or routing != accounts.ROUTING_NUMBER:
        raise Problem("You must use a test bank account number in test mode.", param="us_bank_account[account_number]")
    if not (data.get("billing_details") or {}).get("name"):
        raise Invalid(
            "Missing required param: billing_details[name].", code="parameter_missing", param="billing_details[name]"
        )
    details: dict[str, Any] = {
        "account_holder_type": given.choice(account, "account_holder_type", ("company", "individual"), "individual"),
        "account_type": given.choice(account, "account_type", ("checking", "savings"), "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint(number),
        "last4": number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": routing,
        "status_details": {},
    }
    return _new(act, "us_bank_account", details, number, data)


def _fingerprint(number: str) -> str:
    return hashlib.sha256(b"fingerprint" + number.encode()).hexdigest()[:16]


def billing_details(data: Params, before: Json | None = None) -> Json:
    """Whose method it is: what is given, over what was there before."""
    details = given.group(data, "billing_details", ("address", "email", "name", "phone", "tax_id"))
    merged = {"address": dict.fromkeys(_ADDRESS), "email": None, "name": None, "phone": None, "tax_id": None}
    merged |= before or {}
    merged |= {key: value or None for key, value in details.items() if key != "address"}
    return merged | {"address": {**(merged["address"] or {}), **(details.get("address") or {})}}
