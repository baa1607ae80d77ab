"""What an object shows only when `expand[]` asks for it. https://docs.stripe.com/expand#includable-properties"""

from collections.abc import Callable

from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown


def _payments(act: Act, invoice: Json) -> Json:
    found = [shown(payment) for payment in reversed(act.books.find("invoice_payments", invoice=invoice["id"]))]
    url = f"/v1/invoice_payments?invoice={invoice['id']}"
    return {"object": "list", "data": found, "has_more": False, "url": url}


def _confirmation_secret(act: Act, invoice: Json) -> Json | None:
    """With it Stripe.js confirms the invoice's payment; there is none when nothing waits to be paid."""
    payments = act.books.find("invoice_payments", invoice=invoice["id"], status="open")
    if not payments or invoice["status"] != "open":
        return None
    intent = act.fetch("payment_intents", payments[-1]["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _currency_options(_: Act, price: Json) -> Json:
    """A price has its own currency only."""
    names = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {name: price[name] for name in names}}


def _nothing(_: Act, __: Json) -> None:
    """A price without tiers, a coupon for every product."""


# What an object shows only when it is asked for.
SHOWN: dict[tuple[str, str], Callable[[Act, Json], Json | None]] = {
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("price", "currency_options"): _currency_options,
    ("price", "tiers"): _nothing,
    ("coupon", "applies_to"): _nothing,
}
