"""The words for usage: kinds, queues, countries, rounding, and the sums in a sentence."""

from __future__ import annotations

from decimal import Decimal

from babel import Locale

from billing_portal.kit.display.amounts import money_text, number_text, unit_price_text
from billing_portal.kit.display.counting import rounding_text
from billing_portal.kit.money import Money
from subscriptions.terms import Rounding, Terms
from usage.days import Share
from usage.meters import CALL_MINUTES, RATE_CLASS_TITLES
from usage.summary import ClassSoFar

# The class of a kind's colour, in charts, meters and legends.
LOOKS = {"outbound": "out", "inbound": "in", "toll_free": "toll"}
NOT_NAMED = {"queue": "No queue named", "agent": "No agent named", "country": "No country named"}
REST = {"queue": "All other queues", "agent": "All other agents", "country": "All other countries"}
_COUNTRIES = Locale("en", "US").territories


def look(rate_class: str) -> str:
    return LOOKS.get(rate_class, "out")


def shown(minutes: Decimal) -> str:
    """Minutes for reading: at most two places; what is billed keeps all of its own."""
    return number_text(minutes.quantize(Decimal("0.01")))


def about(minutes: Decimal) -> str:
    """An expectation, in whole minutes."""
    return number_text(minutes.quantize(Decimal(1)))


def kind_name(each: ClassSoFar) -> str:
    """'outbound minutes'."""
    return f"{each.title.lower()} {each.unit}s"


def meter_sentence(each: ClassSoFar, *, by_the_end: str = "") -> str:
    """What the meter's picture shows. `by_the_end` is the day that the pace is reckoned for, while the month runs."""
    assert each.included is not None
    parts = [f"{shown(each.used)} of {shown(each.included)} included {kind_name(each)} used"]
    if each.overage:
        parts = [
            f"{shown(each.used)} {kind_name(each)} used, {shown(each.included)} included, {shown(each.overage)} over"
        ]
    if by_the_end and each.pace > each.used:
        parts.append(f"at this pace {about(each.pace)} by {by_the_end}")
    return "; ".join(parts) + "."


def included_text(each: ClassSoFar) -> str:
    if each.included is None:
        return "no limit"
    return shown(each.included) if each.included else "none"


def price_sentence(each: ClassSoFar, amount: int, currency: str) -> str:
    """Below a kind's figure: what it costs, and why."""
    money = money_text(Money(amount, currency))
    if each.included is None:
        return f"{money}, included without limit"
    price = unit_price_text(each.unit_amount, currency)
    if not each.included:
        return f"{money} at {price} each"
    if each.overage:
        return f"{money} for {shown(each.overage)} over, at {price} each"
    return f"{money}, within the {shown(each.included)} included"


def pooled_sentence(terms: Terms, rate_class: str, *, whole_month: bool) -> str:
    """'12 × 500 minutes, pooled'; of a part of the month, the part."""
    per_seat = terms.allowances.get((CALL_MINUTES.name, rate_class))
    if not per_seat:
        return f"on {terms.plan_name}"
    text = f"{terms.seats} × {number_text(per_seat)} minutes"
    return f"{text}, pooled" if whole_month else f"{text}, for a part of the month"


def rounding_sentence(rounding: Rounding) -> str:
    """How a call's length becomes the minutes that count."""
    return rounding_text(rounding.initial, rounding.increment, rounding.free_below).replace("each ", "each call ", 1)


def share_name(share: Share, by: str) -> str:
    if share.name is None:
        return NOT_NAMED[by]
    if share.name == "":
        return REST[by]
    return _COUNTRIES.get(share.name.upper(), share.name) if by == "country" else share.name


def class_title(rate_class: str) -> str:
    return RATE_CLASS_TITLES.get(rate_class, rate_class)
