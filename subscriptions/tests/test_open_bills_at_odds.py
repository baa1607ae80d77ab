"""Where Stripe's bill and ours come apart: an answer that was lost, two ways at once, what staff do in Stripe's own
dashboard, and what is credited here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.notices.models import OutboxMessage
from billing_portal.sandbox.paypal import capturing as paypal_captures
from billing_portal.sandbox.stripe import cards
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments import tasks as payment_tasks
from payments.actions import saving_methods, stopping
from payments.actions.crediting import issue_credit_note
from payments.actions.recording import reject_manual_payment
from payments.errors import PartOfBill, StillCollected
from payments.models import Discrepancy, Invoice, Payment, PaymentMethod
from payments.providers import breaker
from payments.tests.offline_world import check_over, verify_check
from payments.tests.paypal_payments import post
from subscriptions import tasks
from subscriptions.models import Subscription
from subscriptions.tests.open_bills import (
    CENTS,
    PAID_TWICE,
    approved_order,
    by_card,
    heard,
    open_bill,
    past_due,
    status,
    theirs,
)
from subscriptions.tests.stripe_plans import billed, followed, invoices

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe", "books_hold")]

US = Actor.system("test")
NEEDS_BANK = "pm_card_authenticationRequired"


@pytest.fixture
def subscription(stripe: StripeWorld, owner: Client) -> Subscription:
    return past_due(stripe, owner)


@pytest.fixture
def invoice(subscription: Subscription) -> Invoice:
    return open_bill(subscription)


@pytest.fixture
def approved(paypal: PayPalWorld, owner: Client, invoice: Invoice) -> Payment:
    return approved_order(paypal, owner, invoice)


def an_hour_later() -> None:
    """Whoever made Stripe stop has had the time to pay."""
    earlier = timezone.now() - 2 * stopping.HELD_FOR
    Invoice.objects.filter(stop_asked_at__isnull=False).update(stop_asked_at=earlier)
    payment_tasks.collect_again()


def stopped_for_a_check(invoice: Invoice) -> None:
    """And the check was not found."""
    check = check_over([invoice], [CENTS], now=timezone.now())
    followed()
    reject_manual_payment(payment_id=check.id, reason="nobody found it", actor=US, now=timezone.now())


# --- Stopped, and taken up again ---


def test_what_was_stopped_by_a_request_whose_answer_was_lost_is_collected_again(
    stripe: StripeWorld, paypal: PayPalWorld, owner: Client, approved: Payment
) -> None:
    stripe.fault("drop_after", "/v1/invoices/*", method="POST")
    refused = post(owner, f"/api/payments/paypal/capture/{approved.provider_ref}")
    assert (refused.status_code, paypal.taken(), theirs(stripe)["auto_advance"]) == (503, [], False)
    breaker.forget()
    assert post(owner, f"/api/payments/{approved.id}/cancel").status_code == 200
    an_hour_later()
    assert theirs(stripe)["auto_advance"] and theirs(stripe)["next_payment_attempt"]


def test_whoever_dies_before_it_is_taken_up_leaves_that_to_the_next(
    stripe: StripeWorld, subscription: Subscription, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As by `kill -9`: nobody catches it."""

    def die(*facts: Any) -> None:
        raise Killed

    stopped_for_a_check(invoice)
    with monkeypatch.context() as patched:
        patched.setattr(stripe.provider, "collect_again", die)
        with pytest.raises(Killed):
            an_hour_later()
    assert theirs(stripe)["auto_advance"] is False
    payment_tasks.collect_again()
    assert theirs(stripe)["auto_advance"]


def test_while_nobody_knows_whether_it_is_collected_no_check_is_booked_beside_it(
    stripe: StripeWorld, subscription: Subscription, invoice: Invoice
) -> None:
    stopped_for_a_check(invoice)
    stripe.fault("drop_after", "/v1/invoices/*", method="POST")
    an_hour_later()
    assert theirs(stripe)["auto_advance"], "it has heard us, and we have not heard it"
    breaker.forget()
    check = check_over([invoice], [CENTS], now=timezone.now())
    with pytest.raises(StillCollected):
        verify_check(check, now=timezone.now())
    followed()
    assert theirs(stripe)["auto_advance"] is False
    verify_check(check, now=timezone.now())
    heard(stripe)
    assert (invoices(), stripe.taken(), Discrepancy.objects.count()) == (PAID_TWICE, [CENTS], 0)


