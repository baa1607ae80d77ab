"""A coupon in words: what it takes off, and for how long still."""

from __future__ import annotations

from billing_portal.kit.display.counting import count_text
from subscriptions import discounts
from subscriptions.drafting import off_text
from subscriptions.models import Coupon, Subscription


def what_off(coupon: Coupon) -> str:
    """'20%', '$50.00'."""
    return off_text(coupon.percent, coupon.amount_off_minor, coupon.currency)


def how_long(coupon: Coupon) -> str:
    """'off the first 3 invoices', 'off every invoice'."""
    if coupon.cycles is None:
        return "off every invoice"
    return "off the first invoice" if coupon.cycles == 1 else f"off the first {count_text(coupon.cycles, 'invoice')}"


def still_off(subscription: Subscription) -> str:
    """'WELCOME20 takes 20% off the next 2 invoices.'; empty where nothing comes off any more."""
    left, coupon = discounts.bills_left(subscription), subscription.coupon
    if coupon is None or left == 0:
        return ""
    if left is None:
        return f"{coupon.code} takes {what_off(coupon)} off every invoice."
    bills = "the next invoice" if left == 1 else f"the next {count_text(left, 'invoice')}"
    return f"{coupon.code} takes {what_off(coupon)} off {bills}."
