"""A bill that Stripe could not collect, paid by many hands at once: cards, Stripe's own retry, its events, a check."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.errors import BillingError
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.errors import StillCollected
from payments.inbox.handling import handle_due
from payments.models import Invoice, Payment
from payments.tests.offline_world import check_over, verify_check
from payments.tests.paypal_payments import owner_of, post
from subscriptions.actions import following
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.stripe_plans import begun, billed, followed, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe", "books_hold")]

CENTS = 1_000


def owing(stripe: StripeWorld) -> tuple[Client, Subscription, Invoice]:
    """A tenant whose second month was declined, and its invoice of that month."""
    client = owner_of(world.tenant())
    subscription = begun(client)
    told(stripe)
    followed()
    billed(stripe, subscription, "failed")
    told(stripe)
    followed()
    return client, subscription, Invoice.objects.get(subscription_ref=subscription.id, status="open")


def taken_for(invoice: Invoice) -> int:
    """What has come for it, by whatever way, in minor units."""
    arrived = Payment.objects.filter(invoice=invoice, status__in=queries.ARRIVED)
    return sum(arrived.values_list("amount_minor", flat=True))


def test_many_cards_and_stripes_own_retry_at_once_are_one_charge(stripe: StripeWorld) -> None:
    two_plans()
    for _ in range(3):
        client, subscription, invoice = owing(stripe)
        before = len(stripe.taken())

        def act(number: int, invoice: Invoice = invoice, client: Client = client, of: Any = subscription) -> Any:
            if number == 0:
                return stripe.api.invoices.pay(invoice.provider_ref, {"payment_method": "pm_card_mastercard"})
            if number == 1:
                return following.follow(subscription_id=of.id, actor=world.SYSTEM, now=timezone.now())
            card = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
            return post(client, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": card}).status_code

        outcomes = at_once(6, act)
        followed()
        told(stripe)
        handle_due(timezone.now())
        followed()
        invoice.refresh_from_db()
        subscription.refresh_from_db()
        assert not [each for each in outcomes.errors if not isinstance(each, BillingError)][1:], outcomes.errors
        assert len(stripe.taken()) == before + 1
        assert (invoice.status, taken_for(invoice), subscription.status) == ("paid", CENTS, "active")


def test_a_check_and_a_card_at_once_pay_it_once_and_what_is_more_is_credit(stripe: StripeWorld) -> None:
    two_plans()
    clerk = world.user(staff=True)
    for _ in range(3):
        client, subscription, invoice = owing(stripe)
        before = len(stripe.taken())
        check = check_over([invoice], [CENTS], now=timezone.now())

        def act(number: int, invoice: Invoice = invoice, client: Client = client, check: Payment = check) -> Any:
            if number == 0:
                return verify_check(check, by=clerk, now=timezone.now())
            if number == 1:
                return followed()
            card = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
            return post(client, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": card}).status_code

        outcomes = at_once(4, act)
        assert all(isinstance(each, StillCollected) for each in outcomes.errors), outcomes.errors
        followed()
        verify_check(check, by=clerk, now=timezone.now())
        followed()
        told(stripe)
        followed()
        invoice.refresh_from_db()
        subscription.refresh_from_db()
        charged = (len(stripe.taken()) - before) * CENTS
        assert (invoice.status, subscription.status, stripe.objects("invoices")[-1]["status"]) == (
            "paid",
            "active",
            "paid",
        )
        assert queries.credit_balance(invoice.tenant, "usd").minor == charged, "the check, where a card was faster"
