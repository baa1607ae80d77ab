"""Who wants to know when an intent, a method or a customer changes: billing, of which payments know nothing."""

from collections.abc import Callable

from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json

Watcher = Callable[[Act, Json], None]
_WATCHERS: dict[str, list[Watcher]] = {}


def watches(what: str) -> Callable[[Watcher], Watcher]:
    """Register who is told of `what`: payment_intent, setup_intent, payment_method.detached, customer.deleted."""

    def register(watcher: Watcher) -> Watcher:
        _WATCHERS.setdefault(what, []).append(watcher)
        return watcher

    return register


def tell(act: Act, what: str, thing: Json) -> None:
    """It changed, and is saved as it is now."""
    for watcher in _WATCHERS.get(what, ()):
        watcher(act, thing)
