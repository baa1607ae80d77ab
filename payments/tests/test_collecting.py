"""The month's overage is charged to the default method while nobody is there; what can't be charged stays open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.sandbox.stripe.in_process import ADDRESS
from billing_portal.tests import world
from billing_portal.tests.stripe_world import PUBLISHABLE_KEY, StripeWorld
from payments import queries
from payments.actions.collecting import collect_invoice
from payments.actions.recording import verify_manual_payment
from payments.actions.saving_methods import customer_for
from payments.actions.syncing import sync_payment
from payments.actions.syncing_methods import sync_methods
from payments.models import Discrepancy, Invoice, Payment
from payments.providers import breaker
from payments.providers.stripe.client import build_client

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 11, 5, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def closed_breaker() -> None:
    breaker.forget()


def save(stripe: StripeWorld, tenant: Any, method: str = "pm_card_visa") -> str:
    customer = customer_for(tenant=tenant, provider=stripe.provider, now=NOW)
    saved = stripe.saved_method(customer.provider_ref, method)
    sync_methods(tenant=tenant, now=NOW)
    return saved


def deliver(now: datetime = NOW) -> None:
    while outbox.deliver_due(now).done:
        pass


def test_an_overage_invoice_is_charged_once_to_the_default_card(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme)
    invoice = world.overage_invoice(acme, cents=4_200)
    deliver()
    collect_invoice(invoice_id=invoice.id, actor=world.SYSTEM, now=NOW)
    invoice.refresh_from_db()
    payment = Payment.objects.get()
    assert (invoice.status, payment.status, payment.off_session) == ("paid", "succeeded", True)
    assert stripe.taken() == [4_200]
    assert stripe.objects("payment_intents")[0]["description"] == str(invoice)


def test_without_a_method_it_is_sent_and_stays_open(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=4_200)
    deliver()
    invoice.refresh_from_db()
    assert (invoice.status, Payment.objects.count(), len(mail.outbox)) == ("open", 0, 1)


def test_a_bank_that_wants_the_payer_gets_them_by_mail(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme, "pm_card_authenticationRequired")
    invoice = world.overage_invoice(acme, cents=4_200)
    deliver()
    invoice.refresh_from_db()
    payment = Payment.objects.get()
    assert (invoice.status, payment.status, stripe.taken()) == ("open", "requires_action", [])
    (asking,) = [each for each in mail.outbox if "confirm" in each.subject.lower()]
    assert f"/payments/{payment.id}" in asking.body
    still = sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW)
    assert still.status == "requires_action" and still.client_secret, "asking is no refusal"
    confirm_in_the_browser(stripe, payment, still.client_secret)
    after = sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW)
    assert (after.status, stripe.taken()) == ("succeeded", [4_200])


def confirm_in_the_browser(stripe: StripeWorld, payment: Payment, secret: str) -> None:
    """As Stripe.js does it: with the publishable key and the secret, then at the bank's page."""
    browser = build_client(PUBLISHABLE_KEY, api_base=ADDRESS, http_client=stripe.wire).v1
    reference = payment.provider_ref or ""
    browser.payment_intents.confirm(reference, {"client_secret": secret, "payment_method": payment.method_ref})
    stripe.authenticate(reference)


def test_a_decline_leaves_the_invoice_open_and_says_so(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme, "pm_card_chargeCustomerFail")
    invoice = world.overage_invoice(acme, cents=4_200)
    deliver()
    invoice.refresh_from_db()
    assert (invoice.status, Payment.objects.get().status, stripe.taken()) == ("open", "failed", [])
    assert [each for each in mail.outbox if "could not be charged" in each.subject]
    assert queries.amounts(invoice).payable == 4_200


