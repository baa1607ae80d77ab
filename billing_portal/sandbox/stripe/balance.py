"""Balance transactions: every movement of the account's balance, with its fee.

https://docs.stripe.com/api/balance_transactions. The account holds a balance in each currency, so nothing is
converted (`exchange_rate` is null).
"""

from billing_portal.sandbox.stripe import listing
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.routing import route

DAY = 86_400
_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "adjustment": "dispute",
    "refund_failure": "refund_failure",
}


def record(act: Act, kind: str, source: Json, amount: int, *, fee: int = 0, description: str | None = None) -> Json:
    """Write one: `amount` is signed and before the fee. Returns it."""
    about = description or source.get("description")
    transaction: Json = {
        "id": random_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": act.now + 2 * DAY,
        "balance_type": "payments",
        "created": act.now,
        "currency": source["currency"],
        "description": about,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": source["currency"],
                "description": "Dispute fee" if kind == "adjustment" else "Stripe processing fees",
                "type": "stripe_fee",
            }
        ]
        if fee
        else [],
        "net": amount - fee,
        "reporting_category": _CATEGORIES.get(kind, kind),
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }
    return act.save("balance_transactions", transaction)


@route("GET", "/v1/balance_transactions", f"source type currency {listing.PAGING}")
def listed(act: Act) -> Json:
    """All movements, newest first."""
    return listing.listed(act, "balance_transactions", "/v1/balance_transactions", ("source", "type", "currency"))


@route("GET", "/v1/balance_transactions/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One movement."""
    return shown(act.fetch("balance_transactions", identifier))
