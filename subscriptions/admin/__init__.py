"""Plans, subscriptions and coupons at the desk: a module each."""

from subscriptions.admin import coupons, plans, subscriptions

__all__ = ["coupons", "plans", "subscriptions"]
