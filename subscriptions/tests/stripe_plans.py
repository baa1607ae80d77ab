"""Subscriptions that Stripe charges, as their tests need them: begun, billed, told of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.utils import timezone

from billing_portal.notices import outbox
from billing_portal.tests.stripe_world import StripeWorld
from payments.inbox.handling import handle_due
from payments.models import Invoice
from subscriptions.models import Subscription


def send(client: Client, method: str, path: str = "", body: Any = None) -> Any:
    return getattr(client, method)(f"/api/subscription{path}", json.dumps(body or {}), content_type="application/json")


def order(client: Client, method: str = "pm_1234567890", **more: Any) -> Any:
    """The guide's body."""
    body = {"planType": "small", "billingCycle": "monthly", "paymentMethodId": method} | more
    return send(client, "post", "", body)


def begun(client: Client, method: str = "pm_1234567890", **more: Any) -> Subscription:
    answer = order(client, method, **more)
    assert answer.status_code == 201, answer.content
    return Subscription.objects.get(id=answer.json()["id"])


def told(stripe: StripeWorld) -> None:
    stripe.deliver()
    handle_due(timezone.now())


def billed(stripe: StripeWorld, subscription: Subscription, outcome: str = "paid") -> None:
    """Stripe renews it now; nobody is told yet."""
    stripe.panel("POST", "bill", {"subscriptionId": subscription.provider_ref, "outcome": outcome})


def invoices() -> list[tuple[str, int]]:
    return list(Invoice.objects.order_by("number").values_list("status", "total_minor"))


def followed() -> None:
    """What our own books leave behind is done."""
    for _ in range(3):
        outbox.deliver_due(timezone.now())


def in_between(
    stripe: StripeWorld, monkeypatch: Any, request: tuple[str, str], meanwhile: Callable[[], object], *, after: bool
) -> None:
    """What happens once while the next `request` (method, start of its path) is on its way to Stripe, or `after` Stripe
    has done it, while its answer is on the way back."""
    whole, method, path = stripe.wire.request, *request
    waiting = [meanwhile]

    def over_the_network(verb: str, url: str, *rest: Any, **more: Any) -> Any:
        happens = waiting.pop() if waiting and verb == method and path in url else None
        if happens and not after:
            happens()
        answer = whole(verb, url, *rest, **more)
        if happens and after:
            happens()
        return answer

    monkeypatch.setattr(stripe.wire, "request", over_the_network)
