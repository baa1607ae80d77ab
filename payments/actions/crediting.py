"""Credit notes: lessen what an open invoice asks for, or give a paid one back as credit."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from payments import queries, refund_queries
from payments.actions import balance, invoicing, noting, paying_bills, posting
from payments.errors import CreditExceedsInvoice, InvoiceNotOpen
from payments.models import CreditNote, Invoice


@transaction.atomic
def issue_credit_note(*, invoice_id: UUID, amount: Money, reason: str, actor: Actor, now: datetime) -> CreditNote:
    """Credit `amount` (gross, its share of tax in it) of an invoice.

    An open invoice: the note reduces what is due, and pays it off when nothing is left. A paid one: the amount goes to
    the tenant's credit balance. What was given back as a refund, or is about to be, is not credited a second time.
    Of an open bill that its provider collects all is credited, and the provider hears that it was paid: a part would
    not make it take any less. Raises CreditExceedsInvoice, InvoiceNotOpen, PartOfBill, CollectedByProvider.
    """
    invoice = Invoice.objects.select_for_update().get(id=invoice_id)
    paying_bills.check_way(invoice, amount)
    return _issue(invoice, amount, reason, actor, now, is_known_there=False)


@transaction.atomic
def credit_bill(*, invoice_id: UUID, amount: Money, reason: str, actor: Actor, now: datetime) -> CreditNote:
    """What the provider of a bill asks for no more, by its own word. Raises CreditExceedsInvoice, InvoiceNotOpen."""
    invoice = Invoice.objects.select_for_update().get(id=invoice_id)
    return _issue(invoice, amount, reason, actor, now, is_known_there=True)


def _issue(
    invoice: Invoice, amount: Money, reason: str, actor: Actor, now: datetime, *, is_known_there: bool
) -> CreditNote:
    if invoice.status not in (Invoice.Status.OPEN, Invoice.Status.PAID):
        raise InvoiceNotOpen
    is_open = invoice.status == Invoice.Status.OPEN
    left = Money(refund_queries.creditable(invoice), invoice.currency)
    if is_open:
        left = min(left, Money(queries.amounts(invoice).payable, invoice.currency))
    if not Money.zero(left.currency) < amount <= left:
        raise CreditExceedsInvoice(asked=amount, left=left)
    note = noting.write_note(
        invoice=invoice,
        effect=CreditNote.Effect.REDUCES_DUE if is_open else CreditNote.Effect.CREDITED,
        minor=amount.minor,
        reason=reason,
        now=now,
    )
    posting.post([posting.credit_note_issued(note)])
    if is_open:
        invoicing.close_if_covered(invoice, actor=actor, now=now, is_known_there=is_known_there)
    else:
        balance.add(tenant_id=invoice.tenant_id, amount=amount)
    return note
