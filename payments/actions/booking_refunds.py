"""What a refund's end means in the books: credit notes, the ledger, the credit balance, the notice."""

from __future__ import annotations

from datetime import datetime

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from payments import refund_queries
from payments.actions import balance, noting, posting, posting_refunds, reserving, returning
from payments.models import CreditNote, Payment, Refund

Effect = CreditNote.Effect


def book_success(payment: Payment, refund: Refund, *, actor: Actor, now: datetime) -> None:
    """Under the locks of payment and invoices, with the refund's new state in its row.

    1. A credit note for each invoice that it is taken from; the invoice stays paid.
    2. To the source: one entry against cash. To credit: an entry for each note, and the balance is raised.
    3. Leave the notice in the outbox.
    """
    is_credit = refund.destination == "credit"
    notes = [
        noting.write_note(
            invoice=part.invoice,
            effect=Effect.CREDITED if is_credit else Effect.REFUNDED,
            minor=part.amount_minor,
            reason=refund.reason or "Refund",
            now=now,
            refund=refund,
        )
        for part in refund.parts.filter(invoice__isnull=False).select_related("invoice").order_by("invoice_id")
        if part.invoice
    ]
    if is_credit:
        posting.post([posting.credit_note_issued(note) for note in notes])
    else:
        credit = refund_queries.part_of_credit(refund)
        posting.post([posting_refunds.refund_settled(refund, notes, credit_minor=credit, at=now)])
        returning.end_when_all_is_back(payment, reason="the rest was refunded", actor=actor, now=now)
    outbox.write(
        topic="refund.succeeded",
        payload={"refundId": str(refund.id)},
        tenant=payment.tenant,
        now=now,
        dedupe_key=f"refund.succeeded:{refund.id}",
    )
    if is_credit:
        balance.add(tenant_id=refund.tenant_id, amount=refund.amount)


def book_failure(refund: Refund, *, had_succeeded: bool, now: datetime) -> None:
    """It came to nothing: the reservation is let go. After a success (the bank sent it back) its notes and its entry
    are reversed, and what had been credit is credit again."""
    if not had_succeeded:
        reserving.release(refund, now=now)
        return
    notes = list(refund.credit_notes.filter(effect=Effect.REFUNDED).order_by("invoice_id"))
    for note in notes:
        noting.reverse_note(note, now=now)
    credit = refund_queries.part_of_credit(refund)
    posting.post([posting_refunds.refund_reversed(refund, notes, credit_minor=credit, at=now)])
    balance.add(tenant_id=refund.tenant_id, amount=Money(credit, refund.currency))
