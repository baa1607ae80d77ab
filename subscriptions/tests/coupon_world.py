"""Coupons, for tests: made by the verb, and what they took off read from the invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing_portal.kit.money import Money
from billing_portal.tests import world
from subscriptions.actions.couponing import make_coupon
from subscriptions.models import Coupon, Subscription
from subscriptions.tests.plan_world import invoices


def coupon(
    code: str = "WELCOME20",
    percent: str | None = "20",
    amount: Money | None = None,
    cycles: int | None = 3,
    **facts: Any,
) -> Coupon:
    """20% off the first three periods."""
    percent_off = None if amount else Decimal(percent)
    return make_coupon(
        code=code, percent_off=percent_off, amount_off=amount, cycles=cycles, **({"now": world.START} | facts)
    )


def totals(subscription: Subscription) -> list[int]:
    """With tax, oldest first."""
    return [each.total_minor for each in invoices(subscription)]


def lines(subscription: Subscription) -> list[tuple[str, int]]:
    """Of its newest invoice."""
    newest = invoices(subscription)[-1]
    return list(newest.lines.order_by("position").values_list("title", "amount_minor"))
