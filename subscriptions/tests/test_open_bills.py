"""A bill that Stripe could not collect, paid all the same: by another card, by a new default, by check, at PayPal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments import tasks as payment_tasks
from payments.actions import saving_methods
from payments.actions.recording import reject_manual_payment
from payments.errors import PartOfBill, StillCollected
from payments.models import Discrepancy, Invoice, LedgerLeg, Payment
from payments.providers import breaker
from payments.tests.methods_world import card
from payments.tests.offline_world import check_over, returned, verify_check
from payments.tests.paypal_payments import post
from subscriptions import tasks
from subscriptions.models import Subscription
from subscriptions.tests.open_bills import (
    CENTS,
    PAID_TWICE,
    approved_order,
    by_card,
    open_bill,
    past_due,
    status,
    theirs,
)
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.stripe_plans import begun, followed, invoices, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe", "books_hold")]


@pytest.fixture
def subscription(stripe: StripeWorld, owner: Client) -> Subscription:
    return past_due(stripe, owner)


@pytest.fixture
def invoice(subscription: Subscription) -> Invoice:
    return open_bill(subscription)


@pytest.fixture
def approved(paypal: PayPalWorld, owner: Client, invoice: Invoice) -> Payment:
    return approved_order(paypal, owner, invoice)


def cash(account: str) -> int:
    return sum(LedgerLeg.objects.filter(account=account).values_list("amount_minor", flat=True))


# --- By another card ---


def test_another_card_pays_stripes_own_bill(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    answer = by_card(owner, invoice, HTTP_IDEMPOTENCY_KEY="a")
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded"), answer.content
    payment = Payment.objects.get(id=answer.json()["id"])
    followed()
    assert (status(subscription), invoices(), stripe.taken()) == ("active", PAID_TWICE, [CENTS, CENTS])
    assert theirs(stripe)["status"] == "paid" and payment.pays_bill
    told(stripe)
    tasks.follow_all()
    assert Payment.objects.filter(status="succeeded").count() == 2, "its own events book it no second time"
    assert by_card(owner, invoice, HTTP_IDEMPOTENCY_KEY="a").json()["id"] == str(payment.id)
    assert by_card(owner, invoice, HTTP_IDEMPOTENCY_KEY="b").json()["code"] == "already_paid"
    assert not stripe.objects("payment_intents")[2:], "no charge of ours beside Stripe's own"


def test_a_card_that_is_declined_is_a_payment_that_failed_and_the_next_one_pays(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    refused = by_card(owner, invoice, "pm_card_chargeCustomerFail")
    assert refused.status_code == 402, refused.content
    failed = Payment.objects.get(id=refused.json()["paymentId"])
    assert (failed.status, failed.failure_code, failed.provider_ref) == ("failed", "card_declined", None)
    told(stripe)
    followed()
    assert theirs(stripe)["status"] == "open" and theirs(stripe)["next_payment_attempt"], "Stripe goes on trying"
    assert by_card(owner, invoice).status_code == 201
    told(stripe)
    followed()
    assert (status(subscription), stripe.taken()) == ("active", [CENTS, CENTS])


def test_a_card_whose_bank_asks_is_confirmed(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    asked = by_card(owner, invoice, "pm_card_authenticationRequired")
    assert (asked.status_code, asked.json()["status"]) == (201, "requires_action") and asked.json()["clientSecret"]
    payment = Payment.objects.get(id=asked.json()["id"])
    told(stripe)
    assert Payment.objects.filter(status="requires_action").count() == 1, "the events are of the same one"
    stripe.authenticate(payment.provider_ref or "")
    told(stripe)
    payment.refresh_from_db()
    followed()
    assert (payment.status, status(subscription), invoices()) == ("succeeded", "active", PAID_TWICE)


def test_who_does_not_confirm_pays_with_another_card(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    waiting = by_card(owner, invoice, "pm_card_authenticationRequired").json()["id"]
    assert by_card(owner, invoice).json()["status"] == "succeeded"
    assert Payment.objects.get(id=waiting).status == "canceled"
    told(stripe)
    followed()
    assert (status(subscription), stripe.taken()) == ("active", [CENTS, CENTS])
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "garbage"])
def test_a_lost_answer_charges_once(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice, fault: str
) -> None:
    stripe.fault(fault, "/v1/invoices/*/pay")
    answer = by_card(owner, invoice)
    assert (answer.status_code, answer.json()["status"]) == (202, "processing"), answer.content
    assert by_card(owner, invoice).json()["code"] == "amount_exceeds_due", "what may have been taken is held back"
    breaker.forget()
    Payment.objects.filter(outcome_unknown=True).update(next_check_at=timezone.now())
    payment_tasks.check_unknown()
    told(stripe)
    followed()
    assert (status(subscription), invoices(), stripe.taken()) == ("active", PAID_TWICE, [CENTS, CENTS])
    assert Payment.objects.filter(status="succeeded").count() == 2


def test_stripes_own_try_and_ours_at_once_are_one_payment(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    stripe.api.invoices.pay(invoice.provider_ref, {"payment_method": "pm_card_visa"})
    answer = by_card(owner, invoice)
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded"), answer.content
    told(stripe)
    followed()
    assert (status(subscription), invoices(), stripe.taken()) == ("active", PAID_TWICE, [CENTS, CENTS])


def test_a_part_of_it_is_refused_whichever_way(
    stripe: StripeWorld, paypal: PayPalWorld, acme: Any, owner: Client, invoice: Invoice
) -> None:
    facts = {"amount": 400, "currency": "usd", "invoiceId": str(invoice.id)}
    ways = ({"type": "card", "stripePaymentMethodId": "pm_card_visa"}, {"type": "paypal"}, {"type": "manual"})
    for way in ways:
        refused = post(owner, "/api/payments", {**facts, "paymentMethod": way})
        assert (refused.status_code, refused.json()["code"]) == (409, "part_of_bill"), refused.content
    with pytest.raises(BadInput) as refusal:
        check_over([invoice], [400], now=timezone.now())
    assert [(each.field, each.code) for each in refusal.value.errors] == [("shares[0].amount", "part_of_bill")]
    with pytest.raises(PartOfBill):
        check_over([], [], amount=400, named=invoice, now=timezone.now())
    assert stripe.taken() == [CENTS] and Payment.objects.filter(status="awaiting_review").count() == 0


def test_the_pay_page_offers_all_of_it_and_no_check(owner: Client, invoice: Invoice) -> None:
    page = words(owner.get(f"/invoices/{invoice.id}"))
    assert "There is nothing to send" in page and "Pay $10.00 now" in page
    form = owner.get(f"/invoices/{invoice.id}/pay").content.decode()
    assert 'value="offline"' not in form and 'value="part"' not in form and "saved for your subscription" in form


# --- By a new default ---


def test_a_new_default_pays_it_at_once_and_is_charged_from_then_on(
    stripe: StripeWorld, acme: Any, owner: Client, subscription: Subscription
) -> None:
    method = card(stripe, acme)
    saving_methods.sync_methods(tenant=acme, now=timezone.now())
    saving_methods.set_default(tenant=acme, method_ref=method, now=timezone.now())
    followed()
    assert (status(subscription), invoices(), stripe.taken()) == ("active", PAID_TWICE, [CENTS, CENTS])
    (row,) = stripe.objects("subscriptions")
    assert row["default_payment_method"] == method
    payment = Payment.objects.latest("created_at")
    assert (payment.method_ref, payment.pays_bill, payment.status) == (method, True, "succeeded")
    saving_methods.set_default(tenant=acme, method_ref=method, now=timezone.now())
    followed()
    assert len(stripe.objects("charges")) == 3, "one for each month, and the one that was declined"


def test_a_new_default_that_is_declined_is_told_and_stripe_goes_on(
    stripe: StripeWorld, acme: Any, owner: Client, subscription: Subscription
) -> None:
    method = card(stripe, acme, "pm_card_chargeCustomerFail")
    saving_methods.sync_methods(tenant=acme, now=timezone.now())
    saving_methods.set_default(tenant=acme, method_ref=method, now=timezone.now())
    followed()
    assert (status(subscription), stripe.taken()) == ("past_due", [CENTS])
    assert Payment.objects.filter(method_ref=method, status="failed").count() == 1
    assert theirs(stripe)["next_payment_attempt"]


def test_a_new_default_of_one_in_order_is_charged_for_the_next_period_only(
    stripe: StripeWorld, acme: Any, owner: Client
) -> None:
    two_plans()
    begun(owner)
    told(stripe)
    followed()
    method = card(stripe, acme)
    saving_methods.sync_methods(tenant=acme, now=timezone.now())
    saving_methods.set_default(tenant=acme, method_ref=method, now=timezone.now())
    followed()
    (row,) = stripe.objects("subscriptions")
    assert (row["default_payment_method"], stripe.taken()) == (method, [CENTS])


# --- By check ---


def test_a_check_stops_stripe_pays_ours_and_stripe_hears_of_it(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    now = timezone.now()
    check = check_over([invoice], [CENTS], now=now)
    with pytest.raises(StillCollected):
        verify_check(check, now=now)
    followed()
    assert theirs(stripe)["auto_advance"] is False and theirs(stripe)["status"] == "open"
    verify_check(check, now=now)
    followed()
    told(stripe)
    followed()
    assert (theirs(stripe)["status"], status(subscription), invoices()) == ("paid", "active", PAID_TWICE)
    assert (stripe.taken(), cash("cash_bank"), cash("cash_stripe") < CENTS) == ([CENTS], CENTS, True)
    tasks.follow_all()
    assert not Discrepancy.objects.exists() and Payment.objects.filter(status="succeeded").count() == 2


def test_a_check_that_bounces_leaves_it_to_us(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    now = timezone.now()
    check = check_over([invoice], [CENTS], now=now)
    followed()
    verify_check(check, now=now)
    followed()
    returned(check, now=now)
    told(stripe)
    tasks.follow_all()
    assert invoices() == [("paid", CENTS), ("open", CENTS)] and not Discrepancy.objects.exists()
    answer = by_card(owner, invoice)
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded"), answer.content
    assert not Payment.objects.get(id=answer.json()["id"]).pays_bill, "Stripe's bill is paid: this is a charge of ours"
    assert (invoices(), stripe.taken()) == (PAID_TWICE, [CENTS, CENTS])


def test_what_stripe_took_before_it_could_be_stopped_makes_the_check_credit(
    stripe: StripeWorld, acme: Any, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    now = timezone.now()
    check = check_over([invoice], [CENTS], now=now)
    stripe.api.invoices.pay(invoice.provider_ref, {"payment_method": "pm_card_visa"})
    followed()
    assert invoices() == PAID_TWICE
    verify_check(check, now=now)
    told(stripe)
    followed()
    assert queries.credit_balance(acme, "usd") == Money(CENTS, "usd")
    assert (stripe.taken(), status(subscription)) == ([CENTS, CENTS], "active")
    assert Discrepancy.objects.get().kind == Discrepancy.Kind.NOT_NEEDED


def test_what_was_stopped_for_a_check_that_nobody_found_is_collected_again(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    now = timezone.now()
    check = check_over([invoice], [CENTS], now=now)
    followed()
    hour_ago = now - timedelta(hours=2)
    Invoice.objects.filter(id=invoice.id).update(stop_asked_at=hour_ago)
    payment_tasks.collect_again()
    assert theirs(stripe)["auto_advance"] is False, "the check may still be found"
    reject_manual_payment(payment_id=check.id, reason="nobody found it", actor=Actor.system("test"), now=now)
    payment_tasks.collect_again()
    invoice.refresh_from_db()
    assert theirs(stripe)["next_payment_attempt"] and invoice.collection_stopped_at is None


# --- At PayPal ---


def test_at_paypal_it_is_paid_once_and_stripe_hears_of_it(
    stripe: StripeWorld, owner: Client, subscription: Subscription, approved: Payment
) -> None:
    assert theirs(stripe)["next_payment_attempt"], "who only looked at PayPal's page has stopped nothing"
    assert post(owner, f"/api/payments/paypal/capture/{approved.provider_ref}").status_code == 200
    followed()
    told(stripe)
    followed()
    assert (theirs(stripe)["status"], status(subscription), invoices()) == ("paid", "active", PAID_TWICE)
    assert (stripe.taken(), cash("cash_paypal") > 0) == ([CENTS], True)


def test_what_stripe_took_first_is_not_taken_at_paypal(
    stripe: StripeWorld, paypal: PayPalWorld, owner: Client, subscription: Subscription, approved: Payment
) -> None:
    stripe.api.invoices.pay(approved.invoice.provider_ref, {"payment_method": "pm_card_visa"})
    answer = post(owner, f"/api/payments/paypal/capture/{approved.provider_ref}")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid"), answer.content
    assert (paypal.taken(), stripe.taken(), invoices()) == ([], [CENTS, CENTS], PAID_TWICE)


def test_while_stripe_cannot_be_told_nothing_is_taken_at_paypal(
    stripe: StripeWorld, paypal: PayPalWorld, owner: Client, subscription: Subscription, approved: Payment
) -> None:
    stripe.fault("drop_before", "/v1/invoices/*")
    refused = post(owner, f"/api/payments/paypal/capture/{approved.provider_ref}")
    assert refused.status_code == 503 and paypal.taken() == []
    breaker.forget()
    assert post(owner, f"/api/payments/paypal/capture/{approved.provider_ref}").status_code == 200
    assert len(paypal.taken()) == 1
