"""How what a coupon takes off came about: off each line of one period by itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing_portal.kit.display.amounts import MINUS, money_text, number_text
from billing_portal.kit.money import Money
from payments.explaining_seats import EQUALS


def coupon_rows(how: dict[str, Any]) -> list[dict[str, str]]:
    """What comes off each line, and their sum."""
    rows = [
        {
            "op": _sign(-each["off"]) if number else "",
            "label": each["title"],
            "note": f"{_off(how)} of {_money(abs(each['amount']), how)}",
            "value": _money(abs(each["off"]) if number else -each["off"], how),
        }
        for number, each in enumerate(how["of"])
    ]
    label = "Taken off" if how["amount"] <= 0 else "Not given back, since it was never paid"
    return [*rows, {"op": EQUALS, "label": label, "value": _money(how["amount"], how)}]


def coupon_rules(how: dict[str, Any]) -> list[str]:
    """In sentences: which period it is, and how it is reckoned."""
    rules = [_which(how)]
    if how["percentOff"] is not None:
        rules.append("It comes off each line by itself, rounded once, halves up.")
    else:
        rules.append("It comes off what a period costs, or what is left of one, as far as it goes.")
    if any(each["amount"] < 0 for each in how["of"]):
        rules.append("Of unused time only what was paid for it is given back.")
    return rules


def coupon_facts(how: dict[str, Any]) -> list[tuple[str, str]]:
    """Every fact that is kept, by its label."""
    parts = [
        (f"Off {each['title']}", f"{_off(how)} of {_money(each['amount'], how)}: {_money(each['off'], how)}")
        for each in how["of"]
    ]
    number = f"{how['period']} of {how['periods'] or 'all'}"
    return [("Coupon", how["code"]), ("Period", number), *parts, ("Amount", _money(how["amount"], how))]


def _which(how: dict[str, Any]) -> str:
    off = f"Coupon {how['code']}: {_off(how)} off"
    if how["periods"] is None:
        return f"{off} every period that is billed. This is number {how['period']}."
    if how["periods"] == 1:
        return f"{off} the first period that is billed."
    return f"{off} the first {how['periods']} periods that are billed. This is number {how['period']}."


def _off(how: dict[str, Any]) -> str:
    if how["percentOff"] is None:
        return _money(how["amountOff"], how)
    return f"{number_text(Decimal(how['percentOff']))}%"


def _sign(minor: int) -> str:
    return MINUS if minor < 0 else "+"


def _money(minor: int, how: dict[str, Any]) -> str:
    return money_text(Money(minor, how["currency"]))
