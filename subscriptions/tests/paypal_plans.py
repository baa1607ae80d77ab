"""Subscriptions that PayPal charges, for tests: begun over HTTP, agreed to, renewed; told by webhooks or not at all."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from billing_portal.tests.paypal_world import PayPalWorld
from payments.inbox.handling import handle_due
from payments.providers import registry
from payments.providers.recurring import SellsPlans
from subscriptions import tasks
from subscriptions.actions import pricing
from subscriptions.models import PlanPrice, Subscription

PATH = "/api/payments/paypal/subscription"


def at_paypal(price: PlanPrice) -> str:
    """PayPal's own id of the price, as `sync_plans` makes it."""
    seller = registry.named("paypal", SellsPlans)
    assert seller
    return pricing.ensure(price, seller).provider_ref


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, json.dumps(body or {}), content_type="application/json")


def guide(plan: str, **more: Any) -> dict[str, Any]:
    """The guide's body."""
    payer = {"email": "customer@example.com", "firstName": "John", "lastName": "Doe"}
    return {"planId": plan, "payerInfo": payer, **more}


def begun(client: Client, plan: str, **more: Any) -> Subscription:
    answer = post(client, PATH, guide(plan, **more))
    assert answer.status_code == 201, answer.content
    assert answer.json()["approvalUrl"].startswith("http")
    return Subscription.objects.get(id=answer.json()["id"])


def told(paypal: PayPalWorld) -> None:
    """The webhooks come, and a worker handles them."""
    paypal.deliver()
    handle_due(timezone.now())


def agreed(paypal: PayPalWorld, subscription: Subscription) -> Subscription:
    """Its payer has agreed on PayPal's page, and PayPal has told."""
    paypal.approve(subscription.provider_ref or "")
    told(paypal)
    subscription.refresh_from_db()
    return subscription


def billed(paypal: PayPalWorld, subscription: Subscription, outcome: str = "paid") -> None:
    """PayPal renews it now; nobody is told yet."""
    paypal.panel("POST", "bill", {"subscriptionId": subscription.provider_ref, "outcome": outcome})


def at_night() -> None:
    """What no event has told is found."""
    tasks.follow_all()


def clock(paypal: PayPalWorld, now: datetime) -> None:
    paypal.panel("POST", "clock", {"now": now.strftime("%Y-%m-%dT%H:%M:%SZ")})
