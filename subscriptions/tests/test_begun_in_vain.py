"""Starts at a provider that came to nothing, or that nobody could read: they charge nobody twice, run beside nothing,
and take away nothing that is paid for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import SYSTEM
from payments.actions.crediting import issue_credit_note
from payments.models import Discrepancy, Invoice, Payment, Refund
from payments.providers import breaker
from payments.tests.offline_world import check_over, verify_check
from subscriptions import tasks
from subscriptions.actions import comparing, giving_up, moving
from subscriptions.actions.subscribing import start_subscription
from subscriptions.entitlement import entitlement
from subscriptions.models import Subscription
from subscriptions.tests import paypal_plans
from subscriptions.tests.plan_world import price, two_plans
from subscriptions.tests.stripe_plans import begun, followed, order, send, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
NEEDS_BANK = "pm_card_authenticationRequired"


def test_agreed_to_in_another_currency_after_another_has_begun_it_ends_at_paypal(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    first = paypal_plans.begun(owner, paypal_plans.at_paypal(price(currency="eur")))
    start_subscription(tenant=acme, price=price(1_000, code="other"), seats=1, actor=SYSTEM, now=timezone.now())
    followed()
    paypal.approve(first.provider_ref or "")
    paypal_plans.told(paypal)
    tasks.follow_all()
    assert paypal.objects("subscriptions")[0]["status"] == "CANCELLED"
    told_of = Discrepancy.objects.filter(closed_at=None, kind=Discrepancy.Kind.AMOUNT_DIFFERS)
    assert "It could not be booked" in told_of.get().detail, "its money is for staff: our books can't hold it"


def test_begun_and_not_to_be_read_it_is_no_error_that_asks_to_begin_again(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    stripe.fault("html_500", "/v1/invoices*", method="GET", times=2)
    body = json.dumps({"planType": "small", "billingCycle": "monthly", "paymentMethodId": "pm_1234567890"})
    for _ in range(2):
        answer = owner.post("/api/subscription", body, "application/json", HTTP_IDEMPOTENCY_KEY="one")
        assert (answer.status_code, answer.json()["status"]) == (201, "incomplete"), answer.content
        breaker.forget()
    told(stripe)
    assert (Subscription.objects.get().status, stripe.taken()) == ("active", [1_000])


def test_what_is_paid_for_stays_whatever_was_begun_in_vain(
    stripe: StripeWorld, paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    paid = paypal_plans.agreed(paypal, paypal_plans.begun(owner, paypal_plans.at_paypal(price())))
    paypal_plans.post(owner, f"{paypal_plans.PATH}/{paid.id}/cancel")
    before = entitlement(acme, timezone.now())
    assert before.active, "to the end of what was paid"
    two_plans()
    made = Subscription.objects.get(id=order(owner, NEEDS_BANK).json()["id"])
    giving_up.give_up(subscription_id=made.id, actor=SYSTEM, now=timezone.now())
    assert entitlement(acme, timezone.now()) == before


def test_a_check_for_a_bill_that_is_void_is_credit_and_does_not_go_back_by_itself(
    stripe: StripeWorld, owner: Client
) -> None:
    two_plans()
    made = Subscription.objects.get(id=order(owner, NEEDS_BANK).json()["id"])
    check = check_over([], [], amount=1_000, named=Invoice.objects.get(), now=timezone.now())
    giving_up.give_up(subscription_id=made.id, actor=SYSTEM, now=timezone.now())
    told(stripe)
    followed()
    verify_check(check, now=timezone.now())
    assert send(owner, "post", "", {"planType": "small", "billingCycle": "monthly"}).status_code == 201
    tasks.follow_all()
    followed()
    assert not Refund.objects.exists(), "it has paid the subscription that runs"


def test_a_list_that_is_old_by_now_ends_and_tells_nothing(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    begun(owner)
    told(stripe)
    old = list(stripe.provider.subscriptions_since(timezone.now() - timedelta(days=2)))
    send(owner, "post", "/cancel", {"atPeriodEnd": False})

    class Page:
        """The provider, whose list was read before."""

        def __getattr__(self, name: str) -> Any:
            return getattr(stripe.provider, name)

        def subscriptions_since(self, since: Any) -> Any:
            return iter(old)

    comparing.compare(provider=Page(), since=timezone.now(), actor=SYSTEM, clock=timezone.now)  # type: ignore[arg-type]
    assert not Discrepancy.objects.exists()


def test_come_to_wait_for_its_payer_after_it_ended_here_it_ends_there(stripe: StripeWorld, owner: Client) -> None:
    """It was given up while nobody knew that Stripe had begun it."""
    two_plans()
    stripe.fault("drop_after", "/v1/subscriptions", times=2)
    made = Subscription.objects.get(id=order(owner, NEEDS_BANK).json()["id"])
    moving.end_unbegun(subscription_id=made.id, reason="given up", actor=SYSTEM, now=timezone.now())
    told(stripe)
    assert stripe.objects("subscriptions")[0]["status"] == "incomplete_expired"
    assert not Payment.objects.filter(status="requires_action").exists()
    assert not Invoice.objects.filter(status="open").exists()


@pytest.mark.parametrize(("other", "back"), [(600, [400]), (1_000, []), (0, [1_000])])
def test_what_has_paid_something_else_by_now_does_not_go_back_by_itself(
    stripe: StripeWorld, acme: Any, owner: Client, other: int, back: list[int]
) -> None:
    """Its bill was credited before its payer confirmed: the money was credit then, and has paid for what runs."""
    two_plans()
    order(owner, NEEDS_BANK)
    payment = Payment.objects.get()
    moving.end_unbegun(
        subscription_id=Subscription.objects.get().id, reason="given up", actor=SYSTEM, now=timezone.now()
    )
    facts: dict[str, Any] = {"amount": payment.amount, "reason": "it never began", "actor": SYSTEM}
    issue_credit_note(invoice_id=Invoice.objects.get().id, now=timezone.now(), **facts)
    stripe.authenticate(payment.provider_ref or "")
    told(stripe)
    if other:
        facts = {"price": price(other, code="other"), "seats": 1, "actor": SYSTEM, "now": timezone.now()}
        start_subscription(tenant=acme, **facts)
    for _ in range(2):
        followed()
        assert [each["amount"] for each in stripe.objects("refunds")] == back
    staffs = Discrepancy.objects.get(kind="not_needed", closed_at=None)
    assert staffs.amount_minor == (other or 1_000)
    assert ("other invoices have been paid with it" in staffs.detail) is bool(other)
