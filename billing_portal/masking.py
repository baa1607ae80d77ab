"""Take out of a text or a value what must never be written down: keys, tokens, passwords, cookies, card numbers.

Pure functions over strings, numbers and containers. What looks like a secret by its own form (`sk_live_…`, `Bearer …`)
goes wherever it stands; what is one by its name (`password=…`, `Authorization: …`) goes with any value.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

MASK = "***"

# Keys of providers and of our own, by the prefix that says what they are. The prefix stays, to tell which kind it was.
_KEYS = re.compile(r"\b((?:sk|rk)_(?:live|test)_|whsec_|cck_)[\w+/=.-]{4,}")
# A payment intent's or a setup intent's client secret: whoever holds it may confirm the payment.
_CLIENT_SECRETS = re.compile(r"\b((?:pi|seti)_\w{4,}_secret_)\w{4,}")
# With a digit in it, or long: "bearer authentication" is no token.
_BEARER = re.compile(r"\b(bearer)(\s+)(?:(?=\S*[\d_])[\w.~+/=-]{6,}|[\w.~+/=-]{16,})", re.IGNORECASE)
_PASSWORD_IN_ADDRESS = re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]*:)[^\s@/]+(?=@)", re.IGNORECASE)
# Header lines, to the end of the line or of the quoted string.
_HEADERS = re.compile(
    r"(\b(?:HTTP_)?(?:proxy[-_])?(?:authorization|set-cookie|cookie|x[-_]csrftoken|x[-_]api[-_]key)[\"']?\s*[:=]\s*[\"']?)"
    r"[^\"'\r\n]+",
    re.IGNORECASE,
)
_SECRET_NAME = r"[\w-]*(?:password|passwd|secret|token|api[_-]?key|sessionid|authorization|cvc|cvv)"  # noqa: S105 (a pattern)
_FIELDS = re.compile(
    rf"(?<![\w-])({_SECRET_NAME}\d?\\?[\"']?\s*(?:=>?|:)\s*)"
    # a quoted string, one inside a quoted string, a bare word
    r"(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\\\"(?:[^\"\\]|\\[^\"])*\\\"|[^\s,;&{}()\[\]\"']+)",
    re.IGNORECASE,
)
_SECRET_KEY = re.compile(rf"(?:{_SECRET_NAME}\d?|[\w-]*cookies?)", re.IGNORECASE)

# A UUID or a hexadecimal digest may hold a run of digits that looks like a card's: it is read first, and kept.
_NUMBERS = re.compile(
    r"(?<![0-9a-f])(?P<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])"
    r"|(?P<digits>\d(?:[ -]?\d){12,})",
    re.IGNORECASE,
)
_ISSUER = re.compile(r"2[2-7]|3[04-9]|4|5[0-8]|6")
_SHORTEST_CARD, _LONGEST_CARD = 13, 19


def is_card_number(digits: str) -> bool:
    """Whether 13 to 19 ASCII digits begin as a card's and pass its check digit (Luhn, ISO/IEC 7812-1)."""
    if not (_SHORTEST_CARD <= len(digits) <= _LONGEST_CARD and _ISSUER.match(digits)):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def mask_text(text: str) -> str:
    """The text with every secret in it replaced by `***`, and of a card number all but the last four digits."""
    text = _PASSWORD_IN_ADDRESS.sub(rf"\1{MASK}", text)
    text = _HEADERS.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1\2{MASK}", text)
    text = _KEYS.sub(rf"\1{MASK}", text)
    text = _CLIENT_SECRETS.sub(rf"\1{MASK}", text)
    text = _FIELDS.sub(_mask_field, text)
    return _NUMBERS.sub(_mask_number, text)


def mask_value(value: Any, name: str = "") -> Any:
    """A value ready for JSON: containers are walked, what a secret's `name` names is masked, other objects become their
    text.

    None, booleans and floats come back as they are; integers too, unless one is a card's number.
    """
    if name and value is not None and _SECRET_KEY.fullmatch(name):
        return MASK
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        masked = mask_text(str(value)) if abs(value) >= 10 ** (_SHORTEST_CARD - 1) else str(value)
        return int(value) if masked == str(value) else masked
    if isinstance(value, Mapping):
        return {mask_text(str(key)): mask_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(item) for item in value]
    if isinstance(value, UUID):
        return str(value)
    return mask_text(str(value))


def _mask_field(match: re.Match[str]) -> str:
    opening = re.match(r"\\?[\"']", match[2])
    quote = opening[0] if opening else ""
    return f"{match[1]}{quote}{MASK}{quote}"


def _mask_number(match: re.Match[str]) -> str:
    """Hide every stretch of whole groups that is a card's number: `5 4242 4242 4242 4242` holds one, with a 5 before
    it."""
    if match["id"]:
        return match[0]
    parts = re.split(r"([ -])", match[0])  # group, separator, group, …
    start = 0
    while start < len(parts):
        for end in range(min(len(parts), start + 2 * _LONGEST_CARD - 1), start, -2):
            digits = "".join(parts[start:end:2])
            if is_card_number(digits):
                parts[start:end] = [f"{MASK}{digits[-4:]}"]
                break
        start += 2
    return "".join(parts)
