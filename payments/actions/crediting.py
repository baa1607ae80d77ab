"""Credit notes: lessen what an open invoice asks for, or give a paid one back as credit."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money, round_half_up
from payments import queries
from payments.actions import balance, invoicing, numbering, posting
from payments.errors import CreditExceedsInvoice, InvoiceNotOpen
from payments.models import CreditNote, Invoice


@transaction.atomic
def issue_credit_note(*, invoice_id: UUID, amount: Money, reason: str, actor: Actor, now: datetime) -> CreditNote:
    """Credit `amount` (gross, its share of tax in it) of an invoice.

    An open invoice: the note reduces what is due, and pays it off when nothing is left. A paid one: the amount goes to
    the tenant's credit balance. Raises CreditExceedsInvoice, InvoiceNotOpen.
    """
    invoice = Invoice.objects.select_for_update().get(id=invoice_id)
    if invoice.status not in (Invoice.Status.OPEN, Invoice.Status.PAID):
        raise InvoiceNotOpen
    is_open = invoice.status == Invoice.Status.OPEN
    noted = invoice.credit_notes.aggregate(total=Sum("amount_minor"))["total"] or 0
    left = Money(invoice.total_minor - noted, invoice.currency)
    if is_open:
        left = min(left, Money(queries.amounts(invoice).payable, invoice.currency))
    if not Money.zero(left.currency) < amount <= left:
        raise CreditExceedsInvoice(asked=amount, left=left)
    number = numbering.take_number("CN", now)
    note = CreditNote.objects.create(
        tenant_id=invoice.tenant_id,
        invoice=invoice,
        number=number.text,
        effect=CreditNote.Effect.REDUCES_DUE if is_open else CreditNote.Effect.CREDITED,
        currency=invoice.currency,
        amount_minor=amount.minor,
        tax_minor=_share_of_tax(invoice, amount.minor, noted),
        reason=reason,
        issued_at=number.issued_at,
    )
    posting.post([posting.credit_note_issued(note)])
    if is_open:
        invoicing.close_if_covered(invoice, actor=actor, now=now)
    else:
        balance.add(tenant_id=invoice.tenant_id, amount=amount)
    return note


def _share_of_tax(invoice: Invoice, minor: int, noted: int) -> int:
    """Cumulative, so that the notes of a wholly credited invoice carry its whole tax to the cent."""

    def up_to(amount: int) -> int:
        return round_half_up(Fraction(invoice.tax_minor * amount, invoice.total_minor))

    return up_to(noted + minor) - up_to(noted)
