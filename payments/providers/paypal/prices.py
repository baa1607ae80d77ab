"""Prices as PayPal's plans: one for each key, all of one product, made once and found again by the key.

https://developer.paypal.com/docs/api/subscriptions/v1/#plans
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from billing_portal.kit.money import Money
from payments.providers.errors import ProviderMisconfigured, ProviderRejected, UnfitMethod, UnknownReference
from payments.providers.paypal.amounts import from_paypal, to_paypal
from payments.providers.paypal.client import PayPalClient, identifier
from payments.providers.paypal.errors import Refused, translated
from payments.providers.paypal.reading import prefixed, readable
from payments.providers.recurring import PriceRequest

PLANS, PRODUCTS = "/v1/billing/plans", "/v1/catalogs/products"
UNITS = {"monthly": "MONTH", "yearly": "YEAR"}
# As many failures in a row end in a suspension: PayPal tries again every five days.
FAILURES = 3
_PAGE = 20
_LONGEST = 127


class Prices:
    """What `PayPalProvider` does with prices; see there."""

    def __init__(self, client: PayPalClient, *, environment: str, brand_name: str) -> None:
        self._client, self._environment, self._brand_name = client, environment, brand_name

    def ensure(self, request: PriceRequest) -> str:
        """Looked up first, since PayPal forgets a request after 72 hours, and a plan can't be deleted.

        A plan that somebody made by hand under the very name, with the same terms and without a description, is taken
        for ours: our key becomes its description, so that it is taken once.
        """
        mark = self._mark(request.key)
        try:
            with translated(moves_money=False):
                plans = sorted(self._listed(), key=lambda each: str(each.get("create_time")))
                for each in plans:
                    if each.get("description") == mark:
                        return self._same(each, request)
                for each in plans:
                    if not each.get("description") and each.get("name") == _name(request) and self._fits(each, request):
                        return self._adopted(each, mark)
                return self._made(request, mark)
        except UnfitMethod as error:  # no payer is near: the account that is closed is ours
            raise ProviderMisconfigured(str(error), code=error.code, request_id=error.request_id) from error

    def _mark(self, key: str) -> str:
        mark = f"Price {prefixed(key, self._environment)}"
        if not key or len(mark) > _LONGEST or not mark.isascii():
            raise ProviderRejected("PayPal can't keep a price by this key")
        return mark

    def _listed(self) -> Iterator[dict[str, Any]]:
        """All plans of the account, as outlines: one that was made by hand is of any product."""
        number, seen = 1, set[str]()
        while True:
            answer = self._client.get(PLANS, page_size=str(_PAGE), page=str(number))
            with readable("list of plans"):
                page = [each for each in answer.content.get("plans") or [] if isinstance(each, dict)]
                fresh = [each for each in page if each["id"] not in seen]
                seen.update(each["id"] for each in fresh)
            yield from fresh
            if len(page) < _PAGE or not fresh:
                return
            number += 1

    def _whole(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        return self._client.get(f"{PLANS}/{identifier(plan.get('id'))}").content

    def _same(self, outline: Mapping[str, Any], request: PriceRequest) -> str:
        plan = self._whole(outline)
        with readable("plan"):
            terms = _terms(plan)
        if terms != (UNITS.get(request.cycle), request.per_seat):
            raise ProviderRejected("PayPal has this price with another amount or cycle")
        return str(outline["id"])

    def _fits(self, outline: Mapping[str, Any], request: PriceRequest) -> bool:
        """One with prices that we can't read (in tiers, say) is not on these terms."""
        plan = self._whole(outline)
        try:
            return (
                plan["status"] == "ACTIVE"
                and plan.get("quantity_supported") is True
                and len(plan["billing_cycles"]) == 1
                and not plan.get("taxes")
                and not _is_some((plan.get("payment_preferences") or {}).get("setup_fee"))
                and _terms(plan) == (UNITS.get(request.cycle), request.per_seat)
            )
        except (ProviderRejected, KeyError, TypeError, AttributeError):
            return False

    def _adopted(self, outline: Mapping[str, Any], mark: str) -> str:
        reference = str(outline["id"])
        operation = {"op": "replace", "path": "/description", "value": mark}
        self._client.patch(f"{PLANS}/{identifier(reference)}", [operation])
        return reference

    def _made(self, request: PriceRequest, mark: str) -> str:
        """Source: PayPal Subscriptions v1, POST /v1/billing/plans (remembers a request id for 72 hours)."""
        if request.cycle not in UNITS:
            raise ProviderRejected(f"PayPal is asked for no cycle that is {request.cycle!r}")
        cycle = {
            "frequency": {"interval_unit": UNITS[request.cycle], "interval_count": 1},
            "tenure_type": "REGULAR",
            "sequence": 1,
            "total_cycles": 0,
            "pricing_scheme": {"fixed_price": to_paypal(request.per_seat)},
        }
        content = {
            "product_id": self._product(),
            "name": _name(request),
            "description": mark,
            "billing_cycles": [cycle],
            "payment_preferences": {"auto_bill_outstanding": True, "payment_failure_threshold": FAILURES},
            "quantity_supported": True,
        }
        request_id = f"plan:{prefixed(request.key, self._environment)}"
        answer = self._client.post(PLANS, content, request_id=request_id)
        with readable("plan"):
            return identifier(answer.content["id"])

    def _product(self) -> str:
        """One for all plans: PayPal moves a subscription from a plan to another of the same product only.

        Source: PayPal Catalog Products v1; Subscriptions v1, revise (PLAN_PRODUCT_NOT_COMPATIBLE).
        """
        reference = re.sub(r"[^A-Za-z0-9-]", "-", prefixed("PORTAL-PLANS", self._environment))[-50:]
        try:
            with translated(moves_money=False):
                self._client.get(f"{PRODUCTS}/{identifier(reference)}")
        except UnknownReference:
            name = self._brand_name[:_LONGEST] or "Subscriptions"
            content = {"id": reference, "name": name, "type": "SERVICE", "category": "SOFTWARE"}
            try:
                self._client.post(PRODUCTS, content, request_id=f"product:{reference}")
            except Refused as refused:
                if not refused.among("DUPLICATE_RESOURCE_IDENTIFIER"):  # somebody was faster
                    raise
        return reference


def _name(request: PriceRequest) -> str:
    """`Professional, monthly`: what the payer reads."""
    return f"{request.plan_name[:100]}, {request.cycle}"


def _terms(plan: Mapping[str, Any]) -> tuple[str, Money]:
    """(unit of the cycle, price of a seat). Raises ProviderRejected for a price that can't be told in our units."""
    regular = regular_cycle(plan)
    frequency = regular["frequency"]
    unit, count = frequency["interval_unit"], frequency.get("interval_count", 1)
    return (unit if count == 1 else f"{count} {unit}", from_paypal(regular["pricing_scheme"]["fixed_price"]))


def regular_cycle(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """The cycle that goes on. Raises KeyError without one."""
    for cycle in plan["billing_cycles"]:
        if cycle["tenure_type"] == "REGULAR":
            found: Mapping[str, Any] = cycle
            return found
    raise KeyError("REGULAR")


def _is_some(money: Mapping[str, Any] | None) -> bool:
    return bool(money) and bool(from_paypal(money or {}))
