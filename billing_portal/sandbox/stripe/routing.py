"""Which handler answers which method and path, with which parameters, and whether Stripe.js may ask it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing_portal.sandbox.stripe.acts import Act

Handler = Callable[..., dict[str, Any]]
ALWAYS_KNOWN = frozenset({"expand"})
# What Stripe.js adds to its requests.
FROM_THE_BROWSER = frozenset({"key", "client_secret", "use_stripe_sdk", "return_url"})


@dataclass(frozen=True)
class Route:
    """`publishable`: may be asked with a publishable key (and, where there is an intent, its client secret)."""

    method: str
    pattern: re.Pattern[str]
    known: frozenset[str]
    publishable: bool
    handler: Handler

    def run(self, act: Act, path: str) -> dict[str, Any]:
        """Call the handler with the path's ids."""
        match = self.pattern.fullmatch(path)
        assert match
        return self.handler(act, *match.groups())


ROUTES: list[Route] = []


def route(method: str, path: str, known: str = "", *, publishable: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler. `known`: the names of the parameters it acts on, divided by spaces."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", path))
        names = frozenset(known.split()) | ALWAYS_KNOWN | (FROM_THE_BROWSER if publishable else frozenset())
        ROUTES.append(Route(method, pattern, names, publishable, handler))
        return handler

    return register


def find(method: str, path: str) -> Route | None:
    """The route, or None. Fixed paths are registered before those with an id in the same place."""
    return next((r for r in ROUTES if r.method == method and r.pattern.fullmatch(path)), None)
