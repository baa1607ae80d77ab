"""How a line's amount came about, from the data kept on the line.

`explain` is for who pays: the sum in rows, and its rules in sentences. `facts_of` is for who checks: every fact that is
kept, one by one. Both write a figure the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing_portal.kit.display.amounts import MINUS, money_text, number_text, unit_price_text
from billing_portal.kit.display.counting import count_text, rounding_text
from billing_portal.kit.display.dates import long_text, month_text
from billing_portal.kit.money import Money, exponent
from payments.explaining_coupons import coupon_facts, coupon_rows, coupon_rules
from payments.explaining_seats import EQUALS, TIMES, part_rows, seats_rows, seats_rules
from payments.models import InvoiceLine

_KINDS = {"toll_free": "toll-free"}
# The facts by name, in the order of the sum.
_LABELS = {
    "records": "Records",
    "used": "Charged for",
    "seats": "Seats",
    "includedPerSeat": "Included for a seat",
    "perSeat": "Price of a seat",
    "cycle": "Paid",
    "since": "From",
    "secondsLeft": "Seconds left of the period",
    "periodSeconds": "Seconds of the period",
    "coveredSeconds": "Seconds under these terms",
    "monthSeconds": "Seconds of the month",
    "included": "Included",
    "overageOfAll": "Beyond, with what came late",
    "billedBefore": "Of it billed before",
    "overage": "Beyond",
    "unitAmount": "Price of a unit",
    "exact": f"Beyond {TIMES} price",
    "amount": "Rounded once",
    "termsSince": "Terms since",
}
# The line itself says these, in its title, its unit and its period.
_SAID_BY_THE_LINE = {"kind", "month", "meter", "rateClass", "unit", "currency"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`rows` are of parts/formula.html, `rules` sentences; `records` says whether calls behind it can be listed."""

    rows: list[dict[str, str]]
    rules: list[str]
    records: bool


def explain(line: InvoiceLine, currency: str) -> Explanation:
    """A line made from usage, seats or a coupon opens to its whole sum; any other to quantity × price."""
    how = line.derivation
    if how.get("kind") == "coupon":
        return Explanation(coupon_rows(how), coupon_rules(how), records=False)
    if how.get("kind") == "seats":
        return Explanation(seats_rows(how), seats_rules(how), records=False)
    if how.get("kind") == "proration":
        return Explanation(part_rows(how), seats_rules(how), records=False)
    if how.get("kind") not in ("overage", "adjustment"):
        return Explanation(_plain_rows(line, currency), [], records=False)
    return Explanation([*_quantity_rows(how), *_amount_rows(how)], _rules(how), records=True)


def facts_of(line: InvoiceLine, currency: str) -> list[tuple[str, str]]:
    """Label and value, down to the amount. What is not kept on the line is left out, what has no label comes last."""
    how: dict[str, Any] = dict(line.derivation)
    if how.get("kind") == "coupon":
        return coupon_facts(how)
    rounding, plan, version = how.pop("rounding", None), how.pop("plan", None), how.pop("planVersion", None)
    facts = [
        (label, "without limit" if (value := how.pop(name)) is None else _figure(name, value, currency))
        for name, label in _LABELS.items()
        if name in how
    ]
    if plan:
        facts.append(("Terms", f"{plan}, version {version}"))
    if rounding:
        facts.append(("A call is charged for", _seconds(**rounding)))
    return [*facts, *((name, str(value)) for name, value in sorted(how.items()) if name not in _SAID_BY_THE_LINE)]


def _figure(name: str, value: Any, currency: str) -> str:
    """A kept value in its unit: a price, an amount, an instant, else a count."""
    if name in ("unitAmount", "exact", "perSeat"):
        return unit_price_text(Decimal(value), currency)
    if name == "amount":
        return money_text(Money(value, currency))
    return str(value) if name in ("termsSince", "since", "cycle") else number_text(Decimal(value))


def _seconds(initial: int, increment: int, free_below: int) -> str:
    """The plan's rounding in its own terms."""
    text = f"{initial} s at least, then each {increment} s"
    return f"{text}; nothing below {free_below} s" if free_below else text


def _plain_rows(line: InvoiceLine, currency: str) -> list[dict[str, str]]:
    return [
        {"label": line.title, "value": number_text(line.quantity)},
        {"op": TIMES, "label": "Price", "value": unit_price_text(line.unit_amount, currency)},
        {"op": EQUALS, "label": "Amount", "value": money_text(Money(line.amount_minor, currency))},
    ]


