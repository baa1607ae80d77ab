"""The customer's balance: credit (negative) or debt that the next invoice takes up, and each of its movements.

https://docs.stripe.com/billing/customer/balance
"""

from billing_portal.sandbox.stripe import customers, listing
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id
from billing_portal.sandbox.stripe.routing import route

_KIND = "customer_balance_transactions"


@route("GET", "/v1/customers/{id}/balance_transactions", f"invoice {listing.PAGING}")
def listed(act: Act, identifier: str) -> Json:
    """Its movements, newest first."""
    customers.living(act, identifier)
    url = f"/v1/customers/{identifier}/balance_transactions"
    return listing.listed(act, _KIND, url, ("invoice",), customer=identifier)


def move(act: Act, customer: Json, amount: int, kind: str, invoice: Json) -> None:
    """Change the balance by `amount` on account of an invoice; nothing is written for nothing."""
    if not amount:
        return
    before = customer["balance"]
    customer["balance"] += amount
    act.save("customers", customer)
    act.save(
        _KIND,
        {
            "id": random_id("cbtxn"),
            "object": "customer_balance_transaction",
            "amount": amount,
            "created": act.now,
            "credit_note": None,
            "currency": invoice["currency"],
            "customer": customer["id"],
            "customer_account": None,
            "description": None,
            "ending_balance": customer["balance"],
            "invoice": invoice["id"],
            "livemode": False,
            "metadata": {},
            "type": kind,
        },
    )
    act.emit("customer.updated", customer, {"balance": before})
