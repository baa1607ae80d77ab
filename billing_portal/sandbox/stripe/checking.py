"""Check what is sent to Stripe, and what comes back, against the SDK's own generated types.

The types come from Stripe's OpenAPI description for exactly the pinned version. A `Literal[…] | str` is taken as a
strict list: the `str` is there for values that a later version may bring.
"""

import re
import sys
import types
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal, NotRequired, Required, Union, get_args, get_origin

import stripe
from typing_extensions import is_typeddict  # the SDK's own: Python's knows only its own kind

from billing_portal.sandbox.stripe.calls import params_type

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class NotAsTyped(AssertionError):
    """Something was sent that Stripe's types do not know, or something it asks for was not. Lists every difference."""


def checked(client: stripe.StripeClient) -> stripe.StripeClient:
    """The client, which from now on raises NotAsTyped before it sends what the types refuse. For tests."""
    requestor: Any = client._requestor  # noqa: SLF001 (the only place that sees parameters before they are text)
    plain = requestor.request

    def request(method: str, url: str, params: Mapping[str, Any] | None = None, *rest: Any, **more: Any) -> Any:
        check_params(method, url, params)
        return plain(method, url, params, *rest, **more)

    requestor.request = request
    return client


def check_params(method: str, path: str, params: Mapping[str, Any] | None) -> None:
    """Raise NotAsTyped unless the parameters are of the type that the SDK has for this call."""
    name = params_type(method, path)
    if name is None:
        raise NotAsTyped(f"no type is known for {method.upper()} {path}")
    module = sys.modules[getattr(stripe.params, name).__module__]
    if found := list(_differences(getattr(stripe.params, name), params or {}, name, vars(module))):
        raise NotAsTyped("; ".join(found))


def check_answer(kind: type[stripe.StripeObject], answer: Mapping[str, Any]) -> None:
    """Raise NotAsTyped unless an object is of the shape that the SDK's class for it says."""
    if found := list(_differences(kind, answer, kind.__name__, vars(sys.modules[kind.__module__]))):
        raise NotAsTyped("; ".join(found))


def _differences(expected: Any, value: Any, where: str, names: Mapping[str, Any]) -> Iterable[str]:
    """Every place where `value` is not what `expected` says, as a sentence."""
    expected = _resolved(expected, names)
    origin: Any = get_origin(expected)
    if origin in (NotRequired, Required):
        yield from _differences(get_args(expected)[0], value, where, names)
    elif is_typeddict(expected):
        yield from _of_dict(expected, value, where)
    elif origin in (Union, types.UnionType):
        yield from _of_union(get_args(expected), value, where, names)
    elif origin is Literal:
        if value not in get_args(expected):
            yield f"{where}: {value!r} is none of {', '.join(map(repr, get_args(expected)[:12]))}"
    elif origin is list:
        yield from _of_list(get_args(expected)[0], value, where, names)
    elif origin is dict or getattr(origin, "__name__", "") == "UntypedStripeObject":
        yield from _of_mapping(get_args(expected)[-1], value, where, names)
    elif isinstance(expected, type) and expected != Any:
        yield from _of_class(expected, value, where)


def _of_class(expected: type, value: Any, where: str) -> Iterable[str]:
    if issubclass(expected, stripe.StripeObject):
        yield from _of_object(expected, value, where)
    elif expected in (Decimal, float):
        yield from _of_number(expected, value, where)
    elif not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        yield f"{where}: {value!r} is no {expected.__name__}"


def _of_number(expected: type, value: Any, where: str) -> Iterable[str]:
    """A fraction: JSON writes a whole one without its point, and Stripe a decimal as a string."""
    if isinstance(value, expected) or (expected is float and isinstance(value, int) and not isinstance(value, bool)):
        return
    if not (expected is Decimal and isinstance(value, str) and _DECIMAL.fullmatch(value)):
        yield f"{where}: {value!r} is no {expected.__name__}"


def _of_mapping(inner: Any, value: Any, where: str, names: Mapping[str, Any]) -> Iterable[str]:
    if not isinstance(value, Mapping):
        yield f"{where}: {value!r} is no mapping"
        return
    for key, each in value.items():
        yield from _differences(inner, each, f"{where}[{key}]", names)


def _of_dict(expected: Any, value: Any, where: str) -> Iterable[str]:
    if not isinstance(value, Mapping):
        yield f"{where}: {value!r} is no mapping"
        return
    names = vars(sys.modules[expected.__module__])
    own = {key: hint for key, hint in expected.__annotations__.items() if key not in _OPTIONS}
    for key in value:
        if key not in own:
            yield f"{where}[{key}]: unknown"
    for key, hint in own.items():
        if key in value:
            yield from _differences(hint, value[key], f"{where}[{key}]", names)
        elif get_origin(_resolved(hint, names)) is not NotRequired:
            yield f"{where}[{key}]: missing"


def _of_object(expected: type[stripe.StripeObject], value: Any, where: str) -> Iterable[str]:
    """An answer: what may be null may be absent too, and nothing may be there that the class does not name."""
    if not isinstance(value, Mapping):
        yield f"{where}: {value!r} is no object"
        return
    names = vars(sys.modules[expected.__module__])
    own = {key: hint for key, hint in expected.__annotations__.items() if not _is_class_variable(hint)}
    for key in value:
        if key not in own:
            yield f"{where}[{key}]: unknown"
    for key, hint in own.items():
        if key in value:
            yield from _differences(hint, value[key], f"{where}[{key}]", names)
        elif type(None) not in get_args(hint):
            yield f"{where}[{key}]: missing"


def _is_class_variable(hint: Any) -> bool:
    origin: Any = get_origin(hint)
    return origin is ClassVar


def _of_union(choices: tuple[Any, ...], value: Any, where: str, names: Mapping[str, Any]) -> Iterable[str]:
    literal = any(get_origin(choice) is Literal and get_args(choice) != ("",) for choice in choices)
    strict = [choice for choice in choices if not (choice is str and literal)]
    outcomes = [list(_differences(choice, value, where, names)) for choice in strict]
    if all(outcomes):
        # The choice that comes closest says most; a wrong kind of value says least.
        yield from max(outcomes, key=lambda found: max(len(text.split(":")[0]) for text in found))


def _of_list(inner: Any, value: Any, where: str, names: Mapping[str, Any]) -> Iterable[str]:
    if not isinstance(value, list | tuple):
        yield f"{where}: {value!r} is no list"
        return
    for number, each in enumerate(value):
        yield from _differences(inner, each, f"{where}[{number}]", names)


def _resolved(expected: Any, names: Mapping[str, Any]) -> Any:
    text = getattr(expected, "__forward_arg__", expected)
    return eval(text, dict(names), _Anything(names)) if isinstance(text, str) else expected  # noqa: S307 (the SDK's own)


class _Anything(dict[str, Any]):
    """Names that the SDK imports for type checkers only: they stand for anything."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, name: str) -> Any:
        if name in self._names:
            return self._names[name]
        builtin = getattr(__import__("builtins"), name, None)
        return builtin if builtin is not None else Any


# What the generated types inherit from the request's options is no parameter.
_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)
