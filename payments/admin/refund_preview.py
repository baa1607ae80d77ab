"""What a refund would give back and book, before anybody asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from payments import policies
from payments.actions import reserving
from payments.actions.noting import share_of_tax
from payments.actions.refunding import check_refundable
from payments.actions.reserving import amount_to_refund, places_of
from payments.models import Invoice, Payment, Refund

DESTINATIONS = ("source", "credit")


@dataclass(frozen=True, slots=True)
class Part:
    """So much of an invoice, with the share of tax that its credit note will carry; or of the tenant's credit."""

    invoice: Invoice | None
    amount: Money
    tax: Money | None


@dataclass(frozen=True, slots=True)
class Preview:
    """`shown` is to be compared with what is booked; `waits` whether a second person has to approve it."""

    amount: Money
    destination: str
    parts: Sequence[Part]
    shown: str
    waits: bool


@dataclass(frozen=True, slots=True)
class Offers:
    """By destination: the most that can be given back there, or why nothing can."""

    most: dict[str, Money]
    why_not: dict[str, BillingError]

    @property
    def reason(self) -> str:
        """Why nothing can be given back at all."""
        return self.why_not["source"].detail if "source" in self.why_not else ""


def offers_of(payment: Payment) -> Offers:
    found = Offers({}, {})
    for destination in DESTINATIONS:
        try:
            check_refundable(payment, destination)
            found.most[destination] = amount_to_refund(payment, None, destination)
        except BillingError as error:
            found.why_not[destination] = error
    return found


def preview_of(payment: Payment, amount: Money, destination: str) -> Preview:
    """Raises what `refunding.refund_payment` would raise before it asks anybody."""
    check_refundable(payment, destination)
    amount = amount_to_refund(payment, amount, destination)
    places = places_of(payment, amount.minor, destination)
    return Preview(
        amount=amount,
        destination=destination,
        parts=_parts(places, amount.currency),
        shown=reserving.mark(places),
        waits=policies.needs_second_person(amount),
    )


def parts_of(refund: Refund) -> list[Part]:
    """Of one that is reserved: they are fixed. Tax as its notes have it, or will have it now."""
    noted = {note.invoice_id: note.tax_minor for note in refund.credit_notes.exclude(effect="refund_reversed")}
    places = refund.parts.order_by("invoice_id").values_list("invoice_id", "amount_minor")
    return _parts(places, refund.currency, noted)


def _parts(
    places: Iterable[tuple[UUID | None, int]], currency: str, noted: dict[UUID, int] | None = None
) -> list[Part]:
    rows = list(places)
    invoices = Invoice.objects.in_bulk([invoice_id for invoice_id, _ in rows if invoice_id])
    found = []
    for invoice_id, minor in rows:
        invoice = invoices[invoice_id] if invoice_id else None
        tax = None
        if invoice:
            known = (noted or {}).get(invoice.id)
            tax = Money(share_of_tax(invoice, minor) if known is None else known, currency)
        found.append(Part(invoice, Money(minor, currency), tax))
    return found
