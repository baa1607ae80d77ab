"""Money that comes back, from many hands at once: never more than came, never twice, in our tables and at Stripe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db.models import Sum

from billing_portal.invariants import check_books
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions.crediting import issue_credit_note
from payments.actions.refunding import adopt_refunds, approve_refund, settle_refund
from payments.errors import AlreadyCredited, CreditExceedsInvoice, PaymentDisputed, RefundExceedsPayment
from payments.models import Attempt, CreditNote, Dispute, LedgerLeg, Payment, Refund, StatusChange
from payments.providers import breaker
from payments.tests.refund_world import NOW, at_stripe, bank_payment, bill, card_payment, refund, synced, tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture(autouse=True)
def books_hold(stripe: StripeWorld) -> Iterator[None]:
    """Ours, and ours against Stripe's: what it holds for us is what the ledger says, but for refunds under way."""
    breaker.forget()
    yield
    assert check_books()[1] == []
    theirs = sum(moved["net"] for moved in stripe.objects("balance_transactions"))
    under_way = sum(each["amount"] for each in stripe.objects("refunds") if each["status"] == "pending")
    ours = LedgerLeg.objects.filter(account="cash_stripe").aggregate(total=Sum("amount_minor"))["total"]
    assert ours == theirs + under_way


def test_of_eight_refunds_of_sixty_percent_exactly_one_succeeds(stripe: StripeWorld, acme: Tenant) -> None:
    for invoice in (bill(acme, 10_000), None):
        payment = card_payment(acme, 10_000, invoice=invoice)
        people = [world.user(staff=True) for _ in range(8)]

        def give(number: int, payment: Payment = payment, people: list = people) -> Refund:
            return refund(payment, 6_000, by=people[number])

        outcomes = at_once(8, give)
        assert [each.status for each in outcomes.results] == ["succeeded"]
        assert outcomes.count(RefundExceedsPayment) == 7
        assert list(payment.refunds.values_list("status", "amount_minor")) == [("succeeded", 6_000)]
        theirs = [each for each in stripe.objects("refunds") if each["payment_intent"] == payment.provider_ref]
        assert [each["amount"] for each in theirs] == [6_000]
        assert Attempt.objects.filter(payment=payment, operation="refund").count() == 1, "nobody else even asked"


def test_one_key_from_eight_hands_is_one_refund(stripe: StripeWorld, acme: Tenant) -> None:
    payment, boss = card_payment(acme), world.user(staff=True)
    outcomes = at_once(8, lambda: refund(payment, 1_000, by=boss, key="once"))
    assert outcomes.errors == []
    assert {each.id for each in outcomes.results} == {Refund.objects.get().id}
    synced(payment)
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_000]
    assert Refund.objects.get().status == "succeeded"


def test_a_refund_and_a_dispute_at_once_never_give_more_than_came(stripe: StripeWorld, acme: Tenant) -> None:
    boss = world.user(staff=True)
    for _ in range(6):
        payment = card_payment(acme)

        def act(number: int, payment: Payment = payment) -> object:
            if number == 0:
                return refund(payment, 6_000, by=boss)
            stripe.settle(payment.provider_ref or "", "disputed")
            return synced(payment)

        outcomes = at_once(2, act)
        assert set(map(type, outcomes.errors)) <= {PaymentDisputed}
        synced(payment)
        given = payment.refunds.filter(status="succeeded").aggregate(total=Sum("amount_minor"))["total"] or 0
        dispute = Dispute.objects.get(payment=payment)
        assert given + dispute.withdrawn_minor == 10_000
        stripe.settle(dispute.provider_ref, "dispute_lost")
        assert synced(payment).status == "returned"


def test_approving_twice_at_once_gives_once(stripe: StripeWorld, acme: Tenant) -> None:
    payment, boss = card_payment(acme, 2_000_000), world.user(staff=True)
    others = [world.user(staff=True) for _ in range(6)]
    waiting = refund(payment, 1_500_000, by=boss)

    def approve(number: int) -> Refund:
        who = others[number]
        return approve_refund(refund_id=waiting.id, approver=who, actor=world.staff_actor(who), now=NOW)

    outcomes = at_once(6, approve)
    assert outcomes.errors == []
    assert len({each.approved_by_id for each in outcomes.results}) == 1, "all see the one who was first"
    assert StatusChange.objects.filter(subject_id=waiting.id, new="pending").count() == 1
    assert Attempt.objects.filter(refund=waiting, operation="refund").count() == 1
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_500_000]


def test_the_response_and_the_webhook_settle_a_refund_once(stripe: StripeWorld, acme: Tenant) -> None:
    for number in range(3):
        invoice = bill(acme, 10_000, f"2026-{9 + number:02}")
        payment = bank_payment(stripe, acme, invoice=invoice)
        pending = refund(payment, 4_000)
        stripe.settle(pending.provider_ref or "", "succeeded")
        (result,) = stripe.provider.refunds_of(payment.provider_ref or "")

        def settle(number: int, payment: Payment = payment, pending: Refund = pending, result=result) -> None:
            if number % 2:
                settle_refund(refund_id=pending.id, result=result, actor=world.SYSTEM, now=NOW)
            else:
                adopt_refunds(payment_id=payment.id, results=[result], actor=world.SYSTEM, now=NOW)

        assert at_once(8, settle).errors == []
        assert StatusChange.objects.filter(subject_id=pending.id, new="succeeded").count() == 1
        assert CreditNote.objects.filter(refund=pending).count() == 1


