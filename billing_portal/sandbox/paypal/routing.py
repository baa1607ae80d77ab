"""Which handler answers which method and path, who may ask it, and how long it remembers a PayPal-Request-Id."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Handler = Callable[..., Any]
HOURS_6, HOURS_72, DAYS_45 = 6 * 3600, 72 * 3600, 45 * 86_400


@dataclass(frozen=True)
class Route:
    """`remembers`: seconds; 0: request ids mean nothing. `who`: bearer, basic, or anybody. `empty`: a body is not
    expected."""

    method: str
    path: str
    pattern: re.Pattern[str]
    remembers: int
    who: str
    empty: bool
    handler: Handler

    @property
    def endpoint(self) -> str:
        """As PayPal's files call it."""
        return f"{self.method} {self.path}"


ROUTES: list[Route] = []


def route(
    method: str, path: str, *, remembers: int = 0, who: str = "bearer", empty: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler. It returns an Answer, or a body and a status (201: made; None: nothing to tell)."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", path))
        ROUTES.append(Route(method, path, pattern, remembers, who, empty, handler))
        return handler

    return register


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route and the ids in the path, or None."""
    for each in ROUTES:
        if each.method == method and (match := each.pattern.fullmatch(path)):
            return each, match.groups()
    return None
