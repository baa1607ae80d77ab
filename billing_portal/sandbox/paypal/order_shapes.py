"""How an order is asked for: its body, and whether its sums are right.

https://developer.paypal.com/docs/api/orders/v2/#orders_create
"""

from collections.abc import Mapping
from typing import Any

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.shapes import URL, Amount, Anything, Group, Many, Text, paid

_PLUS = ("item_total", "tax_total", "shipping", "handling", "insurance")
_MINUS = ("shipping_discount", "discount")
AMOUNT = Amount(dict.fromkeys((*_PLUS, *_MINUS), Amount()))
_EXPERIENCE = {
    "brand_name": Text(127),
    "locale": Text(10, 2),
    "landing_page": Text(13),
    "shipping_preference": Text(24, choices=("GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS")),
    "user_action": Text(8, choices=("CONTINUE", "PAY_NOW")),
    "return_url": URL,
    "cancel_url": URL,
}
_WALLET = Group(
    {
        "experience_context": Group(
            {
                **_EXPERIENCE,
                "payment_method_preference": Text(255, choices=("UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED")),
            }
        ),
        "email_address": Text(254, 3),
        "name": Anything(),
    }
)
_ITEM = Group(
    {
        "name": Text(127),
        "unit_amount": Amount(),
        "tax": Amount(),
        "quantity": Text(10, pattern="[1-9][0-9]*"),
        "description": Text(127),
        "sku": Text(127),
        "category": Text(20, choices=("DIGITAL_GOODS", "PHYSICAL_GOODS")),
    },
    ("name", "unit_amount", "quantity"),
)
UNIT_TEXTS = {
    "reference_id": Text(256),
    "description": Text(127),
    "custom_id": Text(127),
    "invoice_id": Text(127),
    "soft_descriptor": Text(22),
}
ORDER = Group(
    {
        "intent": Text(choices=("CAPTURE", "AUTHORIZE")),
        "purchase_units": Many(Group({**UNIT_TEXTS, "amount": AMOUNT, "items": Many(_ITEM, 0, 100)}, ("amount",))),
        "payment_source": Group({"paypal": _WALLET}),
        "application_context": Group({**_EXPERIENCE, "payment_method": Anything()}),
    },
    ("intent", "purchase_units"),
)


def experience(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where the payer returns to, and how the page greets: of the wallet, else of the older context."""
    wallet = body.get("payment_source", {}).get("paypal", {}).get("experience_context")
    found: Mapping[str, Any] = wallet or body.get("application_context") or {}
    return found


def check_units(act: Act, units: list[Json]) -> None:
    """Raise Problem (422) when units can't be told apart, mix currencies, or their sums are wrong."""
    names = [unit.get("reference_id") for unit in units]
    if len(units) > 1 and None in names:
        raise act.refuse(422, "REFERENCE_ID_REQUIRED", field="/purchase_units")
    if len(set(names)) < len(names):
        raise act.refuse(422, "DUPLICATE_REFERENCE_ID", field="/purchase_units")
    if len({unit["amount"]["currency_code"] for unit in units}) > 1:
        raise act.refuse(422, "MULTI_CURRENCY_ORDER", field="/purchase_units")
    for number, unit in enumerate(units):
        check_unit(act, unit, f"/purchase_units/{number}")


def check_unit(act: Act, unit: Json, where: str) -> None:
    """Raise Problem (422) when the amount can't be paid, or is not what its parts come to."""
    total = paid(act, unit["amount"], f"{where}/amount")
    parts = unit["amount"].get("breakdown", {})
    sums = {name: paid(act, part, f"{where}/amount/breakdown/{name}", zero=True) for name, part in parts.items()}
    if sums and total != sum(sums.get(name, 0) for name in _PLUS) - sum(sums.get(name, 0) for name in _MINUS):
        raise act.refuse(422, "AMOUNT_MISMATCH", field=f"{where}/amount/value", value=unit["amount"]["value"])
    items = unit.get("items") or []
    if not items:
        return
    if "item_total" not in sums:
        raise act.refuse(422, "ITEM_TOTAL_REQUIRED", field=f"{where}/amount/breakdown/item_total")
    asked = sum(
        paid(act, item["unit_amount"], f"{where}/items/{n}/unit_amount", zero=True) * int(item["quantity"])
        for n, item in enumerate(items)
    )
    if asked != sums["item_total"]:
        raise act.refuse(422, "ITEM_TOTAL_MISMATCH", field=f"{where}/amount/breakdown/item_total")
