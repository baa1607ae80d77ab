"""Read form-encoded parameters as Stripe does: nested by brackets, values checked one by one.

https://docs.stripe.com/api (requests are form-encoded, answers are JSON). An empty value unsets what it names.
"""

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from billing_portal.sandbox.stripe.problems import Invalid

Params = dict[str, Any]
LONGEST_METADATA_KEY, LONGEST_METADATA_VALUE, MOST_METADATA = 40, 500, 50
_NAME = re.compile(r"[^\[\]]+|\[\]")
_INTEGER = re.compile(r"-?[0-9]+")


def decode(text: str) -> Params:
    """`a[b]=1&c[]=2&d[0][e]=3` → {"a": {"b": "1"}, "c": ["2"], "d": [{"e": "3"}]}. Raises Invalid when malformed."""
    tree: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        steps = _NAME.findall(name)
        if not steps:
            raise Invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        node = tree
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            key = str(len(node)) if step == "[]" else step
            if following is None:
                node[key] = value
                break
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise Invalid(f"Invalid {name}", param=name)
    return {key: _lists(value) for key, value in tree.items()}


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_lists(value) for _, value in sorted(node.items(), key=lambda item: int(item[0]))]
    return {key: _lists(value) for key, value in node.items()}


def refuse_unknown(params: Params, known: Collection[str], *, within: str = "") -> None:
    """Raise Invalid for a parameter that the stand-in does not act on: nothing is ignored in silence."""
    for name in params:
        if name not in known:
            full = f"{within}[{name}]" if within else name
            raise Invalid(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)


def required(params: Params, name: str) -> Any:
    """The value of `name`. Raises Invalid (parameter_missing)."""
    if params.get(name) in (None, ""):
        raise Invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return params[name]


def text(params: Params, name: str) -> str | None:
    """A string; None when absent or unset."""
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid("Invalid string: " + str(value), param=name)
    return value or None


def integer(params: Params, name: str) -> int | None:
    """A whole number; None when absent."""
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _INTEGER.fullmatch(value):
        raise Invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(value)


def flag(params: Params, name: str, *, default: bool = False) -> bool:
    """A boolean, written true or false."""
    value = params.get(name)
    if value is None:
        return default
    if value not in ("true", "false"):
        raise Invalid(f"Invalid boolean: {value}", param=name)
    return value == "true"


def choice(params: Params, name: str, choices: Collection[str], default: str | None = None) -> str | None:
    """One of `choices`."""
    value = text(params, name)
    if value is not None and value not in choices:
        raise Invalid(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
    return value or default


def group(params: Params, name: str, known: Collection[str]) -> Params:
    """A nested hash with only `known` keys; {} when absent."""
    value = params.get(name) or {}
    if not isinstance(value, dict):
        raise Invalid("Invalid object", param=name)
    refuse_unknown(value, known, within=name)
    return value


def metadata(params: Params, before: dict[str, str] | None = None) -> dict[str, str]:
    """Metadata merged into what was there: an empty value removes its key, an empty whole removes all.

    https://docs.stripe.com/api/metadata: up to 50 keys of 40 characters, values of 500.
    """
    if params.get("metadata") == "":
        return {}
    merged = dict(before or {})
    given = params.get("metadata") or {}
    if not isinstance(given, dict):
        raise Invalid("Invalid object", param="metadata")
    for key, value in given.items():
        if not isinstance(value, str):
            raise Invalid("Metadata values must be strings", param=f"metadata[{key}]")
        if len(key) > LONGEST_METADATA_KEY or len(value) > LONGEST_METADATA_VALUE:
            raise Invalid("Metadata keys end at 40 characters, values at 500", param=f"metadata[{key}]")
        merged[key] = value
    merged = {key: value for key, value in merged.items() if value}
    if len(merged) > MOST_METADATA:
        raise Invalid("Metadata holds at most 50 keys", param="metadata")
    return merged
