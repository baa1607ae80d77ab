"""Make what Stripe keeps one of: a product, a price, a coupon. Whoever comes second finds the first one's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from payments.providers.errors import ProviderRejected, UnknownReference
from payments.providers.stripe.errors import translated

# Whoever was slower hears this; Stripe keeps the id of a product and of a coupon, and a price's lookup key, unique for
# ever.
TAKEN = "resource_already_exists"
_Thing = dict[str, Any]


def found_by_id(find: Callable[[], _Thing]) -> _Thing | None:
    """None where Stripe does not know it. Raises ProviderError."""
    try:
        with translated(moves_money=False):
            return find()
    except UnknownReference:
        return None


def made_once(make: Callable[[], _Thing], find: Callable[[], _Thing | None]) -> _Thing:
    """What was made, or what somebody else had made just before. Raises ProviderError."""
    try:
        with translated(moves_money=False):
            return make()
    except ProviderRejected as error:
        found = find() if error.code == TAKEN else None
        if found is None:
            raise
        return found
