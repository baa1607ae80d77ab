"""Write a credit note: its number from the series CN, its share of the invoice's tax."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from billing_portal.kit.money import round_half_up
from payments import refund_queries
from payments.actions import numbering
from payments.models import CreditNote, Invoice, Refund
from payments.refund_queries import Noted


def write_note(
    *, invoice: Invoice, effect: str, minor: int, reason: str, now: datetime, refund: Refund | None = None
) -> CreditNote:
    """Credit `minor` units (gross) of an invoice, in the caller's transaction and under the invoice's lock.

    Locks the number series; the caller posts the entry, and touches the credit balance afterwards only.
    """
    tax_minor = share_of_tax(invoice, minor)
    number = numbering.take_number("CN", now)
    return CreditNote.objects.create(
        tenant_id=invoice.tenant_id,
        invoice=invoice,
        number=number.text,
        effect=effect,
        currency=invoice.currency,
        amount_minor=minor,
        tax_minor=tax_minor,
        reason=reason,
        issued_at=number.issued_at,
        refund=refund,
    )


def reverse_note(note: CreditNote, *, now: datetime) -> CreditNote:
    """Take a `refunded` note back: the same amount and tax, the other way."""
    number = numbering.take_number("CN", now)
    return CreditNote.objects.create(
        tenant_id=note.tenant_id,
        invoice_id=note.invoice_id,
        number=number.text,
        effect=CreditNote.Effect.REFUND_REVERSED,
        currency=note.currency,
        amount_minor=note.amount_minor,
        tax_minor=note.tax_minor,
        reason=f"Takes {note.number} back: the bank sent the refund back",
        issued_at=number.issued_at,
        refund_id=note.refund_id,
    )


def share_of_tax(invoice: Invoice, minor: int) -> int:
    """Minor units of tax in a note of `minor` units, after those that the invoice has."""
    return share_after(invoice, minor, refund_queries.noted_of([invoice.id]).get(invoice.id, Noted()))


def share_after(invoice: Invoice, minor: int, before: Noted) -> int:
    """Cumulative, so that the notes of a wholly credited invoice carry its whole tax to the cent, also after one was
    reversed."""
    up_to = round_half_up(Fraction(invoice.tax_minor * (before.amount + minor), invoice.total_minor))
    return min(max(up_to - before.tax, 0), minor)
