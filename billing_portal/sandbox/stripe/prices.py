"""Prices: what a product costs, once or each period; an amount is never changed. https://docs.stripe.com/api/prices"""

from decimal import Decimal, InvalidOperation

from billing_portal.sandbox.stripe import amounts, listing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.problems import Invalid, Problem
from billing_portal.sandbox.stripe.routing import route

INTERVALS = ("day", "week", "month", "year")
_URL = "/v1/prices"
_WORDS = "active lookup_key metadata nickname tax_behavior transfer_lookup_key"
_MOST_PLACES = 12
# https://docs.stripe.com/api/prices/create: a period is three years long at most.
_LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}


@route("POST", _URL, f"currency product unit_amount unit_amount_decimal recurring {_WORDS}")
def create(act: Act) -> Json:
    """Make one."""
    currency = str(given.required(act.params, "currency")).lower()
    if currency not in amounts.CURRENCIES:
        raise Invalid(f"Invalid currency: {currency}.", param="currency")
    product = act.fetch("products", given.required(act.params, "product"), param="product")
    amount = _amount(act)
    recurring = _recurring(act)
    price: Json = {
        "id": random_id("price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": act.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product["id"],
        "recurring": recurring,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": int(amount) if amount == int(amount) else None,
        "unit_amount_decimal": f"{amount.normalize():f}",
    }
    _change(act, price)
    act.save("prices", price)
    act.emit("price.created", price)
    return shown(price)


@route("GET", _URL, f"active currency lookup_keys product type {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first; `lookup_keys` finds those that hold one of these keys."""
    fixed: Json = {"active": given.flag(act.params, "active")} if "active" in act.params else {}
    keys = act.params.get("lookup_keys")
    only = {price["id"] for price in act.books.find("prices") if price["lookup_key"] in keys} if keys else None
    return listing.listed(act, "prices", _URL, ("product", "currency", "type"), only=only, **fixed)


@route("GET", _URL + "/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(act.fetch("prices", identifier))


@route("POST", _URL + "/{id}", _WORDS)
def update(act: Act, identifier: str) -> Json:
    """Change its words, or take it from sale: subscriptions that have it keep it."""
    price = act.fetch("prices", identifier)
    before = dict(price)
    _change(act, price)
    act.save("prices", price)
    act.emit_changes("price.updated", price, before)
    return shown(price)


def _amount(act: Act) -> Decimal:
    whole, exact = act.params.get("unit_amount"), given.text(act.params, "unit_amount_decimal")
    if (whole is None) == (exact is None):
        raise Invalid(
            "You must specify either `unit_amount` or `unit_amount_decimal`, and not both.", param="unit_amount"
        )
    if exact is None:
        amount = Decimal(given.integer(act.params, "unit_amount") or 0)
    else:
        try:
            amount = Decimal(exact)
        except InvalidOperation:
            raise Invalid(f"Invalid decimal: {exact}", param="unit_amount_decimal") from None
        if amount != round(amount, _MOST_PLACES):
            raise Invalid("Invalid decimal: at most 12 decimal places.", param="unit_amount_decimal")
    if not 0 <= amount <= amounts.LARGEST:
        raise Invalid(f"Invalid integer: {amount}", code="parameter_invalid_integer", param="unit_amount")
    return amount


def _recurring(act: Act) -> Json | None:
    asked = given.group(act.params, "recurring", ("interval", "interval_count", "usage_type"))
    if not asked:
        return None
    given.required(asked, "interval")
    interval = given.choice(asked, "interval", INTERVALS) or ""
    count = given.integer(asked, "interval_count") or 1
    if not 1 <= count <= _LONGEST[interval]:
        raise Invalid("interval_count is too large: the longest period is 3 years.", param="recurring[interval_count]")
    given.choice(asked, "usage_type", ("licensed",))
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _change(act: Act, price: Json) -> None:
    price["active"] = given.flag(act.params, "active", default=price["active"])
    if "nickname" in act.params:
        price["nickname"] = given.text(act.params, "nickname")
    price["tax_behavior"] = given.choice(
        act.params, "tax_behavior", ("exclusive", "inclusive", "unspecified"), price["tax_behavior"]
    )
    price["metadata"] = given.metadata(act.params, price["metadata"])
    if key := given.text(act.params, "lookup_key"):
        _take_key(act, price, key)


def _take_key(act: Act, price: Json, key: str) -> None:
    """A lookup key belongs to one price. `transfer_lookup_key` takes it from the one that has it."""
    holders = [each for each in act.books.find("prices", lookup_key=key) if each["id"] != price["id"]]
    if holders and not given.flag(act.params, "transfer_lookup_key"):
        raise Problem(
            f"A price (`{holders[0]['id']}`) already uses that lookup key.",
            code="resource_already_exists",
            param="lookup_key",
        )
    for holder in holders:
        holder["lookup_key"] = None
        act.save("prices", holder)
        act.emit("price.updated", holder, {"lookup_key": key})
    price["lookup_key"] = key
