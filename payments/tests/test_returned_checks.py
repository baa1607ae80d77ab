"""Checks that bounce: before they cleared or after, with a fee, after some of them was given back."""

from __future__ import annotations

import pytest
from django.db.models import Sum

from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.kit.moves import IllegalMove
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments import queries
from payments.actions.clearing import return_manual_payment
from payments.errors import (
    CurrencyMismatch,
    PayoutWaits,
)
from payments.models import Discrepancy, Invoice, LedgerLeg, StatusChange
from payments.tests.offline_world import (
    check_over,
    cleared,
    clearing,
    open_of,
    paid_by,
    paid_out,
    recorded,
    returned,
    verify_check,
)
from payments.tests.refund_world import (
    NOW,
    accounts_of,
    bill,
    check_payment,
    credit_of,
    moves,
    notes,
    refund,
    tenant,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]

LATER = at("2026-11-10 09:00")
LATEST = at("2026-11-20 09:00")


@pytest.fixture
def acme() -> Tenant:
    return tenant()


# --- Sent back ---


@pytest.mark.parametrize("had_cleared", [False, True])
def test_a_bounced_check_opens_its_invoices_with_their_first_due_date(acme: Tenant, had_cleared: bool) -> None:
    first, second = bill(acme, 4_000), bill(acme, 3_000, "2026-10")
    due = [first.due_at, second.due_at]
    payment = verify_check(check_over([first, second], [4_000, 2_000], amount=7_500), clears_later=True)
    third = bill(acme, 1_000, "2026-11")
    assert (open_of(third), credit_of(acme)) == (("paid", 0), 500)
    payment = cleared(payment, LATER) if had_cleared else payment
    back = returned(payment, now=LATEST)
    assert (back.status, back.returned_minor, credit_of(acme)) == ("returned", 7_500, 0)
    assert [open_of(each) for each in (first, second, third)] == [("open", 4_000), ("open", 3_000), ("open", 1_000)]
    assert [first.due_at, second.due_at, first.paid_at] == [*due, None]
    assert paid_by(payment) == {}
    assert not {"undeposited", "cash_bank"} & set(accounts_of(payment))
    assert queries.unallocated(back) == 0
    change = StatusChange.objects.get(subject_id=payment.id, new="returned")
    assert (change.old, change.reason) == ("succeeded" if had_cleared else "clearing", "insufficient funds")
    (message,) = OutboxMessage.objects.filter(topic="payment.returned")
    assert (message.payload["amount"], len(message.payload["invoiceIds"])) == (7_500, 3)


def test_what_bounced_is_paid_by_another_check(acme: Tenant) -> None:
    invoice = bill(acme, 4_000)
    returned(clearing(acme, 4_000, invoice))
    check_payment(acme, 4_000, invoice=invoice)
    assert open_of(invoice) == ("paid", 0)


def test_it_bounces_once(acme: Tenant) -> None:
    payment = clearing(acme, 4_000, bill(acme, 4_000))
    returned(payment, fee=2_500)
    before = LedgerLeg.objects.count()
    assert returned(payment, fee=2_500).status == "returned"
    assert LedgerLeg.objects.count() == before
    assert Invoice.objects.filter(kind="one_off").count() == 1
    with pytest.raises(IllegalMove):
        cleared(payment)


def test_the_fee_is_an_invoice_on_the_tenants_terms(acme: Tenant) -> None:
    """Other credit pays it; that of the check does not."""
    other = check_payment(acme, 1_000)
    payment = clearing(acme, 5_000)
    returned(payment, fee=2_500, now=LATER)
    fee = Invoice.objects.get(kind="one_off")
    assert (fee.total_minor, open_of(fee), credit_of(acme)) == (2_500, ("open", 1_500), 0)
    assert (paid_by(other), paid_by(payment)) == ({fee.number: 1_000}, {})
    assert (fee.lines.get().title, (fee.due_at - fee.issued_at).days) == ("Returned check fee", acme.payment_terms_days)
    assert OutboxMessage.objects.filter(topic="invoice.issued", payload__invoiceId=str(fee.id)).exists()
    revenue = LedgerLeg.objects.filter(account="revenue_other").aggregate(total=Sum("amount_minor"))["total"]
    assert revenue == -2_500


