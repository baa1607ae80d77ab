"""Read a JSON body without guessing: what is not plain JSON is refused, and numbers keep the text they were sent as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from rest_framework.parsers import BaseParser

from billing_portal.kit.errors import BadInput

# Integers of up to this many characters are read as int (2**63 has 19 digits); fields refuse the text of longer ones.
_INT_CHARACTERS = 20
MAX_DEPTH = 32


class Malformed(BadInput):
    code = "malformed"
    title = "The body can't be read"
    detail = "The body is not JSON. Send one JSON object, in UTF-8."


@dataclass(frozen=True, slots=True)
class NumberToken:
    """A JSON number that is not a plain integer, as it was written: 1.0, 1e3, -0, or one with very many digits.

    Not a string and not a number on purpose: a field that doesn't know tokens refuses it, where a float would have
    been rounded and "1e3" taken for a thousand.
    """

    text: str

    def __str__(self) -> str:
        return f"NumberToken({self.text})"


def loads(raw: bytes) -> Any:
    """The value of a JSON document in UTF-8. Raises Malformed, with a sentence that says what is wrong.

    Refused besides what json refuses: NaN and Infinity, a name given twice in one object, a byte order mark,
    half of a surrogate pair, and values nested deeper than MAX_DEPTH.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: see byte {error.start}.") from error
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=NumberToken, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: see line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check(value)
    return value


class StrictJSONParser(BaseParser):
    """DRF parser for application/json. `max_bytes` None means DATA_UPLOAD_MAX_MEMORY_SIZE."""

    media_type = "application/json"
    max_bytes: int | None = None

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises Malformed (400), RequestDataTooBig (413)."""
        limit = self.max_bytes if self.max_bytes is not None else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        try:
            raw = stream.read() if limit is None else stream.read(limit + 1)
        except (UnreadablePostError, OSError) as error:
            raise Malformed("The body broke off. Send the request again.") from error
        if limit is not None and len(raw) > limit:
            raise RequestDataTooBig("the body exceeds the limit")
        return loads(raw)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"The name {json.dumps(twice[:60])} is given twice in one object.")
    return found


def _constant(text: str) -> Any:
    raise Malformed(f"{text} is not a JSON value.")


def _integer(text: str) -> int | NumberToken:
    return NumberToken(text) if text == "-0" or len(text) > _INT_CHARACTERS else int(text)


def _check(value: Any) -> None:
    """Depth and text of everything in `value`; with a list of our own, so that no depth can exhaust the stack."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, (dict, list)):
            if depth > MAX_DEPTH:
                raise _too_deep()
            if isinstance(item, dict):
                for name in item:
                    _check_text(name)
                item = list(item.values())
            waiting.extend((inner, depth + 1) for inner in item)


def _check_text(text: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed("The body holds half of a surrogate pair, which is not text.")


def _too_deep() -> Malformed:
    return Malformed(f"The body is nested deeper than {MAX_DEPTH} levels.")
