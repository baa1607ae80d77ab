"""What it costs to ask what a tenant may use, which the call center's servers do on every call."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.utils import timezone

from billing_portal.bench.client import get, timed
from billing_portal.bench.measuring import Side, Sides, Spent, comparison
from billing_portal.bench.servers import Bench
from billing_portal.bench.world import SYSTEM, key_of, new_tenant
from subscriptions.actions.planning import define_plan
from subscriptions.actions.subscribing import start_subscription


@comparison(
    name="entitlements",
    title="Asking what may be used, with a key ↔ a bare Django view with one indexed read",
    unit="requests/s",
    at_least=None,
)
def entitlements(bench: Bench) -> Sides:
    """Ours finds the key, the tenant, the subscription with its terms, and counts the caller; theirs reads one row by
    its primary key, for anybody, in the same server."""
    web, tenant, now = bench.portal, new_tenant(), timezone.now()
    version = define_plan(
        code=f"bench-{uuid4().hex[:8]}",
        name="Bench",
        now=now,
        allowances={("call_minutes", "outbound"): Decimal(100)},
        overage={},
        prices={("monthly", "usd"): (2_900, 1)},
        features=["recording", "ivr"],
    )
    began = now - timedelta(days=1)
    subscription = start_subscription(tenant=tenant, price=version.prices.get(), seats=12, actor=SYSTEM, now=began)
    secret = key_of(tenant)

    def ask(path: str, n: int) -> Spent:
        request = get(path, {"Authorization": f"Bearer {secret}"})
        return timed(web, [request] * n, status=200)

    return Sides(
        Side("entitlements", 300, lambda n: ask("/api/subscription/entitlements", n)),
        Side("a bare view", 300, lambda n: ask(f"/bench/read/{subscription.id}", n)),
    )
