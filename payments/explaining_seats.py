"""How the price of seats came about: of a whole period, or of what was left of one when the subscription changed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing_portal.kit.display.amounts import money_text, number_text, unit_price_text
from billing_portal.kit.display.dates import long_text
from billing_portal.kit.money import Money

TIMES, EQUALS = "\N{MULTIPLICATION SIGN}", "="
_CYCLES = {"monthly": "month", "yearly": "year"}
_DAY = 86_400


def seats_rows(how: dict[str, Any]) -> list[dict[str, str]]:
    """Price of a seat × seats = amount."""
    return [_price(how), _seats(how), {"op": EQUALS, "label": "Amount", "value": _money(how)}]


def part_rows(how: dict[str, Any]) -> list[dict[str, str]]:
    """Price of a seat × seats × what is left of the period = amount, which is given back where it is negative."""
    left, whole = int(how["secondsLeft"]), int(how["periodSeconds"])
    rounded = Fraction(how["perSeat"]) * int(how["seats"]) * left / whole != abs(how["amount"])
    return [
        _price(how),
        _seats(how),
        {
            "op": TIMES,
            "label": f"Left of the {_CYCLES.get(how['cycle'], 'period')}",
            "note": f"{left:,} of {whole:,} seconds",
            "value": share_text(left, whole),
        },
        {
            "op": EQUALS,
            "label": "Given back" if how["amount"] < 0 else "Amount",
            "note": "rounded once" if rounded else "",
            "value": _money(how),
        },
    ]


def seats_rules(how: dict[str, Any]) -> list[str]:
    """In sentences, down to the version of the terms."""
    rules = []
    if how["kind"] == "proration":
        since = long_text(datetime.fromisoformat(how["since"]))
        if how["amount"] < 0:
            rules.append(f"You had paid for this time in advance. From {since} on it is given back, by the second.")
        else:
            rules.append(f"Charged by the second from {since} to the end of what was billed in advance.")
        rules.append("The amount is rounded once, at the end, halves up.")
    else:
        rules.append("Seats are paid in advance.")
    return [*rules, f"Terms: {how['plan']}, version {how['planVersion']}."]


def share_text(left: int, whole: int) -> str:
    """'7/30' in days where both are whole days, else a percentage: '48.6111%'."""
    if left % _DAY == 0 and whole % _DAY == 0:
        return f"{left // _DAY}/{whole // _DAY}"
    share = (Decimal(left) * 100 / Decimal(whole)).quantize(Decimal("0.0001"))
    return f"{number_text(share)}%"


def _price(how: dict[str, Any]) -> dict[str, str]:
    label = f"{how['plan']}, price of a seat a {_CYCLES.get(how['cycle'], 'period')}"
    return {"label": label, "value": unit_price_text(Decimal(how["perSeat"]), how["currency"])}


def _seats(how: dict[str, Any]) -> dict[str, str]:
    return {"op": TIMES, "label": "Seats", "value": number_text(int(how["seats"]))}


def _money(how: dict[str, Any]) -> str:
    return money_text(Money(how["amount"], how["currency"]))