def test_a_bank_account_is_debited_and_its_invoice_waits(stripe: StripeWorld, acme: Any) -> None:
    customer = customer_for(tenant=acme, provider=stripe.provider, now=NOW)
    stripe.bank_account(customer.provider_ref)
    sync_methods(tenant=acme, now=NOW)
    invoice = world.overage_invoice(acme, cents=4_200)
    deliver()
    payment = Payment.objects.get()
    assert (payment.method, payment.status) == ("us_bank_account", "processing")
    assert collect_invoice(invoice_id=invoice.id, actor=world.SYSTEM, now=NOW) == payment
    assert Payment.objects.count() == 1


def test_what_is_too_little_waits_and_is_charged_with_the_next(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme)
    small = world.overage_invoice(acme, cents=12, month="2026-09")
    deliver()
    assert not Payment.objects.exists(), "below what the provider takes"
    large = world.overage_invoice(acme, cents=4_200, month="2026-10")
    deliver(NEXT_MONTH)
    small.refresh_from_db()
    large.refresh_from_db()
    assert (small.status, large.status, stripe.taken()) == (Invoice.Status.PAID, Invoice.Status.PAID, [4_212])
    assert queries.credit_balance(acme, "usd") == Money.zero("usd")


def test_what_was_charged_for_a_small_one_pays_that_and_no_larger_one_before_it(stripe: StripeWorld, acme: Any) -> None:
    declined = world.overage_invoice(acme, cents=4_100, month="2026-09")
    deliver()  # nothing is saved to charge it to
    save(stripe, acme)
    small = world.overage_invoice(acme, cents=12, month="2026-10")
    deliver(NEXT_MONTH)
    large = world.overage_invoice(acme, cents=4_200, month="2026-11")
    deliver(NEXT_MONTH + timedelta(days=30))
    for each in (declined, small, large):
        each.refresh_from_db()
    assert ([declined.status, small.status, large.status], stripe.taken()) == (["open", "paid", "paid"], [4_212])
    assert queries.amounts(declined).open == 4_100


def test_two_that_are_too_little_alone_are_charged_together_once_they_are_enough(
    stripe: StripeWorld, acme: Any
) -> None:
    save(stripe, acme)
    first = world.overage_invoice(acme, cents=36, month="2026-09")
    deliver()
    second = world.overage_invoice(acme, cents=24, month="2026-10")
    deliver(NEXT_MONTH)
    states = set(Invoice.objects.filter(id__in=[first.id, second.id]).values_list("status", flat=True))
    assert (states, stripe.taken()) == ({"paid"}, [60])


def test_a_small_one_that_was_paid_meanwhile_leaves_credit_and_tells_staff(stripe: StripeWorld, acme: Any) -> None:
    customer = customer_for(tenant=acme, provider=stripe.provider, now=NOW)
    stripe.bank_account(customer.provider_ref)
    sync_methods(tenant=acme, now=NOW)
    small = world.overage_invoice(acme, cents=12, month="2026-09")
    deliver()
    world.overage_invoice(acme, cents=4_200, month="2026-10")
    deliver(NEXT_MONTH)
    clerk = world.user(staff=True)
    check = world.check_for(acme, 12, clerk, invoice=small, now=NOW)
    verify_manual_payment(payment_id=check.id, verifier=world.user(staff=True), actor=world.SYSTEM, now=NOW)
    debit = Payment.objects.get(method="us_bank_account")
    stripe.settle(debit.provider_ref or "", "succeeded")
    sync_payment(payment_id=debit.id, actor=world.SYSTEM, now=NOW)
    assert queries.credit_balance(acme, "usd") == Money(12, "usd")
    assert Discrepancy.objects.get().kind == "not_needed"


def test_a_provider_that_is_away_is_tried_again_by_the_outbox(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme)
    invoice = world.overage_invoice(acme, cents=4_200)
    stripe.fault("rate_limit")
    outbox.deliver_due(NOW)
    assert stripe.taken() == []
    outbox.deliver_due(datetime(2026, 10, 5, 12, 5, tzinfo=UTC))
    invoice.refresh_from_db()
    assert (invoice.status, stripe.taken()) == ("paid", [4_200])
