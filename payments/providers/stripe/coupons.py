"""Coupons: made at Stripe by an id of ours when they are not there, and never with other terms under that id.

https://docs.stripe.com/api/coupons, https://docs.stripe.com/billing/subscriptions/coupons
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from payments.providers.errors import ProviderRejected
from payments.providers.recurring import Coupon, StartRequest
from payments.providers.stripe.amounts import to_stripe
from payments.providers.stripe.errors import translated
from payments.providers.stripe.making import found_by_id, made_once

_MONTHS = {"month": 1, "year": 12}


class Coupons:
    """What a beginning needs of coupons."""

    def __init__(self, api: Any, *, environment: str) -> None:
        self._api, self._environment = api, environment

    def ensure(self, coupon: Coupon, request: StartRequest) -> str:
        """Stripe counts a repeating one in months from the beginning, a trial's among them: it is another coupon for a
        yearly price, and after a long trial. Source: Stripe API, "Create a coupon" (`duration_in_months`)."""
        with translated(moves_money=False):
            months = self._months(coupon, request)
            terms = _terms_of(coupon, months)
            reference = re.sub(r"[^A-Za-z0-9_-]", "-", f"{self._environment}-{coupon.code}")
            if months:
                reference += f"-{months}m"
            found = self._found(reference) or self._made(reference, terms, coupon)
            if _told(found) != _told(terms):
                raise ProviderRejected("Stripe has this coupon on other terms")
        return reference

    def _found(self, reference: str) -> dict[str, Any] | None:
        return found_by_id(lambda: self._api.coupons.retrieve(reference).to_dict())

    def _made(self, reference: str, terms: Mapping[str, Any], coupon: Coupon) -> dict[str, Any]:
        parameters = {"id": reference, "name": coupon.code[:40], "metadata": {"env": self._environment}, **terms}
        return made_once(lambda: self._api.coupons.create(parameters).to_dict(), lambda: self._found(reference))

    def _months(self, coupon: Coupon, request: StartRequest) -> int | None:
        if coupon.cycles is None or coupon.cycles == 1:
            return None
        recurring = self._api.prices.retrieve(request.price_ref).to_dict()["recurring"]
        whole = coupon.cycles * recurring["interval_count"] * _MONTHS[recurring["interval"]]
        free = _whole_months(request.asked_at, request.trial_end) if request.asked_at and request.trial_end else 0
        return whole + free


def trial_end_of(request: StartRequest) -> datetime | None:
    """A discount begins when Stripe makes the subscription, some seconds after it was asked to. With one a trial of
    whole months lasts a minute longer, so that no few seconds decide whether it is over before a bill."""
    start, end = request.asked_at, request.trial_end
    if not (request.coupon and start and end):
        return end
    is_whole = _whole_months(start, end) != _whole_months(start, end - timedelta(seconds=1))
    return end + timedelta(minutes=1) if is_whole and request.coupon.cycles != 1 else end


def _terms_of(coupon: Coupon, months: int | None) -> dict[str, Any]:
    if (coupon.percent_off is None) == (coupon.amount_off is None):
        raise ProviderRejected("A coupon takes off a percentage or an amount")
    terms: dict[str, Any] = {"duration": "repeating" if months else "once" if coupon.cycles else "forever"}
    if months:
        terms["duration_in_months"] = months
    if coupon.amount_off is not None:
        return terms | {"amount_off": to_stripe(coupon.amount_off), "currency": coupon.amount_off.currency}
    return terms | {"percent_off": float(coupon.percent_off or 0)}


def _told(coupon: Mapping[str, Any]) -> tuple[Any, ...]:
    percent = coupon.get("percent_off")
    names = ("duration", "duration_in_months", "amount_off", "currency")
    return (None if percent is None else Decimal(str(percent)), *(coupon.get(name) for name in names))


def _whole_months(start: datetime, end: datetime) -> int:
    """From 31 January to 1 March is one."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    count = (end.year - start.year) * 12 + end.month - start.month
    return max(0, count - ((end.day, end.time()) < (start.day, start.time())))
