"""Amounts as people type or paste them: main units with a point, read strictly into the currency's smallest unit."""

from __future__ import annotations

import re

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import MAX_MINOR, Money, exponent

# ASCII digits, no sign, exponent or leading zero: what could be read two ways is refused.
_PLAIN = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")
# As pages show them: whole groups of three, and after them all of the currency's decimals or none.
_GROUPED = re.compile(r"([1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.([0-9]+))?")


class BadAmount(ValueError):
    """Not an amount; its text is the sentence for whoever typed it."""


def amount_from_text(text: str, currency: str) -> Money:
    """ "10936.50" and "10,936.50" of usd are 1093650 cents; more than 0 and at most 2**53 - 1 smallest units.

    Blanks around it come with pasting and are dropped. "9,000" is 9000 of usd or jpy, which no other reading fits; of
    kwd, with three decimals, it could be 9 as well. Raises BadAmount for that and for anything else, also for more
    places than the currency has.
    """
    places = exponent(currency)
    bare = text.strip(" ")
    found = _PLAIN.fullmatch(bare) or _grouped(bare, places)
    example = Money(123_456 * 10**places // 100, currency)
    if found is None:
        raise BadAmount(
            f"Write the amount like {example.decimal_text()} or {example.decimal():,.{places}f}: digits, and no sign."
        )
    whole, fraction = found.group(1).replace(",", ""), found.group(2) or ""
    if len(fraction) > places:
        has = "no decimal places" if places == 0 else f"{places} decimal places"
        raise BadAmount(f"{currency.upper()} has {has}; write it like {example.decimal_text()}.")
    if len(whole) > len(str(MAX_MINOR)) or (minor := int(whole + fraction.ljust(places, "0"))) > MAX_MINOR:
        raise BadAmount(f"This amount is too large: {money_text(Money(MAX_MINOR, currency))} is the most we can take.")
    if minor == 0:
        raise BadAmount("The amount must be more than zero.")
    return Money(minor, currency)


def _grouped(text: str, places: int) -> re.Match[str] | None:
    """The parts of an amount with commas, unless one of them could be the decimal comma."""
    found = _GROUPED.fullmatch(text)
    if found is None:
        return None
    if found.group(2):
        return found if len(found.group(2)) == places else None
    return found if places != 3 or found.group(1).count(",") > 1 else None
