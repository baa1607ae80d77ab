"""A bill that Stripe could not collect: how it comes about, and what both books say of it."""

from __future__ import annotations

from typing import Any

from django.test import Client

from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Invoice, Payment
from payments.tests.paypal_payments import post
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.stripe_plans import begun, billed, followed, told

CENTS = 1_000
PAID_TWICE = [("paid", CENTS), ("paid", CENTS)]


def past_due(stripe: StripeWorld, owner: Client) -> Subscription:
    """Its second month was declined, and Stripe will try again."""
    two_plans()
    found = begun(owner)
    heard(stripe)
    billed(stripe, found, "failed")
    heard(stripe)
    return found


def open_bill(subscription: Subscription) -> Invoice:
    return Invoice.objects.get(subscription_ref=subscription.id, status="open")


def heard(stripe: StripeWorld) -> None:
    """What Stripe has to tell has come, and what follows from it is done."""
    told(stripe)
    followed()


def status(subscription: Subscription) -> str:
    subscription.refresh_from_db()
    return subscription.status


def theirs(stripe: StripeWorld) -> dict[str, Any]:
    """Stripe's newest bill."""
    return stripe.objects("invoices")[-1]


def by_card(client: Client, invoice: Invoice, method: str = "pm_card_visa", **headers: str) -> Any:
    body = {"paymentMethod": {"type": "card", "stripePaymentMethodId": method}}
    return post(client, f"/api/invoices/{invoice.id}/pay", body, **headers)


def approved_order(paypal: PayPalWorld, owner: Client, invoice: Invoice) -> Payment:
    """An order for all of it, to which its payer has agreed."""
    answer = post(owner, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": {"type": "paypal"}})
    assert answer.status_code == 201, answer.content
    payment = Payment.objects.get(id=answer.json()["id"])
    paypal.approve(payment.provider_ref or "")
    return payment
