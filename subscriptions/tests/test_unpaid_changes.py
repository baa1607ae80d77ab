"""A change by Stripe that is not paid: nothing has changed, everybody says so, and it can be paid another way."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Invoice, Payment
from payments.tests.paypal_payments import post
from subscriptions.models import Subscription
from subscriptions.tests.pages_world import changes
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.stripe_plans import begun, followed, order, send, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe", "books_hold")]
DECLINES, ASKS = "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"
MORE = "plan=small&cycle=monthly&seats=5"


@pytest.fixture
def subscription(stripe: StripeWorld, owner: Client) -> Subscription:
    two_plans()
    found = begun(owner, seats=2)
    told(stripe)
    return found


def pays_with(stripe: StripeWorld, subscription: Subscription, method: str) -> None:
    """It is charged to another card of its payer's from now on."""
    card = stripe.saved_method(stripe.objects("subscriptions")[0]["customer"], method)
    stripe.api.subscriptions.update(subscription.provider_ref or "", {"default_payment_method": card})


def told_all(stripe: StripeWorld) -> None:
    for _ in range(2):
        told(stripe)
        followed()


def shown(client: Client) -> Any:
    return client.get("/api/subscription").json()


def test_declined_it_is_an_error_that_says_so_and_nothing_has_changed(
    stripe: StripeWorld, owner: Client, subscription: Subscription
) -> None:
    pays_with(stripe, subscription, DECLINES)
    answer = send(owner, "patch", "", {"seats": 5})
    failed = Payment.objects.get(status="failed")
    assert (answer.status_code, answer.json()["code"]) == (402, "card_declined"), answer.content
    assert answer.json()["paymentId"] == str(failed.id)
    assert "Nothing has changed" in answer.json()["detail"]
    told_all(stripe)
    assert (shown(owner)["seats"], stripe.taken()) == (2, [2_000])


def test_declined_on_the_page_it_leads_to_paying_it_another_way(
    stripe: StripeWorld, owner: Client, subscription: Subscription
) -> None:
    pays_with(stripe, subscription, DECLINES)
    to = changes(owner, MORE)["Location"]
    bill = Invoice.objects.get(status="open")
    assert to.startswith(f"/invoices/{bill.id}/pay?declined=")
    assert "Nothing has changed yet" in words(owner.get(to))
    told_all(stripe)
    page = owner.get("/subscription")
    assert "Your bank declined" in words(page) and "2 seats × $10.00" in words(page)
    assert "It is Professional" not in words(page) and "Changed to" not in words(page)
    assert f"Pay {bill.number}" in words(page)
    method = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
    paid = post(owner, f"/api/invoices/{bill.id}/pay", {"paymentMethod": method})
    assert (paid.status_code, paid.json()["status"]) == (201, "succeeded"), paid.content
    told_all(stripe)
    assert (shown(owner)["seats"], stripe.taken()) == (5, [2_000, 3_000])
    after = words(owner.get("/subscription"))
    assert "Changed to Professional, monthly, 5 seats" in after and "Your bank declined" not in after


def test_what_the_bank_wants_confirmed_changes_when_it_is(
    stripe: StripeWorld, owner: Client, subscription: Subscription
) -> None:
    pays_with(stripe, subscription, ASKS)
    to = changes(owner, MORE)["Location"]
    waiting = Payment.objects.get(status="requires_action")
    assert to == f"/payments/{waiting.id}/confirm"
    assert owner.get(to).status_code == 200
    before = words(owner.get("/subscription"))
    assert "Your bank wants you to confirm a change" in before and "Confirm $30.00" in before
    assert shown(owner)["seats"] == 2 and shown(owner)["clientSecret"].startswith("pi_")
    stripe.authenticate(waiting.provider_ref or shown(owner)["clientSecret"].partition("_secret")[0])
    told_all(stripe)
    assert (shown(owner)["seats"], shown(owner)["clientSecret"]) == (5, None)
    assert "confirm a change" not in words(owner.get("/subscription"))


def test_the_history_of_a_start_says_what_became_of_it(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    order(owner, DECLINES)
    begun(owner)
    told_all(stripe)
    story = words(owner.get("/subscription")).partition("What happened")[2]
    assert "The first payment came" in story
    assert "It did not begin Another was begun in its place." in story
    assert story.count("Subscription started") == 2
    assert "Waits for you" not in story and "by Stripe”" not in story


def test_one_that_was_given_up_did_not_begin(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    made = order(owner, ASKS).json()
    owner.post(f"/subscription/{made['id']}/give-up")
    told_all(stripe)
    assert "It did not begin It was given up." in words(owner.get("/subscription"))
