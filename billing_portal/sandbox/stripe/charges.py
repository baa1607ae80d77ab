"""Charges: one attempt to take money, made by a payment intent. https://docs.stripe.com/api/charges"""

from billing_portal.sandbox.stripe import amounts, balance, listing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.routing import route

_DETAILS = {
    "card": ["brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4"],
    "us_bank_account": ["account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number"],
}
_AUTHENTICATED = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": "00000000-0000-4000-8000-000000000000",
    "version": "2.2.0",
}


@route("GET", "/v1/charges", f"customer payment_intent {listing.PAGING}")
def listed(act: Act) -> Json:
    """All charges, failed ones too."""
    return listing.listed(act, "charges", "/v1/charges", ("customer", "payment_intent"))


@route("GET", "/v1/charges/search", "query limit page")
def search(act: Act) -> Json:
    """Those that meet a query."""
    return listing.searched(act, "charges", "/v1/charges/search")


@route("GET", "/v1/charges/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One charge."""
    return shown(act.fetch("charges", identifier))


@route("GET", "/v1/charges/{id}/refunds", listing.PAGING)
def refunds(act: Act, identifier: str) -> Json:
    """Its refunds."""
    act.fetch("charges", identifier)
    return listing.listed(act, "refunds", f"/v1/charges/{identifier}/refunds", charge=identifier)


@route("POST", "/v1/charges/{id}", "description metadata")
def update(act: Act, identifier: str) -> Json:
    """Change its words."""
    charge = act.fetch("charges", identifier)
    if "description" in act.params:
        charge["description"] = given.text(act.params, "description")
    charge["metadata"] = given.metadata(act.params, charge["metadata"])
    act.save("charges", charge)
    act.emit("charge.updated", charge)
    return shown(charge)


def make(act: Act, intent: Json, method: Json) -> Json:
    """A charge under way, for an attempt of `intent` with `method`."""
    kind = method["type"]
    details = {key: method[kind].get(key) for key in _DETAILS[kind]}
    if kind == "card":
        details |= {
            "amount_authorized": intent["amount"],
            "checks": method["card"]["checks"],
            "network": method["card"]["brand"],
            "three_d_secure": _AUTHENTICATED if intent.get("_authenticated") else None,
            "wallet": None,
        }
    else:
        details |= {"mandate": method.get("_mandate"), "payment_reference": None}
    charge: Json = {
        "id": random_id("ch" if kind == "card" else "py"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "CALL CENTER",
        "captured": False,
        "created": act.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": kind, kind: details},
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }
    return act.save("charges", charge)


def succeed(act: Act, charge: Json) -> None:
    """The money is here: less the fee, on the balance. (At Stripe the balance transaction of a card may come a moment
    later, with `charge.updated`; here it is there at once.)"""
    kind = charge["payment_method_details"]["type"]
    fee = amounts.fee(charge["amount"], charge["currency"], kind)
    transaction = balance.record(act, "charge" if kind == "card" else "payment", charge, charge["amount"], fee=fee)
    charge |= {
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount_captured": charge["amount"],
        "balance_transaction": transaction["id"],
        "outcome": _outcome("authorized", "approved_by_network", "Payment complete."),
    }
    act.save("charges", charge)
    act.emit("charge.succeeded", charge)


def fail(act: Act, charge: Json, code: str, reason: str | None, message: str) -> None:
    """The bank said no."""
    charge |= {
        "status": "failed",
        "failure_code": code,
        "failure_message": message,
        "outcome": _outcome(
            "issuer_declined", "declined_by_network", "The bank did not return any further details.", reason
        ),
    }
    act.save("charges", charge)
    act.emit("charge.failed", charge)


def _outcome(kind: str, network: str, sentence: str, reason: str | None = None) -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network,
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": sentence,
        "type": kind,
    }
