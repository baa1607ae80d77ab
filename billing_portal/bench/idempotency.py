"""What the idempotency layer costs on an operation that asks nobody outside: declaring an offline payment."""

from __future__ import annotations

import json
from uuid import uuid4

from billing_portal.bench.client import post, timed
from billing_portal.bench.measuring import Side, Sides, Spent, comparison
from billing_portal.bench.servers import Bench
from billing_portal.bench.world import key_of, new_tenant

_BODY = json.dumps(
    {"amount": 2_900, "currency": "usd", "paymentMethod": {"type": "manual", "kind": "check"}, "description": "A check"}
).encode()


@comparison(
    name="idempotency",
    title="Declaring an offline payment with the idempotency layer ↔ the same view without it",
    unit="requests/s",
    at_least=0.8,
)
def idempotency(bench: Bench) -> Sides:
    """A new key with each request, also to the view that has no layer: its verb looks for the key in either case."""
    web = bench.portal
    secret = key_of(new_tenant())

    def declare(path: str, n: int) -> Spent:
        headers = {"Authorization": f"Bearer {secret}"}
        requests = [post(path, _BODY, {**headers, "Idempotency-Key": uuid4().hex}) for _ in range(n)]
        return timed(web, requests, status=201)

    return Sides(
        Side("with the layer", 60, lambda n: declare("/api/payments", n)),
        Side("without", 60, lambda n: declare("/bench/payments", n)),
        lambda: [f"Answers kept by the layer: {web.count('kit_idempotencyrecord'):,}."],
    )