def _quantity_rows(how: dict[str, Any]) -> list[dict[str, str]]:
    """Used − included = over; for an adjustment − billed before = more."""
    kind, units, month = _kind(how), f"{how['unit']}s", month_text(how["month"]).split("\N{NO-BREAK SPACE}")[0]

    def figure(name: str) -> str:
        return _figure(name, how[name], how["currency"])

    rows = [
        {
            "label": f"{kind.capitalize()} {units} in {month}",
            "note": f"{count_text(int(how['records']), 'call')}, {rounding_text(**how['rounding'])}",
            "value": figure("used"),
        }
    ]
    over = figure("overageOfAll" if "overageOfAll" in how else "overage")
    if Decimal(how["included"] or 0):
        rows += [
            {"op": MINUS, "label": "Included", "note": _included(how), "value": figure("included")},
            {"op": EQUALS, "label": f"{units.capitalize()} over the allowance", "value": over},
        ]
    if how["kind"] == "adjustment":
        rows += [
            {
                "op": MINUS,
                "label": "Billed before",
                "note": f"when {month} was closed",
                "value": figure("billedBefore"),
            },
            {"op": EQUALS, "label": f"{units.capitalize()} to bill now", "value": figure("overage")},
        ]
    return rows


def _amount_rows(how: dict[str, Any]) -> list[dict[str, str]]:
    currency = how["currency"]
    exact = Decimal(how["exact"])
    note = "" if exact == how["amount"] else f"{_exact(exact, currency)}, rounded once"
    article = "an" if _kind(how)[0] in "aeiou" else "a"
    return [
        {
            "op": TIMES,
            "label": f"Price of {article} {_kind(how)} {how['unit']}",
            "value": _figure("unitAmount", how["unitAmount"], currency),
        },
        {"op": EQUALS, "label": "Amount", "note": note, "value": _figure("amount", how["amount"], currency)},
    ]


def _exact(minor: Decimal, currency: str) -> str:
    """All of its digits up to six; what has more says 'about'."""
    text = _figure("exact", minor, currency)
    places = len(f"{minor.scaleb(-exponent(currency)).normalize():f}".partition(".")[2])
    return f"about {text}" if places > 6 else text


def _included(how: dict[str, Any]) -> str:
    """'12 seats × 500, pooled', and the share of the month when the terms covered a part of it."""
    seats = int(how["seats"])
    text = f"{count_text(seats, 'seat')} {TIMES} {number_text(Decimal(how['includedPerSeat']))}"
    if how["coveredSeconds"] != how["monthSeconds"]:
        return f"{text} {TIMES} {_share(how)} of the month"
    return f"{text}, pooled" if seats > 1 else text


def _share(how: dict[str, Any]) -> str:
    """'15/30' in days where both are whole days, else as a fraction of seconds."""
    covered, whole = int(how["coveredSeconds"]), int(how["monthSeconds"])
    if covered % 86_400 == 0 and whole % 86_400 == 0:
        return f"{covered // 86_400}/{whole // 86_400}"
    share = Fraction(covered, whole) * 100
    return f"{number_text((Decimal(share.numerator) / Decimal(share.denominator)).quantize(Decimal('0.0001')))}%"


def _rules(how: dict[str, Any]) -> list[str]:
    rules = []
    if Decimal(how["included"] or 0):
        rules.append(f"Calls use the allowance in the order they start. Only {_kind(how)} calls count against it.")
    else:
        rules.append(f"The plan includes no {_kind(how)} {how['unit']}s: each is charged.")
    if how["kind"] == "adjustment":
        rules.append(
            f"These calls reached us after {month_text(how['month'])} was closed."
            " They are billed here, at that month's terms."
        )
    if how["coveredSeconds"] != how["monthSeconds"] and Decimal(how["included"] or 0):
        rules.append(
            f"The terms were in force for {int(how['coveredSeconds']):,} of the month's"
            f" {int(how['monthSeconds']):,} seconds, and so much of the allowance was included."
        )
    rules.append("The amount is rounded once, at the end, halves up.")
    since = long_text(datetime.fromisoformat(how["termsSince"]))
    rules.append(f"Terms: {how['plan']}, version {how['planVersion']}, in force since {since}.")
    return rules


def _kind(how: dict[str, Any]) -> str:
    return _KINDS.get(how["rateClass"], how["rateClass"])
