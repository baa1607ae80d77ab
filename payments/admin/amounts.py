"""Amounts as people type them: main units with a point, read strictly into the currency's smallest unit."""

from __future__ import annotations

import re

from billing_portal.kit.money import MAX_MINOR, Money, exponent

# ASCII digits, no sign, exponent, leading zero, separator or space: what could be read two ways is refused.
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,4}))?")


class BadAmount(ValueError):
    """Not an amount; its text is the sentence for whoever typed it."""


def amount_from_text(text: str, currency: str) -> Money:
    """ "29.00" of usd is 2900 cents, "2900" of jpy 2900 yen; more than 0 and at most 2**53 - 1 smallest units.

    Raises BadAmount for anything else, also for more places than the currency has.
    """
    places = exponent(currency)
    example = "1234" if places == 0 else f"1234.{'5' * places}"
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise BadAmount(f"Write the amount in digits, like {example}: no sign, spaces or thousands separators.")
    whole, fraction = found.group(1), found.group(2) or ""
    if len(fraction) > places:
        has = "no decimal places" if places == 0 else f"{places} decimal places"
        raise BadAmount(f"{currency.upper()} has {has}; write it like {example}.")
    minor = int(whole + fraction.ljust(places, "0"))
    if minor == 0:
        raise BadAmount("The amount must be more than zero.")
    if minor > MAX_MINOR:
        raise BadAmount("This is more than we can take.")
    return Money(minor, currency)
