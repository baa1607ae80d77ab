"""Checks from many hands at once: cleared once, sent back once, paid out once, and no invoice paid twice."""

from __future__ import annotations

import pytest
from django.db.models import Sum

from billing_portal.kit.moves import IllegalMove
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.errors import (
    AlreadyCredited,
    AlreadyPaid,
    AlreadyRefunded,
    AmountExceedsDue,
    PaymentNotRefundable,
    PayoutNotWaiting,
    PayoutWaits,
)
from payments.models import Allocation, Discrepancy, Invoice, LedgerLeg, Payment, StatusChange
from payments.tests.offline_world import (
    check_over,
    cleared,
    not_paid_out,
    paid_by,
    paid_out,
    payment_moves,
    returned,
    verify_check,
)
from payments.tests.refund_world import bill, card_payment, check_payment, credit_of, refund, tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe", "books_hold")]


@pytest.fixture
def acme() -> Tenant:
    return tenant()


def in_clearing(acme: Tenant, invoice: Invoice) -> Payment:
    clerk = world.user(staff=True)
    return verify_check(world.check_for(acme, 10_000, clerk, invoice=invoice), clears_later=True)


def legs_of(payment: Payment) -> int:
    return LedgerLeg.objects.filter(payment=payment).count()


def test_a_check_clears_once_whoever_says_so_at_once(acme: Tenant) -> None:
    for month in ("2026-09", "2026-10", "2026-11"):
        payment = in_clearing(acme, bill(acme, 10_000, month))
        assert at_once(6, lambda _, payment=payment: cleared(payment)).errors == []
        assert payment_moves(payment) == ["awaiting_review", "clearing", "succeeded"]
        assert legs_of(payment) == 4


def test_a_check_bounces_once_with_one_fee_whoever_says_so_at_once(acme: Tenant) -> None:
    for month in ("2026-09", "2026-10", "2026-11"):
        invoice = bill(acme, 10_000, month)
        payment = in_clearing(acme, invoice)
        assert at_once(6, lambda _, payment=payment: returned(payment, fee=2_500)).errors == []
        assert payment_moves(payment) == ["awaiting_review", "clearing", "returned"]
        assert (legs_of(payment), queries.amounts(invoice).open) == (4, 10_000)
    assert Invoice.objects.filter(kind="one_off").count() == 3


def test_a_check_that_clears_and_bounces_at_once_has_bounced(acme: Tenant) -> None:
    for number in range(4):
        invoice = bill(acme, 10_000, f"2026-{9 + number:02}")
        payment = in_clearing(acme, invoice)

        def act(number: int, payment: Payment = payment) -> Payment:
            return returned(payment) if number % 2 else cleared(payment)

        outcomes = at_once(4, act)
        assert set(map(type, outcomes.errors)) <= {IllegalMove}, "it had bounced before it could clear"
        assert payment_moves(payment)[-1] == "returned"
        assert StatusChange.objects.filter(subject_id=payment.id, new="returned").count() == 1
        assert queries.amounts(invoice).open == 10_000


def test_a_return_and_refunds_at_once_never_give_what_is_not_here(acme: Tenant) -> None:
    """Refunds come first and stand in the way, or the check is gone and there is nothing to refund."""
    boss = world.user(staff=True)
    for number in range(4):
        invoice = bill(acme, 10_000, f"2026-{9 + number:02}")
        payment = check_payment(acme, 10_000, invoice=invoice)

        def act(number: int, payment: Payment = payment) -> object:
            if number % 2:
                return refund(payment, 2_000, by=boss, destination="credit" if number == 5 else "source")
            return returned(payment)

        outcomes = at_once(6, act)
        assert set(map(type, outcomes.errors)) <= {PaymentNotRefundable, PayoutWaits}
        payment.refresh_from_db()
        waiting = list(payment.refunds.filter(status="pending"))
        assert payment.status == ("succeeded" if waiting else "returned")
        for each in waiting:
            paid_out(each)
        assert returned(payment).returned_minor == 10_000 - 2_000 * len(waiting)


def test_a_payout_is_sent_or_canceled_and_never_both(acme: Tenant) -> None:
    for number in range(4):
        payment = check_payment(acme, 10_000, invoice=bill(acme, 10_000, f"2026-{9 + number:02}"))
        given = refund(payment, 4_000)
        outcomes = at_once(6, lambda number, given=given: not_paid_out(given) if number % 2 else paid_out(given))
        assert set(map(type, outcomes.errors)) == {PayoutNotWaiting}
        assert len({each.status for each in outcomes.results}) == 1
        assert StatusChange.objects.filter(subject_id=given.id).count() == 2
        assert legs_of(payment) == (4 if outcomes.results[0].status == "succeeded" else 2)


def test_a_check_over_three_invoices_and_cards_for_the_same_pay_none_of_them_twice(
    stripe: StripeWorld, acme: Tenant
) -> None:
    # Made before: so that all begin with the money, at the same moment.
    clerks = [world.user(staff=True) for _ in range(4)]
    for _ in range(3):
        whose = tenant()
        three = [bill(whose, 5_000, month) for month in ("2026-09", "2026-10", "2026-11")]
        payments = [check_over(three[::step], [5_000] * 3, clerks[0]) for step in (1, -1, 1, -1)]

        def act(number: int, payments: list = payments, whose: Tenant = whose, three: list = three) -> Payment:
            if number < 4:
                return verify_check(payments[number], by=clerks[number])
            return card_payment(whose, 5_000, invoice=three[number - 4])

        outcomes = at_once(7, act)
        assert set(map(type, outcomes.errors)) <= {AlreadyPaid, AmountExceedsDue}
        for invoice in three:
            total = Allocation.objects.filter(invoice=invoice).aggregate(total=Sum("amount_minor"))["total"]
            assert total == 5_000
        came = sum(Payment.objects.filter(tenant=whose, status="succeeded").values_list("amount_minor", flat=True))
        assert credit_of(whose) == came - 15_000
        for check in payments:
            task = Discrepancy.objects.filter(payment=check, kind="not_needed").values_list("amount_minor", flat=True)
            assert sum(task) == 15_000 - sum(paid_by(check).values())


def test_bounces_with_fees_bills_and_refunds_at_once_stand_in_nobodys_way(acme: Tenant) -> None:
    """They lock the same payments and invoices: no deadlock."""
    boss = world.user(staff=True)
    for _ in range(6):
        whose = tenant()
        # Two invoices that both checks have paid, and credit that is left of the second.
        payments = [check_payment(whose, 6_000) for _ in range(2)]
        for month in ("2026-09", "2026-10"):
            bill(whose, 5_000, month)
        world.call(whose, 4_100, world.at("2026-11-10 12:00"))

        def act(number: int, whose: Tenant = whose, payments: list = payments) -> object:
            if number == 0:
                return returned(payments[0], fee=700, by=boss)
            if number == 1:
                return world.close(whose, "2026-11", world.at("2026-12-02 00:00"))
            return refund(payments[1], 100, by=boss, destination="credit" if number % 2 else "source")

        outcomes = at_once(8, act)
        assert set(map(type, outcomes.errors)) <= {AlreadyCredited, AlreadyRefunded}