def test_a_check_that_comes_while_it_is_taken_up_stops_it_once_more(
    stripe: StripeWorld, subscription: Subscription, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = stripe.provider.collect_again

    def late(reference: str) -> Any:
        check_over([invoice], [CENTS], now=timezone.now())
        followed()  # Stripe has stopped before it hears that it is to go on
        return really(reference)

    stopped_for_a_check(invoice)
    with monkeypatch.context() as patched:
        patched.setattr(stripe.provider, "collect_again", late)
        an_hour_later()
    invoice.refresh_from_db()
    assert theirs(stripe)["auto_advance"] and invoice.collection_stopped_at is None
    followed()
    invoice.refresh_from_db()
    assert theirs(stripe)["auto_advance"] is False and invoice.collection_stopped_at


def test_what_an_ended_subscription_owes_is_not_collected_by_itself_again(
    stripe: StripeWorld, subscription: Subscription, invoice: Invoice
) -> None:
    stripe.api.subscriptions.cancel(subscription.provider_ref)
    heard(stripe)
    assert (status(subscription), theirs(stripe)["auto_advance"]) == ("canceled", False)
    stopped_for_a_check(invoice)
    an_hour_later()
    assert theirs(stripe)["auto_advance"] is False


def test_a_subscription_that_ends_while_it_is_stopped_stays_so(
    stripe: StripeWorld, subscription: Subscription, invoice: Invoice
) -> None:
    stopped_for_a_check(invoice)
    stripe.api.subscriptions.cancel(subscription.provider_ref)
    heard(stripe)
    for _ in range(2):
        an_hour_later()
    invoice.refresh_from_db()
    assert theirs(stripe)["auto_advance"] is False
    assert invoice.collection_stopped_at and invoice.stop_asked_at is None, "nobody has to be asked any more"


# --- Credited here ---


def test_a_part_of_it_is_not_credited_since_stripe_would_take_all_the_same(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    with pytest.raises(PartOfBill):
        credited(invoice, 400)
    assert by_card(owner, invoice).json()["status"] == "succeeded"
    heard(stripe)
    assert (invoices(), stripe.taken()) == (PAID_TWICE, [CENTS, CENTS])


def test_all_of_it_is_and_stripe_collects_no_more(
    stripe: StripeWorld, subscription: Subscription, invoice: Invoice
) -> None:
    credited(invoice, CENTS)
    followed()
    heard(stripe)
    assert (theirs(stripe)["status"], status(subscription)) == ("paid", "active")
    assert (invoices(), stripe.taken(), Discrepancy.objects.count()) == (PAID_TWICE, [CENTS], 0)


def test_credited_while_stripe_takes_it_the_money_is_credit(
    stripe: StripeWorld, acme: Any, subscription: Subscription, invoice: Invoice
) -> None:
    credited(invoice, CENTS)
    stripe.api.invoices.pay(invoice.provider_ref, {"payment_method": "pm_card_visa"})
    heard(stripe)
    assert (invoices(), stripe.taken()) == (PAID_TWICE, [CENTS, CENTS])
    assert queries.credit_balance(acme, "usd") == Money(CENTS, "usd")
    assert [each.kind for each in Discrepancy.objects.all()] == [Discrepancy.Kind.NOT_NEEDED]


def credited(invoice: Invoice, cents: int) -> None:
    amount = Money(cents, "usd")
    issue_credit_note(invoice_id=invoice.id, amount=amount, reason="a gift", actor=US, now=timezone.now())


# --- At the bank's page ---


@pytest.mark.parametrize("reads", ["at the capture", "before it"])
def test_what_waits_for_the_payers_bank_does_not_end_what_they_pay_at_paypal(
    stripe: StripeWorld, paypal: PayPalWorld, owner: Client, subscription: Subscription, invoice: Invoice, reads: str
) -> None:
    assert by_card(owner, invoice, NEEDS_BANK).json()["status"] == "requires_action"
    heard(stripe)
    payment = approved_order(paypal, owner, invoice)
    if reads == "before it":
        tasks.follow_all()
    answer = post(owner, f"/api/payments/paypal/capture/{payment.provider_ref}")
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded"), answer.content
    heard(stripe)
    assert (invoices(), stripe.taken(), len(paypal.taken())) == (PAID_TWICE, [CENTS], 1)
    assert theirs(stripe)["status"] == "paid"


def test_its_payer_gives_it_up(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    asked = by_card(owner, invoice, NEEDS_BANK).json()
    answer = post(owner, f"/api/payments/{asked['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled"), answer.content
    assert by_card(owner, invoice).json()["status"] == "succeeded"
    heard(stripe)
    assert (invoices(), stripe.taken()) == (PAID_TWICE, [CENTS, CENTS])


def test_a_check_for_it_ends_what_waits_at_the_bank(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    asked = by_card(owner, invoice, NEEDS_BANK).json()
    check = check_over([invoice], [CENTS], now=timezone.now())
    followed()
    verify_check(check, now=timezone.now())
    followed()
    assert not OutboxMessage.objects.filter(done_at=None).exists()
    assert (Payment.objects.get(id=asked["id"]).status, theirs(stripe)["status"]) == ("canceled", "paid")


def test_who_confirms_a_new_card_is_not_charged_beside_it(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    """Saved on the way, it becomes the default, and the default pays what is open."""
    heard(stripe)
    PaymentMethod.objects.update(is_default=False)
    method = new_card(stripe, NEEDS_BANK)
    asked = by_card(owner, invoice, method).json()
    assert asked["status"] == "requires_action"
    chosen(owner, method)
    assert Payment.objects.get(id=asked["id"]).status == "requires_action"
    stripe.authenticate(Payment.objects.get(id=asked["id"]).provider_ref or "")
    heard(stripe)
    assert (invoices(), stripe.taken()) == (PAID_TWICE, [CENTS, CENTS])


def test_a_card_that_was_just_declined_is_not_tried_at_once_again(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    heard(stripe)
    PaymentMethod.objects.update(is_default=False)
    method = new_card(stripe, "pm_card_chargeCustomerFail")
    tries = len(stripe.objects("charges"))
    assert by_card(owner, invoice, method).status_code == 402
    chosen(owner, method)
    assert len(stripe.objects("charges")) == tries + 1


def new_card(stripe: StripeWorld, name: str) -> str:
    """As Stripe's field in the browser makes it: nobody's yet."""
    card = {"number": cards.TOKENS[name], "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    return str(stripe.api.payment_methods.create({"type": "card", "card": card}).id)


def chosen(owner: Client, method: str) -> None:
    """It becomes the default, and what follows is done."""
    tenant = Invoice.objects.latest("created_at").tenant
    saving_methods.sync_methods(tenant=tenant, now=timezone.now())
    saving_methods.set_default(tenant=tenant, method_ref=method, now=timezone.now())
    followed()


# --- Beside a debit, an eCheck, and Stripe's dashboard ---


def test_a_debit_that_fails_after_a_check_has_paid_leaves_nothing_open_at_stripe(
    stripe: StripeWorld, acme: Any, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    account = stripe.bank_account(theirs(stripe)["customer"])
    saving_methods.sync_methods(tenant=acme, now=timezone.now())
    way = {"type": "us_bank_account", "stripePaymentMethodId": account}
    answer = post(owner, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": way})
    assert answer.json()["status"] == "processing", answer.content
    check = check_over([invoice], [CENTS], now=timezone.now())
    followed()
    verify_check(check, now=timezone.now())
    followed()
    assert theirs(stripe)["status"] == "open", "a debit is on its way there"
    stripe.settle(Payment.objects.get(id=answer.json()["id"]).provider_ref, "failed")
    heard(stripe)
    heard(stripe)
    assert (theirs(stripe)["status"], status(subscription), invoices()) == ("paid", "active", PAID_TWICE)


def test_a_bill_that_waits_for_paypal_keeps_nothing_else_of_the_subscription_back(
    stripe: StripeWorld, owner: Client, subscription: Subscription, approved: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(paypal_captures._PENDING, ".00", "ECHECK")
    answer = post(owner, f"/api/payments/paypal/capture/{approved.provider_ref}")
    assert answer.json()["status"] == "processing", answer.content
    stripe.api.invoices.pay(approved.invoice.provider_ref, {"payment_method": "pm_card_visa"})  # Stripe's own page
    heard(stripe)
    billed(stripe, subscription, "paid")
    heard(stripe)
    assert (len(invoices()), status(subscription)) == (3, "active")


def test_a_bill_that_was_marked_paid_at_stripe_is_closed_by_its_check(
    stripe: StripeWorld, owner: Client, subscription: Subscription, invoice: Invoice
) -> None:
    stripe.api.invoices.pay(invoice.provider_ref, {"paid_out_of_band": True})
    heard(stripe)
    refused = by_card(owner, invoice)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_paid"), refused.content
    check = check_over([invoice], [CENTS], now=timezone.now())
    followed()
    verify_check(check, now=timezone.now())
    followed()
    assert (invoices(), stripe.taken()) == (PAID_TWICE, [CENTS])


def test_of_two_choices_at_once_the_last_is_what_stripe_charges(
    stripe: StripeWorld, acme: Any, owner: Client, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard(stripe)
    first, second = (stripe.bank_account(theirs(stripe)["customer"]) for _ in range(2))
    saving_methods.sync_methods(tenant=acme, now=timezone.now())
    really = stripe.provider.charge_with

    def slow(reference: str, *, method_ref: str) -> Any:
        if method_ref == first:  # its request is on the way while another is chosen and told
            saving_methods.set_default(tenant=acme, method_ref=second, now=timezone.now() + timedelta(seconds=1))
            really(reference, method_ref=second)
        return really(reference, method_ref=method_ref)

    saving_methods.set_default(tenant=acme, method_ref=first, now=timezone.now())
    with monkeypatch.context() as patched:
        patched.setattr(stripe.provider, "charge_with", slow)
        followed()
    (row,) = stripe.objects("subscriptions")
    assert row["default_payment_method"] == second
