"""Recognise a card number in free text, so that none is ever stored."""

import re

# 13 to 19 digits, in groups or not, that begin like a card issuer's: Visa, Mastercard, Amex, Discover, Diners, JCB,
# UnionPay.
_CANDIDATE = re.compile(r"(?<![0-9])(?:[0-9][ -]?){12,18}[0-9](?![0-9])", re.ASCII)
_ISSUER = re.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6(?:011|4[4-9]|5)|3(?:0[0-5]|[689])|35|62")


def holds_card_number(text: str) -> bool:
    """Whether 13–19 digits in `text` pass the Luhn check and begin like an issuer's prefix."""
    for found in _CANDIDATE.finditer(text):
        digits = re.sub(r"[ -]", "", found.group())
        if _ISSUER.match(digits) and _luhn(digits):
            return True
    return False


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
