"""Whatever happens to checks, in whatever order, with cards in between: the books hold, no invoice is paid twice, and
what a bank took back was nobody's to give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from billing_portal.invariants import check_books
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries, share_queries
from payments.actions.crediting import issue_credit_note
from payments.models import Invoice, LedgerLeg, Payment, Refund
from payments.providers import breaker
from payments.tests.offline_world import check_over, cleared, not_paid_out, paid_by, paid_out, returned, verify_check
from payments.tests.refund_world import NOW, bill, card_payment, refund, tenant

MONTHS = ["2026-09", "2026-10", "2026-11", "2026-12", "2027-01", "2027-02"]


@dataclass
class History:
    """A tenant and what happened to it; numbers between 0 and 1 choose which thing and how much. Time goes on."""

    tenant: Tenant
    months: list[str] = field(default_factory=lambda: list(MONTHS))
    now: datetime = NOW

    def bill(self, which: float, much: float) -> None:
        if self.months:
            bill(self.tenant, 100 + int(much * 9_900), self.months.pop(0))

    def send_a_check(self, which: float, much: float) -> None:
        """Over up to three invoices, in part or whole, with or without one of them named, with or without some more."""
        invoices = list(queries.invoices(self.tenant).filter(status="open").order_by("id"))
        some = invoices[: 1 + int(which * 3)]
        if not some:
            world.check_for(self.tenant, 1 + int(much * 9_000), world.user(staff=True), now=self.now)
            return
        cents = [max(1, int(queries.amounts(each).open * max(much, 0.3))) for each in some]
        more = int(which * 1_000) % 3 * 700
        if len(some) > 1 and which > 0.5:
            check_over(some[1:], cents[1:], amount=sum(cents) + more, named=some[0], now=self.now)
        else:
            check_over(some, cents, amount=sum(cents) + more, now=self.now)

    def pay_by_card(self, which: float, much: float) -> None:
        if invoice := self._one(queries.invoices(self.tenant).filter(status="open").order_by("id"), which):
            due = queries.amounts(invoice).payable
            card_payment(self.tenant, due if much > 0.4 else max(50, int(due * much)), invoice=invoice)

    def verify(self, which: float, much: float) -> None:
        """What was said before is what is booked."""
        if payment := self._check(which, "awaiting_review"):
            shown = share_queries.split_now(payment)
            booked = paid_by(verify_check(payment, clears_later=much < 0.4, now=self.now))
            assert booked == {invoice.number: part for invoice, part in shown}

    def clear(self, which: float, much: float) -> None:
        if payment := self._check(which, "clearing"):
            cleared(payment, now=self.now)

    def bounce(self, which: float, much: float) -> None:
        if payment := self._check(which, "clearing", "succeeded"):
            returned(payment, fee=1 + int(much * 3_000) if much > 0.5 else None, now=self.now)

    def refund(self, which: float, much: float) -> None:
        states = ["succeeded"] if which < 0.8 else ["clearing"]
        if payment := self._check(which, *states):
            destination = "credit" if int(much * 100) % 3 == 0 else "source"
            amount = None if much > 0.8 else 1 + int(much * payment.amount_minor)
            refund(payment, amount, destination=destination, now=self.now)

    def pay_out(self, which: float, much: float) -> None:
        waiting = Refund.objects.filter(tenant=self.tenant, status="pending", payment__provider="manual")
        if row := self._one(waiting.order_by("created_at", "id"), which):
            (paid_out if much < 0.7 else not_paid_out)(row, now=self.now)

    def credit(self, which: float, much: float) -> None:
        if invoice := self._one(queries.invoices(self.tenant).order_by("id"), which):
            amount = Money(1 + int(much * invoice.total_minor), "usd")
            issue_credit_note(invoice_id=invoice.id, amount=amount, reason="Bad line", actor=world.SYSTEM, now=self.now)

    def _check(self, which: float, *states: str) -> Payment | None:
        rows = Payment.objects.filter(tenant=self.tenant, provider="manual", status__in=states)
        return self._one(rows.order_by("created_at", "id"), which)

    def _one(self, rows: Any, which: float) -> Any:
        found = list(rows)
        return found[int(which * len(found))] if found else None


ACTS: list[Callable[[History, float, float], None]] = [
    History.bill,
    History.bill,
    History.send_a_check,
    History.send_a_check,
    History.pay_by_card,
    History.verify,
    History.verify,
    History.verify,
    History.clear,
    History.clear,
    History.bounce,
    History.refund,
    History.refund,
    History.refund,
    History.pay_out,
    History.pay_out,
    History.credit,
]
FIRST = [(History.bill, 0.0, much) for much in (0.9, 0.5, 0.2)] + [
    (History.send_a_check, 0.9, 0.99),
    (History.verify, 0.0, 0.99),
]
SHARE = st.floats(0, 1, exclude_max=True)


@pytest.mark.django_db
@settings(
    max_examples=20,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(taxed=st.booleans(), acts=st.lists(st.tuples(st.sampled_from(ACTS), SHARE, SHARE), min_size=8, max_size=30))
def test_any_history_of_checks_keeps_the_books(stripe: StripeWorld, taxed: bool, acts: list) -> None:
    history = History(tenant(tax_percent="8.875" if taxed else 0))
    for act, which, much in [*FIRST, *acts]:
        breaker.forget()
        history.now += timedelta(hours=1)
        try:
            act(history, which, much)
            note(f"{act.__name__}({which}, {much})")
        except BillingError as refused:
            note(f"{act.__name__}({which}, {much}): {refused.code}")
    assert check_books()[1] == []
    _nothing_is_paid_twice(history)
    _the_bank_agrees(history)


def _nothing_is_paid_twice(history: History) -> None:
    for invoice in Invoice.objects.filter(tenant=history.tenant):
        assert queries.amounts(invoice).open >= 0
    for payment in Payment.objects.filter(tenant=history.tenant, status__in=queries.ARRIVED):
        assert queries.unallocated(payment) >= 0
        if payment.status == Payment.Status.RETURNED:
            assert (paid_by(payment).keys() - _refunded_of(payment), queries.unallocated(payment)) == (set(), 0)


def _refunded_of(payment: Payment) -> set[str]:
    """Numbers of the invoices of which something of this payment went back to its source: that stays with them."""
    parts = payment.refunds.filter(status="succeeded", destination="source").values_list("parts__invoice__number")
    return {number for (number,) in parts if number}


def _the_bank_agrees(history: History) -> None:
    """What lies in the bank and in the drawer is what checks brought, less what was paid out. A check that came back
    brought nothing: its bank takes all of it, also what was paid out of it before."""
    checks = Payment.objects.filter(tenant=history.tenant, provider="manual")
    out = Refund.objects.filter(payment__in=checks, status="succeeded", destination="source")
    in_bank = _sum(checks.filter(status="succeeded"), "amount_minor") - _sum(out, "amount_minor")
    assert not checks.filter(status="succeeded", returned_minor__gt=0).exists()
    legs = LedgerLeg.objects.filter(tenant=history.tenant)
    assert _sum(legs.filter(account="cash_bank"), "amount_minor") == in_bank
    assert _sum(legs.filter(account="undeposited"), "amount_minor") == _sum(
        checks.filter(status="clearing"), "amount_minor"
    )


def _sum(rows: Any, column: str) -> int:
    return rows.aggregate(total=Sum(column))["total"] or 0
