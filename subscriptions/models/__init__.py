"""Plans and who is on which: a file for each."""

from subscriptions.models.coupon import Coupon
from subscriptions.models.plan import Plan, PlanAllowance, PlanOveragePrice, PlanPrice, PlanPriceRef, PlanVersion
from subscriptions.models.subscription import Subscription, SubscriptionTerms

__all__ = [
    "Coupon",
    "Plan",
    "PlanAllowance",
    "PlanOveragePrice",
    "PlanPrice",
    "PlanPriceRef",
    "PlanVersion",
    "Subscription",
    "SubscriptionTerms",
]
