"""What verifying payments would book, before anybody does: how much pays the invoice, how much becomes credit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from payments import queries
from payments.models import Invoice, Payment


@dataclass(frozen=True, slots=True)
class Booking:
    """The parts of `amount`; `left_due` is what the invoice asks for afterwards. `invoice` None: all is credit."""

    invoice: Invoice | None
    amount: Money
    to_invoice: Money
    left_due: Money

    @property
    def to_credit(self) -> Money:
        return self.amount - self.to_invoice

    @property
    def in_words(self) -> str:
        """'$3,120.00 pays INV-2026-000096, $80.00 becomes credit.'"""
        parts = []
        if self.to_invoice:
            how = "pays" if not self.left_due else "goes to"
            rest = f" ({money_text(self.left_due)} stays due)" if self.left_due else ""
            parts.append(f"{money_text(self.to_invoice)} {how} {self.invoice}{rest}")
        if self.to_credit:
            parts.append(f"{money_text(self.to_credit)} becomes credit")
        return f"{', '.join(parts)}."


def booking_of(amount: Money, invoice: Invoice | None, *, taken_before: int = 0) -> Booking:
    """The split that settling makes: the invoice takes what it still asks for while it is open, the rest is credit.

    `taken_before` are minor units that payments ahead of this one will have used of the invoice.
    """
    is_open = invoice is not None and invoice.status == Invoice.Status.OPEN
    due = max(0, queries.amounts(invoice).open - taken_before) if invoice and is_open else 0
    part = min(amount.minor, due)
    return Booking(invoice, amount, Money(part, amount.currency), Money(due - part, amount.currency))


def mark(payment: Payment, to_invoice_minor: int) -> str:
    """What was shown of a payment, to be compared with what is booked. What the invoice leaves of it is credit."""
    return f"{payment.id}:{payment.invoice_id}:{to_invoice_minor}"


def mark_of_booked(payment: Payment) -> str:
    """The same of a payment that is booked."""
    parts = payment.allocations.filter(invoice=payment.invoice_id)
    return mark(payment, sum(part.amount_minor for part in parts))


def bookings_of(payments: Iterable[Payment]) -> list[Booking]:
    """One for each, in their order: those ahead use up what their invoice asks for."""
    taken: dict[UUID, int] = {}
    bookings = []
    for payment in payments:
        before = taken.get(payment.invoice_id, 0) if payment.invoice_id else 0
        booking = booking_of(payment.amount, payment.invoice, taken_before=before)
        if payment.invoice_id:
            taken[payment.invoice_id] = before + booking.to_invoice.minor
        bookings.append(booking)
    return bookings
