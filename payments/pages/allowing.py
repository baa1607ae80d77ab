"""Loosen the content security policy for one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from django.http.response import HttpResponseBase

_Response = TypeVar("_Response", bound=HttpResponseBase)


def allow(response: _Response, sources: Mapping[str, Sequence[str]]) -> _Response:
    """Add these sources, by directive, to what the settings and earlier calls allow. Answers the response."""
    known: dict[str, list[str]] = getattr(response, "_csp_update", None) or {}
    added = {name: [*known.get(name, []), *more] for name, more in sources.items()}
    response._csp_update = {**known, **added}  # type: ignore[attr-defined]  # noqa: SLF001 (django-csp has no other door)
    return response
