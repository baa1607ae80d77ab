"""The request as the API's views see it: with the tenant it acts for, and who acts."""

from __future__ import annotations

from rest_framework.request import Request

from billing_portal.kit.actors import Actor
from billing_portal.tenants.models import Tenant


class TenantRequest(Request):
    """What `May` leaves on a request that it lets through, and `@idempotent` adds; a type for annotations only."""

    tenant: Tenant
    actor: Actor
    role: str | None
    idempotency_key: str | None
