"""Whatever happens to payments, in whatever order: the books hold, they agree with Stripe's, and never more goes back
than came."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from stripe import InvalidRequestError

from billing_portal.invariants import check_books
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions import noting
from payments.actions.crediting import issue_credit_note
from payments.actions.refunding import check_refund
from payments.models import Discrepancy, Invoice, LedgerLeg, Payment, Refund
from payments.providers import breaker
from payments.refund_queries import Noted
from payments.tests.refund_world import (
    NOW,
    at_stripe,
    bank_payment,
    bill,
    card_payment,
    check_payment,
    refund,
    synced,
    tenant,
)

MONTHS = ["2026-09", "2026-10", "2026-11", "2026-12", "2027-01"]
CARDS = ["pm_card_visa", "pm_card_pendingRefund"]


@dataclass
class History:
    """A tenant and what happened to it; numbers between 0 and 1 choose which thing and how much."""

    stripe: StripeWorld
    tenant: Tenant
    months: list[str] = field(default_factory=lambda: list(MONTHS))

    def bill(self, which: float, much: float) -> None:
        if self.months:
            bill(self.tenant, 1 + int(much * 9_999), self.months.pop(0))

    def pay(self, which: float, much: float) -> None:
        invoice = self._one(queries.invoices(self.tenant).filter(status="open"), which)
        due = queries.amounts(invoice).payable if invoice else 0
        by_card, by_bank, by_check = which < 0.5, which < 0.7, which < 0.9
        if (by_check and not by_bank) or due < 100:
            check_payment(self.tenant, 1 + int(much * 12_000), invoice=invoice if due else None)
        elif by_card:
            card_payment(self.tenant, max(100, int(much * due)), invoice=invoice, method=CARDS[int(which * 4) % 2])
        elif by_bank:
            bank_payment(self.stripe, self.tenant, max(100, int(much * due)), invoice=invoice)
        else:
            card_payment(self.tenant, 100 + int(much * 12_000))

    def refund(self, which: float, much: float) -> None:
        if payment := self._payment(which):
            destination = "credit" if int(much * 100) % 3 == 0 else "source"
            refund(payment, None if much > 0.8 else 1 + int(much * payment.amount_minor), destination=destination)

    def refund_with_a_lost_answer(self, which: float, much: float) -> None:
        if payment := self._payment(which, provider="stripe"):
            self.stripe.fault(("drop_after", "drop_before", "html_500")[int(much * 3)], "/v1/refunds")
            try:
                refund(payment, 1 + int(much * payment.amount_minor / 2))
            finally:  # refused before Stripe was asked, it would wait for whoever asks next
                self.stripe.panel("DELETE", "faults")

    def refund_in_the_dashboard(self, which: float, much: float) -> None:
        if payment := self._payment(which, provider="stripe"):
            with suppress(InvalidRequestError):  # there it is refunded or disputed already
                self.stripe.api.refunds.create(at_stripe(payment, 1 + int(much * payment.amount_minor)))

    def end_a_refund(self, which: float, much: float) -> None:
        rows = Refund.objects.filter(tenant=self.tenant, provider_ref__isnull=False).order_by("created_at", "id")
        if row := self._one(rows, which):
            self._settle(row.provider_ref, "failed" if much < 0.7 else "succeeded")

    def dispute(self, which: float, much: float) -> None:
        if payment := self._payment(which, provider="stripe"):
            self._settle(payment.provider_ref, "disputed")

    def decide_a_dispute(self, which: float, much: float) -> None:
        if payment := self._one(Payment.objects.filter(tenant=self.tenant, disputes__status="open"), which):
            self._settle(payment.provider_ref, "dispute_won" if much < 0.5 else "dispute_lost")

    def credit(self, which: float, much: float) -> None:
        if invoice := self._one(queries.invoices(self.tenant), which):
            issue_credit_note(
                invoice_id=invoice.id,
                amount=Money(1 + int(much * invoice.total_minor), "usd"),
                reason="Bad line",
                actor=world.SYSTEM,
                now=NOW,
            )

    def compare(self, which: float, much: float) -> None:
        if payment := self._payment(which):
            synced(payment)

    def compare_all(self) -> None:
        breaker.forget()
        for row in Refund.objects.filter(tenant=self.tenant, status="pending"):
            check_refund(refund_id=row.id, actor=world.SYSTEM, now=NOW)
        for payment in Payment.objects.filter(tenant=self.tenant):
            synced(payment)

    def _settle(self, reference: str | None, outcome: str) -> None:
        with suppress(AssertionError):  # the stand-in says that it has ended already
            self.stripe.settle(reference or "", outcome)

    def _payment(self, which: float, **facts: str) -> Payment | None:
        return self._one(Payment.objects.filter(tenant=self.tenant, **facts).order_by("created_at", "id"), which)

    def _one(self, rows: Any, which: float) -> Any:
        found = list(rows)
        return found[int(which * len(found))] if found else None


ACTS: list[Callable[[History, float, float], None]] = [
    History.bill,
    History.pay,
    History.pay,
    History.refund,
    History.refund,
    History.refund_with_a_lost_answer,
    History.refund_in_the_dashboard,
    History.end_a_refund,
    History.dispute,
    History.decide_a_dispute,
    History.credit,
    History.compare,
]
SHARE = st.floats(0, 1, exclude_max=True)


@pytest.mark.django_db
@settings(
    max_examples=int(os.environ.get("HISTORIES", "6")),  # two seconds each
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(taxed=st.booleans(), acts=st.lists(st.tuples(st.sampled_from(ACTS), SHARE, SHARE), min_size=6, max_size=24))
def test_any_history_keeps_the_books(stripe: StripeWorld, taxed: bool, acts: list) -> None:
    history = History(stripe, tenant(tax_percent="8.875" if taxed else 0))
    for act, which, much in [(History.bill, 0.0, 0.9), (History.pay, 0.3, 0.99), *acts]:
        breaker.forget()
        try:
            act(history, which, much)
            note(f"{act.__name__}({which}, {much})")
        except BillingError as refused:
            note(f"{act.__name__}({which}, {much}): {refused.code}")
    history.compare_all()
    assert check_books()[1] == []
    _never_more_than_came(history)
    _agrees_with_stripe(history)


def _never_more_than_came(history: History) -> None:
    for payment in Payment.objects.filter(tenant=history.tenant):
        given = payment.refunds.filter(status__in=["succeeded", "pending"], destination="source")
        back = given.aggregate(total=Sum("amount_minor"))["total"] or 0
        assert back + payment.returned_minor <= payment.amount_minor
        assert queries.unallocated(payment) >= 0
    for invoice in Invoice.objects.filter(tenant=history.tenant):
        assert queries.amounts(invoice).open >= 0


def _agrees_with_stripe(history: History) -> None:
    """What Stripe holds of this tenant's is what the ledger says, but for refunds under way, and those that staff were
    told of because the books could not follow them."""
    stripe = history.stripe
    intents = set(Payment.objects.filter(tenant=history.tenant).values_list("provider_ref", flat=True))
    things = [
        each
        for kind in ("charges", "refunds", "disputes")
        for each in stripe.objects(kind)
        if each["payment_intent"] in intents
    ]
    ids = {each["id"] for each in things}
    theirs = sum(moved["net"] for moved in stripe.objects("balance_transactions") if moved["source"] in ids)
    told = set(Discrepancy.objects.filter(closed_at=None, kind="unknown_refund").values_list("provider_ref", flat=True))
    not_booked = [
        each["amount"]
        for each in things
        if each["object"] == "refund"
        and (each["status"] == "pending" or (each["id"] in told and each["status"] == "succeeded"))
    ]
    cash = LedgerLeg.objects.filter(tenant=history.tenant, account="cash_stripe")
    assert (cash.aggregate(total=Sum("amount_minor"))["total"] or 0) == theirs + sum(not_booked)


@given(
    subtotal=st.integers(1, 50_000),
    percent=st.integers(0, 40),
    shares=st.lists(st.tuples(SHARE, st.booleans()), max_size=12),
)
def test_notes_of_a_wholly_credited_invoice_carry_its_whole_tax_whatever_was_reversed(
    subtotal: int, percent: int, shares: list
) -> None:
    tax = subtotal * percent // 100
    invoice = Invoice(subtotal_minor=subtotal, tax_minor=tax, total_minor=subtotal + tax)
    given_notes: list[tuple[int, int]] = []

    def noted() -> Noted:
        return Noted(sum(amount for amount, _ in given_notes), sum(tax for _, tax in given_notes))

    for share, reverses in [*shares, (1.0, False)]:
        if reverses and given_notes:
            given_notes.pop(int(share * len(given_notes)))
            continue
        left = invoice.total_minor - noted().amount
        amount = max(1, int(share * left))
        if left:
            tax_of_it = noting.share_after(invoice, amount, noted())
            assert 0 <= tax_of_it <= amount
            given_notes.append((amount, tax_of_it))
    assert noted() == Noted(invoice.total_minor, invoice.tax_minor)
