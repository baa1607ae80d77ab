"""The words for subscriptions: terms in a phrase, cycles, kinds of minutes, and who may act on them."""

from __future__ import annotations

from typing import Any

from billing_portal.kit.display.counting import count_text
from billing_portal.tenants.policies import TABLE
from subscriptions.models import PlanPrice
from subscriptions.models.plan import BillingCycle

# What a price is for: '$29.00 a seat and month'.
EACH = {BillingCycle.MONTHLY.value: "month", BillingCycle.YEARLY.value: "year"}
# In the order in which they are shown; what is not here follows by its own name.
KINDS = {"outbound": "Outbound", "inbound": "Inbound", "toll_free": "Toll-free"}
UNITS = {"call_minutes": "min"}


def may_manage(request: Any) -> bool:
    """Whether the person who looks at this page may start, change and end. `request.role` comes from the middleware."""
    return request.role in TABLE["subscription.manage"].roles


def terms_text(price: PlanPrice, seats: int) -> str:
    """'Professional, monthly, 12 seats'."""
    return f"{price.version.plan.name}, {price.billing_cycle}, {count_text(seats, 'seat')}"


def kind_title(meter: str, rate_class: str) -> str:
    """'Outbound'; of a meter that is not of calls, its own name."""
    return KINDS.get(rate_class, plain(rate_class if meter in UNITS else meter).capitalize())


def plain(name: str) -> str:
    """'call_recording' as 'call recording'."""
    return name.replace("_", " ")
