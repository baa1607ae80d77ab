"""Refunds at Stripe: reserved, asked for, booked once, and bounded by what came."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from billing_portal.kit.errors import IdempotencyMismatch
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions.crediting import issue_credit_note
from payments.errors import (
    AlreadyCredited,
    AlreadyRefunded,
    CreditExceedsInvoice,
    NotSupportedByProvider,
    PaymentNotRefundable,
    RefundExceedsPayment,
)
from payments.models import Attempt, Refund
from payments.providers import registry
from payments.tests.refund_world import (
    NOW,
    accounts_of,
    bill,
    card_payment,
    check_payment,
    credit_of,
    moves,
    notes,
    refund,
    tenant,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture
def boss() -> User:
    return world.user(staff=True)


# --- Whole, in part, to where ---


def test_a_whole_refund_leaves_the_invoice_paid_and_says_so_in_a_note(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = card_payment(acme, invoice=invoice)
    given = refund(payment)
    assert (given.status, given.amount_minor, moves(given)) == (
        "succeeded", 10_000, [(None, "pending"), ("pending", "succeeded")],
    )  # fmt: skip
    (theirs,) = stripe.objects("refunds")
    assert (theirs["id"], theirs["amount"]) == (given.provider_ref, 10_000)
    assert theirs["metadata"] == {
        "refund_id": str(given.id),
        "payment_id": str(payment.id),
        "tenant_id": str(acme.id),
        "env": "test",
    }
    invoice.refresh_from_db()
    assert (invoice.status, queries.amounts(invoice).open) == ("paid", 0)
    assert notes(invoice) == [("refunded", 10_000, 0)]
    fee = payment.fee_minor
    assert fee, "it is not given back"
    assert accounts_of(payment) == {
        "receivable": -10_000, "credit_notes": 10_000, "provider_fees": fee, "cash_stripe": -fee,
    }  # fmt: skip
    shown = queries.payments(acme).get(id=payment.id)
    assert queries.shown_status(shown, shown.refunded_minor) == "refunded"
    assert Attempt.objects.get(refund=given).outcome == "answered"


def test_credit_is_given_back_before_what_invoices_had(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 6_000)
    payment = card_payment(acme, 6_000, invoice=invoice)
    top_up = card_payment(acme, 5_000)
    assert credit_of(acme) == 5_000
    refund(top_up, 3_000)
    assert (credit_of(acme), notes(invoice)) == (2_000, [])
    refund(payment, 1_500)
    assert (credit_of(acme), notes(invoice)) == (2_000, [("refunded", 1_500, 0)])
    assert queries.unallocated(payment) == 0


def test_a_payment_that_paid_two_invoices_is_refunded_from_the_newest_first(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme, 10_000)
    first = bill(acme, 4_000)
    second = bill(acme, 3_000, "2026-10")
    assert credit_of(acme) == 3_000
    given = refund(payment, 7_000)
    parts = {part.invoice_id: part.amount_minor for part in given.parts.all()}
    assert parts == {None: 3_000, second.id: 3_000, first.id: 1_000}
    assert (notes(first), notes(second)) == ([("refunded", 1_000, 0)], [("refunded", 3_000, 0)])
    assert credit_of(acme) == 0


def test_the_notes_of_refunds_carry_the_whole_tax_to_the_cent(stripe: StripeWorld) -> None:
    acme = tenant(tax_percent=Decimal("6.25"))
    invoice = bill(acme, 1_000)
    payment = card_payment(acme, invoice.total_minor, invoice=invoice)
    for cents in (333, 333, None):
        refund(payment, cents)
    assert sum(tax for _, _, tax in notes(invoice)) == invoice.tax_minor == 63
    assert sum(amount for _, amount, _ in notes(invoice)) == invoice.total_minor


def test_what_came_by_a_provider_that_is_off_goes_back_as_credit_alone(
    stripe: StripeWorld, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = card_payment(acme, invoice=bill(acme, 10_000))
    monkeypatch.setattr(registry, "providers", dict)
    with pytest.raises(NotSupportedByProvider):
        refund(payment, 100)
    assert refund(payment, 100, destination="credit").status == "succeeded"


def test_a_check_can_go_back_as_credit(acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = check_payment(acme, 12_000, invoice=invoice)
    given = refund(payment, 4_000, destination="credit")
    assert (given.status, credit_of(acme), notes(invoice)) == ("succeeded", 6_000, [("credited", 4_000, 0)])
    with pytest.raises(RefundExceedsPayment):
        refund(payment, 6_001, destination="credit")
    following = bill(acme, 5_000, "2026-10")
    assert queries.amounts(following).open == 0, "the next invoice uses it"


def test_what_is_credit_already_can_not_be_given_as_credit(stripe: StripeWorld, acme: Tenant) -> None:
    with pytest.raises(AlreadyCredited):
        refund(card_payment(acme), 100, destination="credit")


def test_a_refund_to_credit_asks_nobody(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme, invoice=bill(acme, 10_000))
    assert refund(payment, destination="credit").status == "succeeded"
    assert (stripe.objects("refunds"), credit_of(acme)) == ([], 10_000)
    with pytest.raises(AlreadyRefunded):
        refund(payment)


# --- Bounds ---


def test_no_more_than_came_goes_back(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    refund(payment, 6_000)
    with pytest.raises(RefundExceedsPayment) as error:
        refund(payment, 4_001)
    assert error.value.errors[0].field == "amount"
    assert "$40.00" in error.value.detail
    refund(payment, 4_000)
    with pytest.raises(AlreadyRefunded):
        refund(payment, 1)
    assert [each["amount"] for each in stripe.objects("refunds")] == [6_000, 4_000]


def test_only_money_that_is_here_goes_back(stripe: StripeWorld, acme: Tenant) -> None:
    clerk = world.user(staff=True)
    with pytest.raises(PaymentNotRefundable):
        refund(world.check_for(acme, 5_000, clerk), destination="credit")


def test_a_credit_note_and_a_refund_do_not_give_the_same_money_twice(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = card_payment(acme, invoice=invoice)
    facts = {"invoice_id": invoice.id, "reason": "Bad line", "actor": world.SYSTEM, "now": NOW}
    issue_credit_note(amount=Money(4_000, "usd"), **facts)
    with pytest.raises(AlreadyCredited):
        refund(payment, 6_001)
    assert refund(payment).amount_minor == 6_000, "all that can be given back"
    with pytest.raises(CreditExceedsInvoice):
        issue_credit_note(amount=Money(1, "usd"), **facts)
    with pytest.raises(AlreadyCredited):
        refund(payment, 1)


def test_a_pending_refund_holds_its_part_of_the_invoice_too(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = card_payment(acme, invoice=invoice, method="pm_card_pendingRefund")
    assert refund(payment, 7_000).status == "pending"
    with pytest.raises(CreditExceedsInvoice):
        issue_credit_note(invoice_id=invoice.id, amount=Money(3_001, "usd"), reason="x", actor=world.SYSTEM, now=NOW)
    with pytest.raises(RefundExceedsPayment):
        refund(payment, 3_001)


# --- One request, one refund ---


def test_the_same_key_is_the_same_refund_for_ever(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    first = refund(payment, 3_000, key="once")
    assert refund(payment, 3_000, key="once") == first
    assert refund(payment, 3_000, key="twice") != first
    with pytest.raises(IdempotencyMismatch):
        refund(payment, 3_001, key="once")
    with pytest.raises(IdempotencyMismatch):
        refund(payment, 3_000, key="once", destination="credit")
    assert len(stripe.objects("refunds")) == 2


def test_who_died_between_row_and_call_is_finished_under_the_same_key(
    stripe: StripeWorld, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = card_payment(acme)
    with monkeypatch.context() as patch:
        patch.setattr("payments.actions.sending_refunds.send", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            refund(payment, 3_000, key="once")
    assert stripe.objects("refunds") == []
    left = Refund.objects.get()
    assert left.status == "pending" and left.next_check_at
    assert refund(payment, 3_000, key="once").id == left.id
    assert [each["amount"] for each in stripe.objects("refunds")] == [3_000]


def test_a_large_refund_is_not_two_smaller_ones(stripe: StripeWorld, acme: Tenant) -> None:
    """$10,000.00 is the threshold: what one person's word gives back of a payment is counted together."""
    payment = card_payment(acme, 2_600_000)
    assert refund(payment, 550_000).status == "succeeded"
    second = refund(payment, 550_000)
    assert (second.status, second.needs_second_person) == ("awaiting_approval", True)
    assert [each["amount"] for each in stripe.objects("refunds")] == [550_000]


def test_a_payment_that_a_refund_moves_is_a_newer_one(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    later = NOW + timedelta(hours=1)
    refund(payment, 100, now=later)
    payment.refresh_from_db()
    assert payment.updated_at == later
