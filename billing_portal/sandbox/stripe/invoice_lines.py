"""Lines of an invoice: what each is for, which price and which period. https://docs.stripe.com/api/invoice-line-item/object

A line is drawn up without an id, for a preview and for an invoice alike: `numbered` makes it an invoice's own.
"""

from datetime import UTC, datetime

from billing_portal.sandbox.stripe import amounts
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id
from billing_portal.sandbox.stripe.prorating import Debit, credit, full, half_up


def whole_period(act: Act, subscription: Json, item: Json, start: int, end: int) -> Json:
    """A full period, in advance."""
    price = item["price"]
    amount = half_up(full(price["unit_amount_decimal"], item["quantity"]))
    every = _every(price)
    described = f"{item['quantity']} × {_name(act, price)} (at {_each(price)} / {every})"
    return _line(subscription, item, amount, start, end, described)


def free(act: Act, subscription: Json, item: Json, start: int, end: int) -> Json:
    """The time of a trial, which costs nothing."""
    return _line(subscription, item, 0, start, end, f"Trial period for {_name(act, item['price'])}")


def unused(act: Act, subscription: Json, item: Json, debit: Debit, at: int) -> Json:
    """The credit for what was paid and is not used."""
    described = f"Unused time on {_many(act, item)} after {_day(at)}"
    start = max(at, debit.start)
    return _line(subscription, item, credit(debit, at), start, debit.end, described, proration=True)


def remaining(act: Act, subscription: Json, item: Json, amount: int, at: int, end: int) -> Json:
    """What the rest of the period costs."""
    described = f"Remaining time on {_many(act, item)} after {_day(at)}"
    return _line(subscription, item, amount, at, end, described, proration=True)


def numbered(line: Json, invoice_id: str) -> Json:
    """The same line as the invoice's own."""
    parent = line["parent"]
    details = dict(parent["subscription_item_details"])
    if details["proration"] and details["invoice_item"] is None:
        details["invoice_item"] = random_id("ii")
    return {
        **line,
        "id": random_id("il"),
        "invoice": invoice_id,
        "parent": {**parent, "subscription_item_details": details},
    }


def debit_of(line: Json) -> Debit:
    """What a line debits, after its discounts."""
    off = sum(each["amount"] for each in line["discount_amounts"])
    return Debit(
        amount=line["amount"] - off,
        start=line["period"]["start"],
        end=line["period"]["end"],
        price=line["pricing"]["price_details"]["price"],
        quantity=line["quantity"],
    )


def _line(
    subscription: Json, item: Json, amount: int, start: int, end: int, described: str, *, proration: bool = False
) -> Json:
    price = item["price"]
    return {
        "id": "",
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": described,
        "discount_amounts": [],
        # Prorations include their discounts already.
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": dict(subscription["metadata"]),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": end, "start": start},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def _name(act: Act, price: Json) -> str:
    return str(act.fetch("products", price["product"])["name"])


def _many(act: Act, item: Json) -> str:
    name = _name(act, item["price"])
    return name if item["quantity"] == 1 else f"{item['quantity']} × {name}"


def _each(price: Json) -> str:
    if price["unit_amount"] is None:
        return f"{price['unit_amount_decimal']} {price['currency']}"
    return amounts.shown(price["unit_amount"], price["currency"]).removesuffix(" usd")


def _every(price: Json) -> str:
    count, interval = price["recurring"]["interval_count"], price["recurring"]["interval"]
    return str(interval) if count == 1 else f"every {count} {interval}s"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%d %b %Y}"
