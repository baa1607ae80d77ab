"""Take out of a text or a value what must never be written down: keys, tokens, passwords, cookies, card numbers.

Pure functions over strings, numbers and containers. What looks like a secret by its own form (`sk_live_…`, `Bearer …`)
goes wherever it stands; what is one by its name (`password=…`, `Authorization: …`) goes with any value.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from billing_portal.cards import SHORTEST, card_spans

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


def mask_text(text: str) -> str:
    """The text with every secret in it replaced by `***`, and of a card number all but the last four digits."""
    text = _PASSWORD_IN_ADDRESS.sub(rf"\1{MASK}", text)
    text = _HEADERS.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1\2{MASK}", text)
    text = _KEYS.sub(rf"\1{MASK}", text)
    text = _CLIENT_SECRETS.sub(rf"\1{MASK}", text)
    text = _FIELDS.sub(_mask_field, text)
    return _mask_cards(text)


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
        masked = mask_text(str(value)) if abs(value) >= 10 ** (SHORTEST - 1) else str(value)
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


def _mask_cards(text: str) -> str:
    """Of each card number its last four digits stay."""
    pieces, at = [], 0
    for start, end in card_spans(text):
        digits = "".join(sign for sign in text[start:end] if sign.isdecimal())
        pieces += [text[at:start], MASK, digits[-4:]]
        at = end
    return "".join([*pieces, text[at:]])
