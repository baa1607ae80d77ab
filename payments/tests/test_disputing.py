"""Disputes and returned debits: held, given back, or taken from what they had paid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments import queries
from payments.actions.discrepancies import close_discrepancy
from payments.actions.disputing import apply_disputes
from payments.errors import PaymentDisputed, PaymentNotRefundable
from payments.models import Discrepancy, Dispute, Payment, Refund, StatusChange
from payments.providers.facts import DisputeFacts
from payments.tests.refund_world import (
    NOW,
    accounts_of,
    bank_payment,
    bill,
    card_payment,
    credit_of,
    notes,
    refund,
    synced,
    tenant,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def acme() -> Tenant:
    return tenant()


def settled(stripe: StripeWorld, payment: Payment, *outcomes: str) -> Payment:
    for outcome in outcomes:
        stripe.settle(payment.provider_ref or "", outcome)
        payment = synced(payment)
    return payment


def shown(payment: Payment) -> str:
    row = queries.payments(payment.tenant).get(id=payment.id)
    return queries.shown_status(row, row.refunded_minor)


def facts(payment: Payment, status: str, **changed: object) -> DisputeFacts:
    usual = DisputeFacts(
        status=status,
        provider_ref="du_1",
        payment_ref=payment.provider_ref or "",
        amount=payment.amount,
        withdrawn=payment.amount if status in ("open", "lost") else Money(0, payment.currency),
        fee=Money(1_500 if status in ("open", "lost", "won") else 0, payment.currency),
        reason="fraudulent",
        opened_at=NOW,
    )
    return replace(usual, **changed)


def told(payment: Payment, *told: DisputeFacts) -> None:
    apply_disputes(payment_id=payment.id, facts=told, actor=world.SYSTEM, now=NOW)


def test_an_open_dispute_holds_the_money_and_stops_refunds(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = settled(stripe, card_payment(acme, invoice=invoice), "disputed")
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.withdrawn_minor, dispute.fee_minor) == ("open", 10_000, 1_500)
    assert shown(payment) == "disputed"
    assert accounts_of(payment)["disputed"] == 10_000
    assert Discrepancy.objects.get(kind="disputed").amount == Money(10_000, "usd")
    invoice.refresh_from_db()
    assert invoice.status == "paid", "till it is decided"
    for destination in ("source", "credit"):
        with pytest.raises(PaymentDisputed):
            refund(payment, 100, destination=destination)
    assert list(queries.payments(acme).filter(queries.shown_as("disputed"))) == [payment]


def test_a_dispute_that_is_won_brings_the_money_back_and_not_the_fee(stripe: StripeWorld, acme: Tenant) -> None:
    payment = settled(stripe, card_payment(acme, invoice=bill(acme, 10_000)), "disputed", "dispute_won")
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.withdrawn_minor, dispute.closed_at) == ("won", 0, NOW)
    assert (shown(payment), payment.returned_minor) == ("succeeded", 0)
    cost = 1_500 + (payment.fee_minor or 0)
    assert accounts_of(payment) == {"cash_stripe": 10_000 - cost, "provider_fees": cost, "receivable": -10_000}
    assert Discrepancy.objects.get(kind="disputed").closed_at == NOW
    assert refund(payment, 100).status == "succeeded"


def test_a_dispute_that_is_lost_opens_the_invoice_again(stripe: StripeWorld, acme: Tenant, mailoutbox: list) -> None:
    invoice = bill(acme, 10_000)
    due_at = invoice.due_at
    payment = settled(stripe, card_payment(acme, invoice=invoice), "disputed", "dispute_lost")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_at, invoice.due_at) == ("open", None, due_at)
    assert queries.amounts(invoice).open == 10_000
    assert (payment.status, payment.returned_minor, shown(payment)) == ("returned", 10_000, "returned")
    assert StatusChange.objects.filter(subject="payment", old="succeeded", new="returned").count() == 1
    assert "disputed" not in accounts_of(payment)
    with pytest.raises(PaymentNotRefundable):
        refund(payment, 100)
    outbox.deliver_due(NOW)
    (mail,) = [each for each in mailoutbox if each.subject == "Your bank took $100.00 back"]
    assert f"open again: {invoice.number}. Please pay it another way." in mail.body
    card_payment(acme, invoice=invoice)
    invoice.refresh_from_db()
    assert invoice.status == "paid", "it can be paid again"


def test_credit_goes_before_invoices_newest_first(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme, 10_000)
    first, second = bill(acme, 4_000), bill(acme, 3_000, "2026-10")
    told(payment, facts(payment, "lost", amount=Money(6_500, "usd"), withdrawn=Money(6_500, "usd")))
    assert credit_of(acme) == 0
    assert [queries.amounts(invoice).open for invoice in (first, second)] == [500, 3_000]
    payment.refresh_from_db()
    assert (payment.status, payment.returned_minor) == ("succeeded", 6_500)
    assert refund(payment).amount_minor == 3_500
    payment.refresh_from_db()
    assert payment.status == "returned", "all of it has come back, by the bank or by us"


def test_what_a_refund_gave_back_is_not_taken_a_second_time(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = card_payment(acme, invoice=invoice)
    refund(payment, 4_000)
    payment = settled(stripe, payment, "disputed", "dispute_lost")
    assert Dispute.objects.get().amount_minor == 6_000
    assert queries.amounts(invoice).open == 6_000, "of it 4,000 were given back and noted"
    assert (payment.status, payment.returned_minor) == ("returned", 6_000)


def test_what_was_given_as_credit_stays_credit_and_is_asked_for_again(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = card_payment(acme, invoice=invoice)
    refund(payment, 4_000, destination="credit")
    settled(stripe, payment, "disputed", "dispute_lost")
    assert (queries.amounts(invoice).open, credit_of(acme)) == (10_000, 4_000)
    assert notes(invoice) == [("credited", 4_000, 0)]


def test_a_debit_that_is_returned_is_held_and_lost_in_one_go(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = settled(stripe, bank_payment(stripe, acme, invoice=invoice), "returned")
    dispute = Dispute.objects.get()
    assert list(StatusChange.objects.filter(subject_id=dispute.id).values_list("old", "new")) == [
        (None, "open"),
        ("open", "lost"),
    ]
    assert (payment.status, queries.amounts(invoice).open) == ("returned", 10_000)
    assert not Discrepancy.objects.filter(kind="disputed").exists(), "there is nothing to answer"


def test_an_inquiry_moves_nothing_and_may_come_to_nothing(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    told(payment, facts(payment, "inquiry"))
    assert shown(payment) == "succeeded"
    assert Discrepancy.objects.get(kind="disputed").closed_at is None
    refund(payment, 100)
    told(payment, facts(payment, "closed"))
    assert Dispute.objects.get().status == "closed"
    assert Discrepancy.objects.get(kind="disputed").closed_at == NOW


def test_an_inquiry_that_somebody_has_answered_and_that_becomes_a_dispute_is_on_the_desk_again(
    stripe: StripeWorld, acme: Tenant
) -> None:
    payment, staff = card_payment(acme), world.user(staff=True)

    def open_ones() -> list[Discrepancy]:
        return list(Discrepancy.objects.filter(kind="disputed", closed_at=None))

    told(payment, facts(payment, "inquiry"))
    close_discrepancy(discrepancy_id=open_ones()[0].id, note="answered", closed_by=staff, now=NOW)
    told(payment, facts(payment, "inquiry"))
    assert not open_ones(), "nothing has moved since"
    told(payment, facts(payment, "open"))
    told(payment, facts(payment, "open"))
    (again,) = open_ones()
    close_discrepancy(discrepancy_id=again.id, note="answered", closed_by=staff, now=NOW)
    told(payment, facts(payment, "open"))
    assert not open_ones()


def test_facts_told_again_late_or_out_of_order_change_nothing(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme, invoice=bill(acme, 10_000))
    opened, lost = facts(payment, "open"), facts(payment, "lost")
    nothing_held_yet = replace(opened, withdrawn=Money(0, "usd"), fee=Money(0, "usd"))
    for each in (nothing_held_yet, opened, nothing_held_yet, opened, lost, opened, nothing_held_yet, lost):
        told(payment, each)
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.withdrawn_minor, dispute.fee_minor) == ("lost", 10_000, 1_500)
    payment.refresh_from_db()
    assert (payment.status, payment.returned_minor) == ("returned", 10_000)


def test_a_dispute_is_won_once_the_money_is_back(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    told(payment, facts(payment, "open"), facts(payment, "won", withdrawn=payment.amount))
    assert Dispute.objects.get().status == "open"
    told(payment, facts(payment, "won"))
    assert (Dispute.objects.get().status, credit_of(acme)) == ("won", 10_000)


def test_the_bank_that_keeps_what_a_refund_reserved_waits_until_the_refund_ends(
    stripe: StripeWorld, acme: Tenant
) -> None:
    payment = card_payment(acme, method="pm_card_pendingRefund")
    pending = refund(payment, 4_000)
    assert pending.status == "pending"
    told(payment, facts(payment, "lost"))
    payment.refresh_from_db()
    assert (payment.status, payment.returned_minor, accounts_of(payment)["disputed"]) == ("succeeded", 6_000, 4_000)
    assert Discrepancy.objects.get(kind="state_differs").amount == Money(4_000, "usd")
    stripe.settle(pending.provider_ref or "", "failed")
    (theirs,) = stripe.provider.refunds_of(payment.provider_ref or "")
    from payments.actions.refunding import settle_refund

    settle_refund(refund_id=pending.id, result=theirs, actor=world.SYSTEM, now=NOW)
    payment.refresh_from_db()
    assert (payment.status, payment.returned_minor, credit_of(acme)) == ("returned", 10_000, 0)
    assert Discrepancy.objects.get(kind="state_differs").closed_at == NOW


@pytest.mark.parametrize(
    "odd", [{"amount": Money(10_001, "usd")}, {"amount": Money(10_000, "eur")}, {"withdrawn": Money(10_001, "usd")}]
)
def test_a_dispute_of_another_amount_is_told_to_staff_and_not_booked(
    stripe: StripeWorld, acme: Tenant, odd: dict
) -> None:
    payment = card_payment(acme)
    told(payment, facts(payment, "open", **odd))
    assert not Dispute.objects.exists()
    assert Discrepancy.objects.get().kind == "amount_differs"


def test_a_partly_lost_payment_takes_the_credit_that_was_spent_back_from_what_it_paid(
    stripe: StripeWorld, acme: Tenant
) -> None:
    payment = card_payment(acme, 10_000)
    invoice = bill(acme, 10_000)
    assert queries.amounts(invoice).open == 0
    settled(stripe, payment, "disputed", "dispute_lost")
    assert (queries.amounts(invoice).open, credit_of(acme)) == (10_000, 0)
    assert Refund.objects.count() == 0
    assert StatusChange.objects.get(subject="invoice", new="open", old="paid").at == at("2026-11-03 09:00")
