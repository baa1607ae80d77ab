"""Whatever happens to a subscription or to its invoices leads back to the subscription."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe as sdk

from billing_portal.tests.stripe_world import WEBHOOK_SECRET, StripeWorld
from payments.providers.facts import SignedEvent, Topic
from payments.tests.provider_stripe_subscriptions.life import Life

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def told(stripe: StripeWorld, event: dict[str, Any]) -> SignedEvent:
    body = json.dumps(event)
    stamp = int(NOW.timestamp())
    signature = sdk.WebhookSignature._compute_signature(f"{stamp}.{body}", WEBHOOK_SECRET)
    return stripe.provider.verify(body.encode(), {"Stripe-Signature": f"t={stamp},v1={signature}"}, NOW)


def of_invoice(**invoice: Any) -> dict[str, Any]:
    about = {"object": "invoice", "id": "in_1", **invoice}
    return {
        "id": "evt_1",
        "type": "invoice.paid",
        "livemode": False,
        "created": int(NOW.timestamp()),
        "data": {"object": about},
    }


def test_a_life_of_a_subscription_is_told_by_its_own_id_alone(stripe: StripeWorld, life: Life) -> None:
    reference = life.start().provider_ref
    stripe.panel("POST", "bill", {"subscriptionId": reference, "outcome": "failed"})
    life.provider.cancel_subscription(reference, reason="Enough")
    events = [told(stripe, each) for each in stripe.objects("events")]
    about = [each for each in events if each.kind.startswith(("invoice.", "customer.subscription."))]
    assert {each.kind for each in about} >= {
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_failed",
        "customer.subscription.created",
        "customer.subscription.deleted",
    }
    assert {(each.topic, each.object_ref) for each in about} == {(Topic.SUBSCRIPTION, reference)}


@pytest.mark.parametrize(
    ("invoice", "topic", "reference"),
    [
        ({"parent": {"subscription_details": {"subscription": "sub_1"}}}, Topic.SUBSCRIPTION, "sub_1"),
        ({"subscription": "sub_1"}, Topic.SUBSCRIPTION, "sub_1"),
        ({"id": None, "subscription": "sub_1"}, Topic.SUBSCRIPTION, "sub_1"),
        ({"parent": None}, Topic.INVOICE, "in_1"),
        ({"parent": {"subscription_details": None, "quote_details": {}}}, Topic.INVOICE, "in_1"),
    ],
)
def test_an_invoice_is_about_its_subscription_where_it_has_one(
    stripe: StripeWorld, invoice: dict[str, Any], topic: Topic, reference: str
) -> None:
    event = of_invoice(**invoice)
    found = told(stripe, event)
    assert (found.topic, found.object_ref) == (topic, reference)
    assert stripe.provider.reread(event["type"], event) == (topic, reference), "as when it is taken up again"


def test_a_stored_event_that_says_too_little_stays_about_what_it_was(stripe: StripeWorld) -> None:
    assert stripe.provider.reread("invoice.paid", {}) == (Topic.INVOICE, None)
    assert stripe.provider.reread("of.no.kind", {"data": {"object": {"object": "x", "id": "x_1"}}}) == (None, "x_1")


def test_a_payment_of_an_invoice_names_no_payment_of_ours(stripe: StripeWorld, life: Life) -> None:
    life.start()
    (intent,) = stripe.objects("payment_intents")
    assert life.provider.look_up(intent["id"]).payment_id is None
