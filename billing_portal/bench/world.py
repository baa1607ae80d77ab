"""A tenant for comparisons, and a key for its server."""

from __future__ import annotations

from uuid import uuid4

from django.utils import timezone

from billing_portal.kit.actors import Actor
from billing_portal.tenants.actions.creating import create_tenant
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.models import Scope, Tenant

SYSTEM = Actor.system("bench")


def new_tenant() -> Tenant:
    """A tenant whose books are empty."""
    slug = f"bench-{uuid4().hex[:8]}"
    return create_tenant(
        slug=slug,
        name="Bench",
        billing_email="billing@bench.example",
        currency="usd",
        actor=SYSTEM,
        now=timezone.now(),
    )


def key_of(tenant: Tenant) -> str:
    """The secret of a new API key with every scope."""
    _, secret = create_api_key(tenant=tenant, name="bench", scopes=Scope.values, actor=SYSTEM, now=timezone.now())
    return secret