def test_a_refund_that_comes_back_is_reversed_once(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    given = refund(payment, 4_000)
    stripe.settle(given.provider_ref or "", "failed")
    assert at_once(8, lambda: synced(payment)).errors == []
    assert queries.credit_balance(acme, "usd") == Money(10_000, "usd")
    assert StatusChange.objects.filter(subject_id=given.id, new="failed").count() == 1


def test_a_refund_made_in_the_dashboard_becomes_one_row(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme, invoice=bill(acme, 10_000))
    stripe.api.refunds.create(at_stripe(payment, 4_000))
    assert at_once(8, lambda: synced(payment)).errors == []
    assert list(Refund.objects.values_list("status", "amount_minor")) == [("succeeded", 4_000)]
    assert CreditNote.objects.count() == 1


def test_a_lost_dispute_takes_back_once(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = card_payment(acme, invoice=invoice)
    stripe.settle(payment.provider_ref or "", "disputed")
    stripe.settle(payment.provider_ref or "", "dispute_lost")
    assert at_once(8, lambda: synced(payment)).errors == []
    payment.refresh_from_db()
    assert (payment.returned_minor, queries.amounts(invoice).open) == (10_000, 10_000)
    assert StatusChange.objects.filter(subject="payment", new="returned").count() == 1


def test_a_refund_and_a_credit_note_at_once_do_not_give_the_same_money_twice(stripe: StripeWorld, acme: Tenant) -> None:
    boss = world.user(staff=True)
    for month in ("2026-09", "2026-10", "2026-11"):
        invoice = bill(acme, 10_000, month)
        payment = card_payment(acme, 10_000 - queries.credit_balance(acme, "usd").minor, invoice=invoice)

        def give(number: int, invoice=invoice, payment: Payment = payment) -> object:
            if number % 2:
                return refund(payment, 6_000, by=boss)
            return issue_credit_note(
                invoice_id=invoice.id, amount=Money(6_000, "usd"), reason="Bad line", actor=world.SYSTEM, now=NOW
            )

        outcomes = at_once(4, give)
        assert set(map(type, outcomes.errors)) <= {AlreadyCredited, CreditExceedsInvoice, RefundExceedsPayment}
        assert CreditNote.objects.filter(invoice=invoice).aggregate(total=Sum("amount_minor"))["total"] == 6_000
        if credit := queries.credit_balance(acme, "usd").minor:
            assert credit == 6_000
            acme = tenant()


def test_credit_that_an_invoice_uses_while_it_is_refunded_is_used_or_given_back(
    stripe: StripeWorld, acme: Tenant
) -> None:
    boss = world.user(staff=True)
    for _ in range(4):
        whose = tenant()
        payment = card_payment(whose)
        world.call(whose, 10_100, world.at("2026-09-10 12:00"))

        def act(number: int, whose: Tenant = whose, payment: Payment = payment) -> object:
            if number:
                return world.close(whose, "2026-09", world.at("2026-10-02 00:00"))
            return refund(payment, 10_000, by=boss)

        assert at_once(2, act).errors == []
        (invoice,) = queries.invoices(whose)
        noted = CreditNote.objects.filter(invoice=invoice).exists()
        assert (invoice.status, noted) in [("open", False), ("paid", True)]


def test_everything_at_once_stands_in_nobodys_way(stripe: StripeWorld, acme: Tenant) -> None:
    """Refunds, credit notes, comparisons and the next bill over the same payments and invoices: no deadlock."""
    payments = [card_payment(acme, 12_000) for _ in range(2)]
    invoices = [bill(acme, 10_000, month) for month in ("2026-09", "2026-10")]
    boss = world.user(staff=True)
    world.call(acme, 3_100, world.at("2026-11-10 12:00"))
    refused = (AlreadyCredited, CreditExceedsInvoice, RefundExceedsPayment)

    def act(number: int) -> None:
        for turn in range(4):
            payment, invoice = payments[(number + turn) % 2], invoices[(number + turn) % 2]
            try:
                if number == 7:
                    world.close(acme, "2026-11", world.at("2026-12-02 00:00"))
                elif number % 3 == 0:
                    refund(payment, 700, by=boss, destination="credit" if turn % 2 else "source")
                elif number % 3 == 1:
                    synced(payment)
                else:
                    issue_credit_note(
                        invoice_id=invoice.id, amount=Money(500, "usd"), reason="x", actor=world.SYSTEM, now=NOW
                    )
            except refused:
                continue

    assert at_once(8, act).errors == []
