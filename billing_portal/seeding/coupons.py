"""The demo's coupons, for whoever starts a subscription."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from billing_portal.kit.money import Money
from subscriptions.actions.couponing import make_coupon


def make_coupons(now: datetime) -> None:
    """A percentage off three periods for everybody, and an amount off the first one for the first hundred. Raises
    CouponTaken."""
    make_coupon(code="WELCOME20", percent_off=Decimal(20), cycles=3, now=now)
    make_coupon(code="FIRST50", amount_off=Money(5000, "usd"), cycles=1, max_redemptions=100, now=now)
