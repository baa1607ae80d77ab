"""Nested validation errors, as DRF and Django hold them, as one flat list with a path for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.settings import api_settings

from billing_portal.kit.errors import FieldError


def flatten(detail: Any) -> list[FieldError]:
    """`{"paymentMethod": {"type": ["…"]}}` -> [FieldError("paymentMethod.type", …)].

    Items of a list are counted from 0 ("events.3.quantity"). An error of a whole object has the object's path, which is
    "" for the body itself.
    """
    return list(_walk(detail, ""))


def _walk(detail: Any, path: str) -> Iterator[FieldError]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = name in (api_settings.NON_FIELD_ERRORS_KEY, "__all__")
            yield from _walk(inner, path if own else _join(path, name))
    elif isinstance(detail, (list, tuple)):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (Mapping, list, tuple))
            if not nested or inner:  # DRF leaves {} in the place of an item that is good
                yield from _walk(inner, _join(path, index) if nested else path)
    else:
        yield FieldError(path, getattr(detail, "code", None) or "invalid", str(detail))


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
