"""Plans, subscriptions and coupons at the desk: a module each for what is sold and for what takes something off."""

from subscriptions.admin import coupons, plans

__all__ = ["coupons", "plans"]
