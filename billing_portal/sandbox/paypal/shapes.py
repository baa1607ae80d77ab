"""Say how a request's body must look, and check it: what is missing, malformed, too long, or unknown is told by its
place, as PayPal tells it. Nothing is ignored in silence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from billing_portal.sandbox.paypal import money
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.problems import Problem, listed


@dataclass(frozen=True)
class Text:
    """A string. `choices`: nothing else; `pattern`: in full."""

    most: int = 127
    least: int = 1
    choices: tuple[str, ...] = ()
    pattern: str = ""

    def check(self, act: Act, value: Any, where: str) -> None:
        """Raise Problem (400) when it is none, or none of these."""
        if not isinstance(value, str):
            raise _bad(act, "INVALID_PARAMETER_SYNTAX", where, value)
        if len(value) > self.most:
            raise _bad(act, "INVALID_STRING_MAX_LENGTH", where, value)
        if len(value) < self.least:
            raise _bad(act, "INVALID_STRING_MIN_LENGTH", where, value)
        if self.choices and value not in self.choices:
            raise _bad(act, "INVALID_PARAMETER_VALUE", where, value)
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise _bad(act, "INVALID_PARAMETER_SYNTAX", where, value)


@dataclass(frozen=True)
class Whole:
    """A whole number."""

    least: int = 0
    most: int = 999

    def check(self, act: Act, value: Any, where: str) -> None:
        """Raise Problem (400)."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise _bad(act, "INVALID_PARAMETER_SYNTAX", where, value)
        if not self.least <= value <= self.most:
            side = "MIN" if value < self.least else "MAX"
            raise _bad(act, f"INVALID_INTEGER_{side}_VALUE", where, str(value))


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, act: Act, value: Any, where: str) -> None:
        """Raise Problem (400)."""
        if not isinstance(value, bool):
            raise _bad(act, "INVALID_PARAMETER_SYNTAX", where, value)


@dataclass(frozen=True)
class Group:
    """An object with these fields and no others."""

    fields: Mapping[str, Any]
    required: tuple[str, ...] = ()

    def check(self, act: Act, value: Any, where: str) -> None:
        """Raise Problem (400)."""
        if not isinstance(value, dict):
            raise _bad(act, "INVALID_PARAMETER_SYNTAX", where, value)
        for name in self.required:
            if value.get(name) is None:
                raise _bad(act, "MISSING_REQUIRED_PARAMETER", f"{where}/{name}")
        for name, each in value.items():
            if name not in self.fields:
                raise _bad(act, "NOT_SUPPORTED", f"{where}/{name}")
            self.fields[name].check(act, each, f"{where}/{name}")


@dataclass(frozen=True)
class Many:
    """A list."""

    of: Any
    least: int = 1
    most: int = 10

    def check(self, act: Act, value: Any, where: str) -> None:
        """Raise Problem (400)."""
        if not isinstance(value, list):
            raise _bad(act, "INVALID_PARAMETER_SYNTAX", where, value)
        if not self.least <= len(value) <= self.most:
            raise _bad(act, f"INVALID_ARRAY_{'MIN' if len(value) < self.least else 'MAX'}_ITEMS", where)
        for number, each in enumerate(value):
            self.of.check(act, each, f"{where}/{number}")


@dataclass(frozen=True)
class Anything:
    """What the stand-in takes and does nothing with."""

    def check(self, act: Act, value: Any, where: str) -> None:
        """It is fine."""


@dataclass(frozen=True)
class Amount:
    """Money as v2 has it, with a breakdown where one may be. That it can be paid is checked by `paid`."""

    breakdown: Mapping[str, Any] = field(default_factory=dict)

    def check(self, act: Act, value: Any, where: str) -> None:
        """Raise Problem (400)."""
        more = {"breakdown": Group(self.breakdown)} if self.breakdown else {}
        shape = Group({"currency_code": Text(3, 3), "value": Text(32), **more}, ("currency_code", "value"))
        shape.check(act, value, where)
        if not money.is_number(value["value"]):
            raise _bad(act, "INVALID_PARAMETER_SYNTAX", f"{where}/value", value["value"])


URL = Text(4000, 10, pattern=r"https?://\S+")


def paid(act: Act, amount: Mapping[str, str], where: str, *, zero: bool = False) -> int:
    """The amount in PayPal's last decimal. Raises Problem (422): an unknown currency, too many decimals, nothing."""
    currency, value = amount["currency_code"], amount["value"]
    if currency not in money.CURRENCIES:
        raise _unpayable(act, "INVALID_CURRENCY_CODE", f"{where}/currency_code", currency)
    if not money.has_decimals_that_fit(value, currency):
        none_at_all = money.decimals(currency) == 0 and "/captures/" in act.endpoint
        issue = "DECIMALS_NOT_SUPPORTED" if none_at_all else "DECIMAL_PRECISION"
        raise _unpayable(act, issue, f"{where}/value", value)
    if money.is_too_large(value):
        raise _unpayable(act, "MAX_VALUE_EXCEEDED", f"{where}/value", value)
    units = money.units(value, currency)
    if units < 0 or (units == 0 and not zero):
        issue = "CANNOT_BE_NEGATIVE" if zero else "CANNOT_BE_ZERO_OR_NEGATIVE"
        raise _unpayable(act, issue, f"{where}/value", value)
    return units


def body(act: Act, shape: Group) -> dict[str, Any]:
    """The request's body, checked. Raises Problem (400)."""
    shape.check(act, act.body, "")
    return dict(act.body)


# Each API has its own words: what others say where an endpoint does not list the first.
_OTHERS = {
    "INVALID_STRING_MAX_LENGTH": ("INVALID_STRING_LENGTH",),
    "INVALID_STRING_MIN_LENGTH": ("INVALID_STRING_LENGTH",),
    "INVALID_CURRENCY_CODE": ("CURRENCY_NOT_SUPPORTED_FOR_RECEIVER",),
}


def _bad(act: Act, issue: str, where: str, value: Any = None) -> Problem:
    known = listed(act.endpoint, 400, issue, *_OTHERS.get(issue, ()), "INVALID_PARAMETER_SYNTAX")
    return act.refuse(400, known, field=where or "/", value=value)


def _unpayable(act: Act, issue: str, where: str, value: str) -> Problem:
    known = listed(act.endpoint, 422, issue, *_OTHERS.get(issue, ()))
    return (
        act.refuse(422, known, field=where, value=value)
        if known
        else _bad(act, "INVALID_PARAMETER_VALUE", where, value)
    )
