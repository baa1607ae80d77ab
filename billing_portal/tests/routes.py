"""Every path of the portal with its methods, read from the resolver, for tests that grow with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver, reverse

# Django's admin has permissions of its own, and its ids are for staff, who see every tenant.
NOT_WALKED = ("admin/",)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    """A path: its name, the names in it that take a value, and the methods that its view has."""

    name: str
    pattern: str
    kwargs: tuple[str, ...]
    methods: tuple[str, ...]

    @property
    def is_api(self) -> bool:
        return self.pattern.startswith("api/")

    def url(self, **values: Any) -> str:
        return reverse(self.name, kwargs=values)


def routes() -> list[Route]:
    """All paths but the admin's. Each needs a name, by which it can be spelled."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[Any], before: str) -> Iterator[Route]:
    for entry in patterns:
        pattern = before + str(entry.pattern)
        if pattern.startswith(NOT_WALKED):
            continue
        if not isinstance(entry, URLPattern):
            yield from _walk(entry.url_patterns, pattern)
            continue
        assert entry.name, f"Give the path {pattern} a name: the tests that walk all paths spell it by that."
        kwargs = entry.pattern.regex.groupindex if hasattr(entry.pattern, "regex") else entry.pattern.converters
        yield Route(entry.name, pattern, tuple(kwargs), _methods(entry.callback))


def _methods(view: Any) -> tuple[str, ...]:
    """Those of a class-based view. A function decides by itself: reading and writing are both tried."""
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if view_class is None:
        return ("GET", "POST")
    return tuple(method for method in METHODS if hasattr(view_class, method.lower()))
