"""Who is asked to pay: those whose role may. Others read how it stands."""

from __future__ import annotations

from typing import Any

from billing_portal.tenants.policies import TABLE


def may_pay(request: Any) -> bool:
    """Whether the person who looks at this page pays for the tenant. `request.role` comes from the middleware."""
    return request.role in TABLE["payments.pay"].roles
