"""What verifying payments would book, before anybody does: how much pays each invoice, how much becomes credit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from payments import queries, share_queries
from payments.models import Invoice, Payment


@dataclass(frozen=True, slots=True)
class Part:
    """What an invoice gets of a payment, and asks for afterwards. `lacking` is how much less that is than it asked for
    when the payment was taken down: it was paid or credited meanwhile."""

    invoice: Invoice
    amount: Money
    left: Money
    lacking: Money

    @property
    def in_words(self) -> str:
        how = "pays" if not self.left else "goes to"
        rest = f" ({money_text(self.left)} stays due)" if self.left else ""
        return f"{money_text(self.amount)} {how} {self.invoice}{rest}"

    @property
    def warning(self) -> str:
        """Why an invoice gets less of it than it was to have; "" for what is as it was."""
        if not self.lacking:
            return ""
        if self.amount:
            return f"{self.invoice} asks for less by now: {money_text(self.lacking)} meant for it becomes credit."
        why = "is paid by now" if self.invoice.status == Invoice.Status.PAID else "asks for nothing any more"
        return f"{self.invoice} {why}: the {money_text(self.lacking)} meant for it becomes credit."


@dataclass(frozen=True, slots=True)
class Booking:
    """`parts` are the invoices that a payment of `amount` is meant for, in the order they are paid; one that gets
    nothing is among them."""

    amount: Money
    parts: Sequence[Part]

    @property
    def paying(self) -> list[Part]:
        """Those that get something."""
        return [part for part in self.parts if part.amount]

    @property
    def to_credit(self) -> Money:
        return self.amount - Money(sum(part.amount.minor for part in self.parts), self.amount.currency)

    @property
    def warnings(self) -> list[str]:
        return [part.warning for part in self.parts if part.warning]

    @property
    def in_words(self) -> str:
        """'$3,120.00 pays INV-2026-000096, $80.00 becomes credit.'"""
        parts = [part.in_words for part in self.paying]
        if self.to_credit:
            parts.append(f"{money_text(self.to_credit)} becomes credit")
        return f"{', '.join(parts)}."

    def mark_for(self, payment: Payment) -> str:
        """What was shown of a payment, to be compared with what is booked. What the invoices leave of it is credit."""
        return _mark(payment, {part.invoice.id: part.amount.minor for part in self.paying})


def booking_of(
    amount: Money, meant: Iterable[tuple[UUID, int]], invoices: Mapping[UUID, tuple[Invoice, int]]
) -> Booking:
    """The split that settling makes. `meant` is in the order of paying, as `share_queries.meant_for` has it; `invoices`
    those that it names, by id, each with what it asks for in minor units, which is 0 once it is not open."""
    rows = list(meant)
    parts = dict(share_queries.split(amount.minor, rows, {each: due for each, (_, due) in invoices.items()}))
    return _booking(amount, [invoice_id for invoice_id, _ in rows], invoices, parts, {})


def bookings_of(payments: Iterable[Payment]) -> list[Booking]:
    """One for each, in their order: those ahead use up what their invoices ask for."""
    taken: dict[UUID, int] = defaultdict(int)
    bookings = []
    for payment in payments:
        parts = {invoice.id: minor for invoice, minor in share_queries.split_now(payment, taken=taken)}
        ids = [invoice_id for invoice_id, _ in share_queries.meant_for(payment)]
        rows = Invoice.objects.in_bulk(ids)
        due = {
            each: max(0, amounts.open - taken[each]) if rows[each].status == Invoice.Status.OPEN else 0
            for each, amounts in queries.amounts_of(rows.values()).items()
        }
        invoices = {each: (row, due[each]) for each, row in rows.items()}
        lacking = share_queries.lacking(payment, parts)
        bookings.append(_booking(payment.amount, ids, invoices, parts, lacking))
        for invoice_id, minor in parts.items():
            taken[invoice_id] += minor
    return bookings


def mark_of_booked(payment: Payment) -> str:
    """What `Booking.mark_for` says, of a payment that has just been booked."""
    parts = payment.allocations.order_by().values_list("invoice_id").annotate(total=Sum("amount_minor"))
    return _mark(payment, dict(parts))


def _booking(
    amount: Money,
    order: Iterable[UUID],
    invoices: Mapping[UUID, tuple[Invoice, int]],
    parts: Mapping[UUID, int],
    lacking: Mapping[UUID, int],
) -> Booking:
    def money(minor: int) -> Money:
        return Money(minor, amount.currency)

    found = []
    for invoice_id in order:
        invoice, due = invoices[invoice_id]
        part = parts.get(invoice_id, 0)
        found.append(Part(invoice, money(part), money(due - part), money(lacking.get(invoice_id, 0))))
    return Booking(amount, found)


def _mark(payment: Payment, parts: Mapping[UUID, int]) -> str:
    booked = ",".join(f"{invoice_id}={minor}" for invoice_id, minor in sorted(parts.items(), key=lambda each: each[0]))
    return f"{payment.id}:{booked}"
