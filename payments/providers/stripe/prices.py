"""Prices: one for each key, of a product for each plan; made once and found again by the key.

https://docs.stripe.com/api/prices, https://docs.stripe.com/products-prices/manage-prices#lookup-keys
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from payments.providers.errors import ProviderRejected
from payments.providers.recurring import PriceRequest
from payments.providers.stripe.amounts import limits, to_stripe
from payments.providers.stripe.errors import translated
from payments.providers.stripe.making import found_by_id, made_once

INTERVALS = {"monthly": "month", "yearly": "year"}
_LONGEST_KEY = 200


class Prices:
    """What `StripeProvider` does with prices; see there."""

    def __init__(self, api: Any, *, environment: str) -> None:
        self._api, self._environment = api, environment

    def ensure(self, request: PriceRequest) -> str:
        """Looked up first, and under no idempotency key: the lookup key makes it once, longer than a day.

        An archived one is refused: Stripe sells it no more, because somebody said so in its dashboard.
        Source: Stripe API, "Create a price", "List all prices".
        """
        key = f"{self._environment}:{request.key}"
        if not request.key or len(key) > _LONGEST_KEY:
            raise ProviderRejected("Stripe can't keep a price by this key")
        terms = _wanted(request)
        with translated(moves_money=False):
            price = self._found(key) or self._made(request, key, terms)
            if _terms(price) != terms:
                raise ProviderRejected("Stripe has this price with another amount or cycle")
            if not price["active"]:
                raise ProviderRejected("This price is archived at Stripe")
            return str(price["id"])

    def _found(self, key: str) -> dict[str, Any] | None:
        page = self._api.prices.list({"lookup_keys": [key], "limit": 1})
        return page.data[0].to_dict() if page.data else None

    def _made(self, request: PriceRequest, key: str, terms: Mapping[str, Any]) -> dict[str, Any]:
        parameters = {
            "product": self._product(request),
            "currency": terms["currency"],
            "unit_amount": terms["unit_amount"],
            "recurring": {"interval": terms["interval"], "interval_count": 1},
            "lookup_key": key,
            "metadata": {"plan": request.plan_code, "env": self._environment},
        }
        return made_once(lambda: self._api.prices.create(parameters).to_dict(), lambda: self._found(key))

    def _product(self, request: PriceRequest) -> str:
        """By an id of ours. Its name is what the payer reads on Stripe's invoices. Source: "Create a product"."""
        reference = re.sub(r"[^A-Za-z0-9_-]", "-", f"portal-{self._environment}-{request.plan_code}")
        parameters = {"id": reference, "name": request.plan_name, "metadata": {"env": self._environment}}

        def find() -> dict[str, Any] | None:
            return found_by_id(lambda: self._api.products.retrieve(reference).to_dict())

        if find() is None:
            made_once(lambda: self._api.products.create(parameters).to_dict(), find)
        return reference


def _wanted(request: PriceRequest) -> dict[str, Any]:
    """Raises ProviderRejected for what Stripe can't charge."""
    if request.cycle not in INTERVALS:
        raise ProviderRejected(f"Stripe is asked for no cycle that is {request.cycle!r}")
    unit_amount, known = to_stripe(request.per_seat), limits(request.per_seat.currency)
    if known is None or request.per_seat.minor % known.step:
        raise ProviderRejected("Stripe takes no such amount in this currency")
    return {
        "currency": request.per_seat.currency,
        "unit_amount": unit_amount,
        "interval": INTERVALS[request.cycle],
        "is_plain": True,
    }


def _terms(price: Mapping[str, Any]) -> dict[str, Any]:
    """`is_plain`: so much for each seat of each period, and nothing cleverer."""
    recurring = price.get("recurring") or {}
    return {
        "currency": price["currency"],
        "unit_amount": price["unit_amount"],
        "interval": recurring.get("interval"),
        "is_plain": (
            recurring.get("interval_count") == 1
            and recurring.get("usage_type") == "licensed"
            and price.get("billing_scheme") == "per_unit"
            and not price.get("transform_quantity")
        ),
    }
