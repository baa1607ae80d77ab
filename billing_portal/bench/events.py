"""Signed webhooks of Stripe for comparisons: as many different events as wanted, made beforehand."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings

from billing_portal.bench.client import post
from billing_portal.bench.places import HOST
from billing_portal.bench.servers import Bench
from billing_portal.bench.stub import EVENT_PATH
from billing_portal.sandbox.stripe.webhooks import signature

SUCCEEDED = "payment_intent.succeeded"
# Of a kind that neither side has a handler for.
UNHANDLED = "review.opened"
_FORGED = "whsec_of_somebody_else"


class Events:
    """Events like one that was `told` of a card payment's success, each about a payment of its own."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    @classmethod
    def of(cls, bench: Bench) -> Events:
        """Like the one that the stub tells of."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{HOST}:{bench.stub.port}{EVENT_PATH}", timeout=10) as answer:
            return cls(json.load(answer))

    def request(self, path: str, *, kind: str = SUCCEEDED, intent: str | None = None, forged: bool = False) -> bytes:
        """The POST that brings it, signed now: within five minutes it is as good as new."""
        body = self._body(kind, intent or f"pi_{uuid4().hex[:24]}")
        secret = _FORGED if forged else settings.STRIPE_WEBHOOK_SECRETS[0]
        return post(path, body, {"Stripe-Signature": signature(secret, body, int(time.time()))})

    def _body(self, kind: str, intent: str) -> bytes:
        """Every id that is a payment's own is new; its customer and card stay."""
        known = self._told["data"]["object"]
        text = json.dumps({**self._told, "id": f"evt_{uuid4().hex[:24]}", "type": kind})
        text = text.replace(known["id"], intent).replace(known["latest_charge"], f"ch_{intent.removeprefix('pi_')}")
        return text.encode()
