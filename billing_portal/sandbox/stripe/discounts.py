"""Discounts: a coupon in use by a subscription, from its start to its end. https://docs.stripe.com/api/discounts"""

from fractions import Fraction

from billing_portal.sandbox.stripe import coupons, intervals
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id
from billing_portal.sandbox.stripe.problems import Invalid, Problem
from billing_portal.sandbox.stripe.prorating import half_up


def chosen(act: Act, subscription: Json) -> list[str]:
    """The ids of new discounts, one for each coupon in `discounts[]`; they are saved."""
    asked = act.params.get("discounts") or []
    if not isinstance(asked, list):
        raise Invalid("Invalid array", param="discounts")
    return [_make(act, subscription, number, each)["id"] for number, each in enumerate(asked)]


def living(act: Act, subscription: Json, at: int) -> list[tuple[str, Json]]:
    """The discounts that count at an instant: each one's id and its coupon."""
    found = [act.fetch("discounts", identifier) for identifier in subscription["discounts"]]
    return [
        (each["id"], coupons.kept(act, each["source"]["coupon"]))
        for each in found
        if each["end"] is None or at < each["end"]
    ]


def shares(amounts: list[int], coupon: Json) -> list[int]:
    """What a coupon takes off each line: its percentage of it, or its part of the amount by largest remainder."""
    if coupon["percent_off"] is not None:
        ratio = Fraction(str(coupon["percent_off"])) / 100
        return [half_up(amount * ratio) for amount in amounts]
    total = sum(amounts)
    off = min(coupon["amount_off"], total)
    if not total:
        return [0] * len(amounts)
    floors = [amount * off // total for amount in amounts]
    by_rest = sorted(range(len(amounts)), key=lambda n: -(amounts[n] * off % total))
    for number in by_rest[: off - sum(floors)]:
        floors[number] += 1
    return floors


def ratio_left(whole: Fraction, found: list[tuple[str, Json]]) -> Fraction:
    """What is left of a whole period's price under these discounts, as a share of it: prorations include discounts.

    https://docs.stripe.com/billing/subscriptions/prorations#prorations-and-discounts
    """
    left = whole
    for _, coupon in found:
        if coupon["percent_off"] is not None:
            left *= 1 - Fraction(str(coupon["percent_off"])) / 100
        else:
            left = max(Fraction(0), left - coupon["amount_off"])
    return left / whole if whole else Fraction(0)


def use(act: Act, subscription: Json, used: list[str], at: int) -> None:
    """After an invoice: a discount for once is used up, one that has ended goes."""
    over = {
        identifier
        for identifier in subscription["discounts"]
        if (identifier in used and _duration(act, identifier) == "once")
        or ((end := act.fetch("discounts", identifier)["end"]) is not None and end <= at)
    }
    subscription["discounts"] = [each for each in subscription["discounts"] if each not in over]


def _duration(act: Act, identifier: str) -> str:
    return str(coupons.kept(act, act.fetch("discounts", identifier)["source"]["coupon"])["duration"])


def _make(act: Act, subscription: Json, number: int, asked: Json) -> Json:
    where = f"discounts[{number}]"
    given.refuse_unknown(asked, ("coupon", "discount"), within=where)
    if kept := given.text(asked, "discount"):
        return act.fetch("discounts", kept, param=f"{where}[discount]")
    coupon = coupons.fetch(act, given.required(asked, "coupon"), param=f"{where}[coupon]")
    if coupon["currency"] not in (None, subscription["currency"]):
        raise Problem(
            f"The coupon {coupon['id']} is in {coupon['currency']}, the subscription in {subscription['currency']}.",
            param=f"{where}[coupon]",
        )
    months = coupon["duration_in_months"]
    month = {"interval": "month", "interval_count": 1}
    discount: Json = {
        "id": random_id("di"),
        "object": "discount",
        "checkout_session": None,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": intervals.boundary(act.now, month, months) if months else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": act.now,
        "subscription": subscription["id"],
        "subscription_item": None,
    }
    coupon["times_redeemed"] += 1
    act.save("coupons", coupon)
    act.save("discounts", discount)
    act.emit("customer.discount.created", discount)
    return discount
