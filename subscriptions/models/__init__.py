"""Plans and who is on which: a file for each."""

from subscriptions.models.plan import Plan, PlanAllowance, PlanOveragePrice, PlanPrice, PlanPriceRef, PlanVersion
from subscriptions.models.subscription import Subscription, SubscriptionTerms

__all__ = [
    "Plan",
    "PlanAllowance",
    "PlanOveragePrice",
    "PlanPrice",
    "PlanPriceRef",
    "PlanVersion",
    "Subscription",
    "SubscriptionTerms",
]
