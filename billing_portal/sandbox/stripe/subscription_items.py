"""What a subscription is of: prices and how many of each. https://docs.stripe.com/api/subscription_items"""

from typing import Any

from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.problems import Invalid, Problem, missing
from billing_portal.sandbox.stripe.prorating import full, half_up

_KNOWN = ("id", "price", "quantity", "deleted", "metadata")
MOST = 20


def chosen(act: Act, asked: Any, now: list[Json], *, param: str = "items") -> list[Json]:
    """The items as `items[]` asks for them, from those there are `now`: with an id changed or deleted, else added.

    New ones have no period yet. Raises Problem when they do not go together.
    """
    if not isinstance(asked, list):
        raise Invalid("Invalid array", param=param)
    items = {item["id"]: item for item in now}
    for number, wanted in enumerate(asked):
        where = f"{param}[{number}]"
        if not isinstance(wanted, dict):
            raise Invalid("Invalid object", param=where)
        given.refuse_unknown(wanted, _KNOWN, within=where)
        identifier = given.text(wanted, "id")
        if identifier is None:
            added = _new(act, wanted, where)
            items[added["id"]] = added
        elif identifier not in items:
            raise missing("subscription item", identifier, param=f"{where}[id]", status=400)
        elif given.flag(wanted, "deleted"):
            del items[identifier]
        else:
            items[identifier] = _changed(act, items[identifier], wanted, where)
    _check(list(items.values()), param)
    return list(items.values())


def listed(subscription_id: str, items: list[Json]) -> Json:
    """The list that a subscription shows."""
    return {
        "object": "list",
        "data": items,
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription_id}",
    }


def new_id() -> str:
    """An id for an item."""
    return random_id("si", 14)


def of(subscription: Json) -> list[Json]:
    """Its items."""
    found: list[Json] = subscription["items"]["data"]
    return found


def each_period(subscription: Json) -> int:
    """What a period costs, before discounts."""
    return sum(half_up(full(item["price"]["unit_amount_decimal"], item["quantity"])) for item in of(subscription))


def same(one: Json, other: Json) -> bool:
    """Whether they are of one price and quantity."""
    return bool(one["price"]["id"] == other["price"]["id"] and one["quantity"] == other["quantity"])


def with_price(item: Json, price: Json) -> Json:
    """The item, of another price."""
    return {**item, "price": shown(price), "plan": _plan(price)}


def _new(act: Act, wanted: Json, where: str) -> Json:
    price = _price(act, given.required(wanted, "price"), where)
    item: Json = {
        "id": new_id(),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": act.now,
        "current_period_end": 0,
        "current_period_start": 0,
        "discounts": [],
        "metadata": given.metadata(wanted),
        "quantity": _quantity(wanted, 1, where),
        "subscription": "",
        "tax_rates": [],
    }
    return with_price(item, price)


def _changed(act: Act, item: Json, wanted: Json, where: str) -> Json:
    changed = {
        **item,
        "quantity": _quantity(wanted, item["quantity"], where),
        "metadata": given.metadata(wanted, item["metadata"]),
    }
    identifier = given.text(wanted, "price")
    if identifier is None or identifier == item["price"]["id"]:
        return changed
    return with_price(changed, _price(act, identifier, where))


def _price(act: Act, identifier: Any, where: str) -> Json:
    price = act.fetch("prices", identifier, param=f"{where}[price]")
    if not price["active"]:
        raise Problem(
            f"The price specified is inactive. This field only accepts active prices: {price['id']}",
            param=f"{where}[price]",
        )
    if price["type"] != "recurring":
        raise Problem(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=f"{where}[price]",
        )
    return price


def _quantity(wanted: Json, default: int, where: str) -> int:
    quantity = given.integer(wanted, "quantity") if "quantity" in wanted else default
    if quantity is None or quantity < 0:
        raise Invalid(
            "This value must be greater than or equal to 0.",
            code="parameter_invalid_integer",
            param=f"{where}[quantity]",
        )
    return quantity


def _check(items: list[Json], param: str) -> None:
    if not items or len(items) > MOST:
        raise Problem(f"A subscription has from 1 to {MOST} items.", param=param)
    if len({item["price"]["id"] for item in items}) < len(items):
        raise Problem("Cannot add multiple subscription items with the same price.", param=param)
    if len({item["price"]["currency"] for item in items}) > 1:
        raise Problem("All prices on a subscription must be in one currency.", param=param)
    periods = {(item["price"]["recurring"]["interval"], item["price"]["recurring"]["interval_count"]) for item in items}
    if len(periods) > 1:
        # Stripe's mixed intervals are not rebuilt here.
        raise Problem("All prices on a subscription must have the same `recurring.interval`.", param=param)


def _plan(price: Json) -> Json:
    """The price in the shape that it had before 2020, which Stripe still shows beside it."""
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
