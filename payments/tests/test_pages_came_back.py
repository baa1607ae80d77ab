"""What came back of a payment, as its tenant reads it: refunds, disputes, and a debit that the bank returns."""

from __future__ import annotations

import pytest
import time_machine

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.actions.refunding import refund_payment
from payments.models import Payment
from payments.tests.paying_pages import CENTS, Paying, paying, saved

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("october")]


@pytest.fixture
def october():
    with time_machine.travel(at("2026-10-05 12:00"), tick=False):
        yield


@pytest.fixture
def acme(stripe: StripeWorld) -> Paying:
    return paying()


def seen(acme: Paying, payment: Payment) -> str:
    acme.client.post(f"/payments/{payment.id}/refresh")
    return words(acme.client.get(f"/payments/{payment.id}"))


def test_a_refund_stands_in_the_story_and_in_the_sums(stripe: StripeWorld, acme: Paying) -> None:
    acme.sends(pay_with="new-card", card="pm_card_visa")
    payment = Payment.objects.get()
    desk = world.user(staff=True, groups=("finance",))
    refund_payment(
        payment_id=payment.id,
        amount=Money(2_500, "usd"),
        reason="Lost calls",
        destination="source",
        requester=desk,
        actor=world.staff_actor(desk),
        now=at("2026-10-05 12:30"),
        key=None,
    )
    told = words(acme.client.get(f"/payments/{payment.id}"))
    assert "Payment of $120.00 Partly refunded" in told
    assert "Given back −$25.00 to Visa •••• 4242" in told
    assert "$25.00 given back to Visa •••• 4242 Lost calls" in told


def test_a_dispute_is_told_and_who_decides(stripe: StripeWorld, acme: Paying) -> None:
    acme.sends(pay_with="new-card", card="pm_card_createDispute")
    payment = Payment.objects.get()
    told = seen(acme, payment)
    assert "Payment of $120.00 Disputed" in told
    assert "This payment is disputed at your bank Your bank holds the money until it has decided." in told
    assert "Your bank decides about the dispute" in told
    assert "$120.00 disputed at your bank" in told
    assert "fraud" not in told
    stripe.settle(str(payment.provider_ref), "dispute_won")
    told = seen(acme, payment)
    assert "Payment of $120.00 Succeeded" in told
    assert "The dispute is over: the payment stands" in told


def test_a_dispute_that_is_lost_makes_the_invoice_due_again(stripe: StripeWorld, acme: Paying) -> None:
    acme.sends(pay_with="new-card", card="pm_card_createDispute")
    payment = Payment.objects.get()
    seen(acme, payment)
    stripe.settle(str(payment.provider_ref), "dispute_lost")
    told = seen(acme, payment)
    assert "Payment of $120.00 Returned" in told
    assert "Taken back −$120.00 by your bank" in told
    assert "The dispute is over: $120.00 went back to you What it had paid is due again." in told
    assert "Pay $120.00" in words(acme.client.get(f"/invoices/{acme.invoice.id}"))


def test_a_debit_that_is_returned_says_so_in_one_sentence(stripe: StripeWorld, acme: Paying) -> None:
    account = saved(stripe, acme.tenant, "account")
    acme.sends(pay_with=account.id)
    payment = Payment.objects.get()
    stripe.settle(str(payment.provider_ref), "succeeded")
    assert "Payment of $120.00 Succeeded" in seen(acme, payment)
    assert stripe.taken() == [CENTS]
    stripe.settle(str(payment.provider_ref), "returned")
    told = seen(acme, payment)
    assert "Payment of $120.00 Returned" in told
    assert "Your bank took $120.00 back What it had paid is due again." in told
