"""Who is asked to pay, and how: those whose role may, by what is taken here. Others read how it stands."""

from __future__ import annotations

from typing import Any

from billing_portal.tenants.policies import TABLE
from payments.providers import registry
from payments.providers.base import Charges


def may_pay(request: Any) -> bool:
    """Whether the person who looks at this page pays for the tenant. `request.role` comes from the middleware."""
    return request.role in TABLE["payments.pay"].roles


def takes_cards() -> bool:
    """Whether money is taken by a provider that charges, beside checks and wires."""
    return isinstance(registry.provider_for("card"), Charges)
