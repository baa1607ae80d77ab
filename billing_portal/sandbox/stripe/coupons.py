"""Coupons: what may be taken off an invoice, how much and for how long. https://docs.stripe.com/api/coupons"""

from typing import Any

from billing_portal.sandbox.stripe import amounts, listing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.problems import Invalid, Problem, missing
from billing_portal.sandbox.stripe.routing import route

DURATIONS = ("once", "repeating", "forever")
_URL = "/v1/coupons"


@route("POST", _URL, "id amount_off currency percent_off duration duration_in_months metadata name")
def create(act: Act) -> Json:
    """Make one."""
    identifier = given.text(act.params, "id") or random_id("", 8).strip("_")
    if _living(act, identifier):
        raise Problem("Coupon already exists.", code="resource_already_exists", param="id")
    duration = given.choice(act.params, "duration", DURATIONS, "once")
    months = given.integer(act.params, "duration_in_months")
    if (duration == "repeating") != bool(months):
        raise Invalid("duration_in_months belongs to duration=repeating.", param="duration_in_months")
    off, percent, currency = _off(act)
    coupon: Json = {
        "id": identifier,
        "object": "coupon",
        "amount_off": off,
        "created": act.now,
        "currency": currency,
        "duration": duration,
        "duration_in_months": months,
        "livemode": False,
        "max_redemptions": None,
        "metadata": given.metadata(act.params),
        "name": given.text(act.params, "name"),
        "percent_off": percent,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
        # Its own id may be a product's too, and the books know each id once.
        "_key": _key(identifier),
    }
    act.save("coupons", coupon)
    act.emit("coupon.created", coupon)
    return shown(coupon)


@route("GET", _URL, listing.PAGING)
def listed(act: Act) -> Json:
    """All that were not deleted."""
    return listing.listed(act, "coupons", _URL, _deleted=None)


@route("GET", _URL + "/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(fetch(act, identifier))


@route("POST", _URL + "/{id}", "metadata name")
def update(act: Act, identifier: str) -> Json:
    """Change its words."""
    coupon = fetch(act, identifier)
    if "name" in act.params:
        coupon["name"] = given.text(act.params, "name")
    coupon["metadata"] = given.metadata(act.params, coupon["metadata"])
    act.save("coupons", coupon)
    act.emit("coupon.updated", coupon)
    return shown(coupon)


@route("DELETE", _URL + "/{id}")
def delete(act: Act, identifier: str) -> Json:
    """Nobody can use it any more; who has it keeps it."""
    coupon = fetch(act, identifier)
    coupon |= {"_deleted": True, "valid": False}
    act.save("coupons", coupon)
    act.emit("coupon.deleted", coupon)
    return {"id": identifier, "object": "coupon", "deleted": True}


def fetch(act: Act, identifier: Any, *, param: str | None = None) -> Json:
    """The coupon, unless it was deleted. Raises Problem (resource_missing)."""
    found = _living(act, str(identifier))
    if found is None:
        raise missing("coupon", str(identifier), param=param or "coupon", status=400 if param else 404)
    return found


def kept(act: Act, identifier: str) -> Json:
    """The coupon of a discount, deleted or not."""
    return act.fetch("coupons", _key(identifier))


def _living(act: Act, identifier: str) -> Json | None:
    found = act.books.get("coupons", _key(identifier))
    return None if found is None or found.get("_deleted") else found


def _key(identifier: str) -> str:
    return f"coupon:{identifier}"


def _off(act: Act) -> tuple[int | None, float | None, str | None]:
    off, percent = given.integer(act.params, "amount_off"), given.text(act.params, "percent_off")
    if (off is None) == (percent is None):
        raise Invalid("Must provide percent_off or amount_off, and not both.", param="percent_off")
    if percent is not None:
        try:
            share = float(percent)
        except ValueError:
            raise Invalid(f"Invalid decimal: {percent}", param="percent_off") from None
        if not 0 < share <= 100:
            raise Invalid("Invalid percent_off: must be greater than 0 and at most 100.", param="percent_off")
        return None, share, None
    currency = str(given.required(act.params, "currency")).lower()
    if currency not in amounts.CURRENCIES or (off or 0) < 1:
        raise Invalid("amount_off is positive, in a currency that is known.", param="amount_off")
    return off, None, currency