def test_a_fee_that_can_not_be_leaves_the_check_as_it_is(acme: Tenant) -> None:
    payment = clearing(acme, 5_000)
    with pytest.raises(BadInput):
        returned(payment, fee=0)
    with pytest.raises(CurrencyMismatch):
        return_manual_payment(payment_id=payment.id, reason="x", fee=Money(5, "eur"), actor=world.SYSTEM, now=NOW)
    payment.refresh_from_db()
    assert (payment.status, credit_of(acme)) == ("clearing", 5_000)


def test_duplicate_money_that_bounces_is_no_task_any_more(acme: Tenant) -> None:
    invoice = bill(acme, 4_000)
    first, second = recorded(acme, 4_000, invoice), recorded(acme, 4_000, invoice)
    verify_check(first, now=LATER)
    verify_check(second, now=LATER, clears_later=True)
    assert (credit_of(acme), Discrepancy.objects.get(closed_at=None).kind) == (4_000, "not_needed")
    returned(second, now=LATEST)
    assert (credit_of(acme), Discrepancy.objects.filter(closed_at=None).count()) == (0, 0)
    assert open_of(invoice) == ("paid", 0)


# --- After some was given back ---


def test_a_check_returned_after_a_partial_refund_brings_back_what_is_left(acme: Tenant) -> None:
    invoice = bill(acme, 6_000)
    payment = check_payment(acme, 7_000, invoice=invoice)
    given = paid_out(refund(payment, 3_000))
    assert notes(invoice) == [("refunded", 2_000, 0)]
    back = returned(payment, now=LATER)
    assert (back.status, back.returned_minor, moves(given)[-1]) == ("returned", 4_000, ("pending", "succeeded"))
    assert (open_of(invoice), credit_of(acme)) == (("open", 4_000), 0)
    # The bank paid 3,000 out and took the 7,000 back again.
    assert accounts_of(payment) == {"receivable": -2_000, "credit_notes": 2_000, "bad_debt": 3_000, "cash_bank": -3_000}
    task = Discrepancy.objects.get(payment=payment, closed_at=None)
    assert (task.kind, task.amount_minor) == ("state_differs", 3_000)


def test_a_check_returned_after_all_of_it_was_refunded_is_returned_all_the_same(acme: Tenant) -> None:
    payment = check_payment(acme, 2_000)
    paid_out(refund(payment))
    back = returned(payment)
    assert (back.status, back.returned_minor) == ("returned", 0)
    assert accounts_of(payment) == {"bad_debt": 2_000, "cash_bank": -2_000}
    assert Discrepancy.objects.get(payment=payment).amount_minor == 2_000


def test_what_became_credit_by_a_refund_stays_credit(acme: Tenant) -> None:
    invoice = bill(acme, 6_000)
    payment = check_payment(acme, 6_000, invoice=invoice)
    refund(payment, 2_500, destination="credit")
    returned(payment)
    assert (open_of(invoice), credit_of(acme)) == (("open", 6_000), 2_500)


def test_a_payout_that_waits_stands_in_the_way_and_one_that_nobody_approved_does_not(acme: Tenant) -> None:
    payment = check_payment(acme, 5_000)
    refund(payment, 500)
    with pytest.raises(PayoutWaits):
        returned(payment, fee=100)
    assert not Invoice.objects.exists()
    clerk, boss = world.user(staff=True), world.user(staff=True)
    large = verify_check(world.check_for(acme, 1_500_000, clerk, now=NOW), by=boss)
    waiting = refund(large, 1_200_000)
    assert waiting.status == "awaiting_approval"
    assert returned(large).returned_minor == 1_500_000
    assert moves(waiting)[-1] == ("awaiting_approval", "canceled")
