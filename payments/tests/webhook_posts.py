"""Stripe's webhooks for tests: an event's bytes, their signature, and the request."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from billing_portal.sandbox.stripe.webhooks import signature
from billing_portal.tests.stripe_world import WEBHOOK_PATH, WEBHOOK_SECRET


def event_body(kind: str = "payment_intent.succeeded", **facts: Any) -> bytes:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "api_version": "2025-03-31.basil",
        "created": 1_790_000_000,
        "livemode": False,
        "data": {
            "object": {"id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_x", "note": "ü 😀"}
        },
        **facts,
    }
    return json.dumps(event).encode()


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, seconds: int = 0) -> str:
    return signature(secret, body, int(timezone.now().timestamp()) + seconds)


def post(body: bytes, header: str | None = None, **more: Any) -> Any:
    headers = {} if header is None else {"HTTP_STRIPE_SIGNATURE": header}
    return Client(enforce_csrf_checks=True).post(WEBHOOK_PATH, body, content_type="application/json", **headers, **more)
