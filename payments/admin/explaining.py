"""How a line's amount came about, as the desk reads it: the facts kept on the line, in the order of the sum."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing_portal.kit.display.amounts import money_text, number_text, unit_price_text
from billing_portal.kit.money import Money
from payments.models import InvoiceLine


def facts_of(line: InvoiceLine, currency: str) -> list[tuple[str, str]]:
    """Label and value, down to the amount. What is not kept on the line is left out, what has no label comes last."""
    how: dict[str, Any] = dict(line.derivation)
    rounding = how.pop("rounding", None)
    plan, version = how.pop("plan", None), how.pop("planVersion", None)
    facts = []
    for key, label in _LABELS:
        if key in how:
            value = how.pop(key)
            facts.append((label, "without limit" if value is None else _text(key, value, currency)))
    if plan:
        facts.append(("Terms", f"{plan}, version {version}"))
    if rounding:
        facts.append(("A call is charged for", _rounding(rounding)))
    for key in _SAID_ELSEWHERE:
        how.pop(key, None)
    return [*facts, *((key, str(value)) for key, value in sorted(how.items()))]


_LABELS = (
    ("records", "Records"),
    ("used", "Charged for"),
    ("seats", "Seats"),
    ("includedPerSeat", "Included for a seat"),
    ("coveredSeconds", "Seconds under these terms"),
    ("monthSeconds", "Seconds of the month"),
    ("included", "Included"),
    ("overageOfAll", "Beyond, with what came late"),
    ("billedBefore", "Of it billed before"),
    ("overage", "Beyond"),
    ("unitAmount", "Price of a unit"),
    ("exact", "Beyond × price"),
    ("amount", "Rounded once"),
    ("termsSince", "Terms since"),
)
# The line itself says these, in its title, its unit and its period.
_SAID_ELSEWHERE = ("kind", "month", "meter", "rateClass", "unit", "currency")


def _text(key: str, value: Any, currency: str) -> str:
    if key in ("unitAmount", "exact"):
        return unit_price_text(Decimal(value), currency)
    if key == "amount":
        return money_text(Money(value, currency))
    return str(value) if key == "termsSince" else number_text(Decimal(value))


def _rounding(rule: dict[str, int]) -> str:
    """Seconds, as the plan has them."""
    text = f"{rule['initial']} s at least, then each {rule['increment']} s"
    return f"{text}; nothing below {rule['free_below']} s" if rule["free_below"] else text
