"""Serializer fields that take exactly what the contract says, and name what is wrong in words a customer can act on.

They expect values as `strict_json` reads them: plain integers as int, every other number as a NumberToken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.fields import empty

from billing_portal.kit.currencies import CURRENCIES
from billing_portal.kit.money import MAX_MINOR
from billing_portal.kit.strict_json import NumberToken

MAX_QUANTITY = 10**9
QUANTITY_PLACES = 6
# What a decimal string may look like; as a JSON Schema pattern it is the same.
QUANTITY_PATTERN = r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$"
INSTANT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

_QUANTITY = re.compile(QUANTITY_PATTERN[1:-1])
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_UUID = re.compile(UUID_PATTERN[1:-1])
_DAY = re.compile(DAY_PATTERN[1:-1])


def rfc3339(instant: datetime) -> str:
    """ "2026-10-31T22:10:00Z", with microseconds only where there are some. Raises ValueError for a naive time."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def quantity_text(quantity: Decimal | int) -> str:
    """A quantity without trailing zeros and without an exponent: "120", "1.5"."""
    text = format(Decimal(quantity), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Whole(serializers.Field):
    """A JSON integer from `minimum` to `maximum`: no string, no fraction, no exponent, no boolean."""

    default_error_messages = {
        "not_whole": "Send a whole number, without quotes, fraction or exponent.",
        "too_small": "Send {minimum} or more.",
        "too_large": "Send {maximum} or less.",
    }

    def __init__(self, *, minimum: int = 0, maximum: int = MAX_MINOR, **options: Any) -> None:
        self.minimum, self.maximum = minimum, maximum
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            is_long = isinstance(data, NumberToken) and data.text.isdigit()
            self.fail("too_large" if is_long else "not_whole", maximum=self.maximum)
        if data < self.minimum:
            self.fail("too_small", minimum=self.minimum)
        if data > self.maximum:
            self.fail("too_large", maximum=self.maximum)
        return int(data)

    def to_representation(self, value: Any) -> int:
        return int(value)


class MinorAmount(Whole):
    """An amount in the currency's smallest unit, as a JSON integer from 1 (or `minimum`) to 2**53 - 1."""

    default_error_messages = {
        "not_whole": "Send the amount as a whole number of the currency's smallest unit: 2900 for $29.00.",
        "too_small": "The amount must be {minimum} or more, in the currency's smallest unit.",
        "too_large": "The amount is too large; {maximum} is the most we can take.",
    }

    def __init__(self, *, minimum: int = 1, maximum: int = MAX_MINOR, **options: Any) -> None:
        super().__init__(minimum=minimum, maximum=maximum, **options)


class Quantity(serializers.Field):
    """A JSON number or a decimal string, 0 to 10**9, at most 6 places, no exponent: a Decimal, shown as a string."""

    default_error_messages = {
        "not_decimal": 'Send a number of 0 or more, or a decimal string such as "12.5", without sign or exponent.',
        "too_many_places": "Send at most 6 decimal places.",
        "too_large": "Send 1000000000 or less.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        text = data.text if isinstance(data, NumberToken) else str(data) if type(data) is int else data
        if not isinstance(text, str) or len(text) > 400:
            self.fail("not_decimal")
        if not _QUANTITY.fullmatch(text):
            whole, _, places = text.partition(".")
            if re.fullmatch("0|[1-9][0-9]*", whole) and re.fullmatch("[0-9]*", places) and ("." not in text or places):
                self.fail("too_many_places" if len(places) > QUANTITY_PLACES else "too_large")
            self.fail("not_decimal")
        quantity = Decimal(text)
        if quantity > MAX_QUANTITY:
            self.fail("too_large")
        return quantity

    def to_representation(self, value: Any) -> str:
        return quantity_text(value)


class _StrictText(serializers.Field):
    """What fields that are written as JSON strings share: anything but a string is refused."""

    default_error_messages = {"not_text": "Send text, in quotes."}

    def text(self, data: Any) -> str:
        if type(data) is not str:
            self.fail("not_text")
        return str(data)

    def to_representation(self, value: Any) -> Any:
        return str(value)


class Text(serializers.CharField):
    """A JSON string, kept as it is: not trimmed, and no number or boolean turned into text. Not only blanks."""

    default_error_messages = {"not_text": "Send text, in quotes."}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def run_validation(self, data: Any = empty) -> Any:
        if type(data) is str and not self.allow_blank and not data.strip():
            self.fail("blank")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if type(data) is not str:
            self.fail("not_text")
        return str(data)


class Currency(_StrictText):
    """An ISO 4217 code in lower case that we know the places of."""

    default_error_messages = {
        "unknown_currency": "We don't know this currency. Send an ISO 4217 code in lower case, such as usd.",
        "upper_case": "Send the currency in lower case: {lower}.",
    }

    def to_internal_value(self, data: Any) -> str:
        code = self.text(data)
        if code not in CURRENCIES:
            if code.isascii() and code.lower() in CURRENCIES:
                self.fail("upper_case", lower=code.lower())
            self.fail("unknown_currency")
        return code


class Instant(_StrictText):
    """An RFC 3339 time with its zone, read as an aware datetime in UTC; more than microseconds are cut off."""

    default_error_messages = {
        "not_an_instant": "Send date, time and zone, as in 2026-10-31T22:10:00Z. In a query string, write + as %2B.",
        "out_of_range": "This date and time don't exist.",
    }

    def to_internal_value(self, data: Any) -> datetime:
        found = _INSTANT.fullmatch(self.text(data))
        if not found:
            self.fail("not_an_instant")
        day, clock, fraction, offset = found.groups()
        micros = f".{fraction[:6]:0<6}" if fraction else ""
        try:
            return datetime.fromisoformat(f"{day}T{clock}{micros}{offset.upper()}").astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("out_of_range")

    def to_representation(self, value: Any) -> str:
        return rfc3339(value)


class Day(_StrictText):
    """A calendar day as 2026-10-31, read as a date."""

    default_error_messages = {"not_a_day": "Send a day that exists, as in 2026-10-31."}

    def to_internal_value(self, data: Any) -> date:
        text = self.text(data)
        if not _DAY.fullmatch(text):
            self.fail("not_a_day")
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.fail("not_a_day")

    def to_representation(self, value: Any) -> str:
        return value if isinstance(value, str) else value.isoformat()


class Identifier(_StrictText):
    """A UUID in its usual form, with hyphens."""

    default_error_messages = {"not_an_id": "Send the id as we gave it, such as 0199d5a0-7c1e-7a44-9d3f-2f1c5b7e8a90."}

    def to_internal_value(self, data: Any) -> UUID:
        text = self.text(data)
        if not _UUID.fullmatch(text):
            self.fail("not_an_id")
        return UUID(text)


class Flag(serializers.Field):
    """JSON true or false; not 1, not "true"."""

    default_error_messages = {"not_a_flag": "Send true or false, without quotes."}

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("not_a_flag")
        return bool(data)

    def to_representation(self, value: Any) -> bool:
        return bool(value)


class OneOf(_StrictText):
    """One of a few words. `choices`: words, (word, label) pairs as in `TextChoices.choices`, or a TextChoices class."""

    default_error_messages = {"unknown_choice": "Send one of: {choices}."}

    def __init__(self, choices: Iterable[Any], **options: Any) -> None:
        self.choices = tuple(str(choice[0] if isinstance(choice, tuple) else choice) for choice in choices)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        word = self.text(data)
        if word not in self.choices:
            self.fail("unknown_choice", choices=", ".join(self.choices))
        return word
