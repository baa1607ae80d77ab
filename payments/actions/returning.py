"""A payment that had arrived is taken back: a lost dispute, a returned debit, a check that bounced.

What it had paid is open again, with its first due date; what of it had become credit is lowered.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from payments import queries, refund_queries
from payments.actions import balance, invoicing, posting, posting_refunds
from payments.actions.history import note_move
from payments.models import Account, Allocation, Invoice, Payment, Refund
from payments.models.invoice import INVOICE_MOVES
from payments.models.payment import PAYMENT_MOVES


def take_back(
    payment: Payment, *, minor: int, held_in: Account, memo: str, reason: str, actor: Actor, now: datetime
) -> int:
    """Take `minor` units of a payment back, and say how many could be: refunds may have reserved the rest.

    1. What is credit goes first, then what it had given to invoices, newest first, but for what was refunded of that:
       negative allocations, and a paid invoice opens again.
    2. Post the entry against `held_in`, where the money was last; lower the credit balance.
    3. The payment has `returned` once all of it has come back, by refunds or this way. Leave the notice in the outbox.
    In the caller's transaction, under `locking.lock_with_invoices`.
    """
    from_credit = min(minor, max(0, queries.unallocated(payment)))
    reopened = _take_from_invoices(payment, minor - from_credit, reason, actor, now)
    from_invoices = sum(reopened.values())
    taken = from_credit + from_invoices
    if not taken:
        return 0
    entry = posting_refunds.taken_back(
        payment, credit_minor=from_credit, allocated_minor=from_invoices, held_in=held_in, memo=memo, at=now
    )
    posting.post([entry])
    payment.returned_minor += taken
    payment.updated_at = now
    payment.save(update_fields=["returned_minor", "updated_at"])
    end_when_all_is_back(payment, reason=reason, actor=actor, now=now)
    outbox.write(
        topic="payment.returned",
        payload={
            "paymentId": str(payment.id),
            "amount": taken,
            "invoiceIds": [str(invoice_id) for invoice_id in reopened],
            "reason": reason,
        },
        tenant=payment.tenant,
        now=now,
        dedupe_key=f"payment.returned:{payment.id}:{payment.returned_minor}",
    )
    balance.take(tenant_id=payment.tenant_id, amount=Money(from_credit, payment.currency))
    return taken


def end_when_all_is_back(payment: Payment, *, reason: str, actor: Actor, now: datetime) -> None:
    """A payment of which a bank took something back ends as `returned` when refunds gave back the rest."""
    sent = payment.refunds.filter(status=Refund.Status.SUCCEEDED, destination="source")
    back = payment.returned_minor + sum(sent.values_list("amount_minor", flat=True))
    if payment.returned_minor and back >= payment.amount_minor:
        end_as_returned(payment, reason=reason, actor=actor, now=now)


def end_as_returned(payment: Payment, *, reason: str, actor: Actor, now: datetime) -> None:
    """Ended so before: as it is. Raises IllegalMove."""
    if payment.status == Payment.Status.RETURNED:
        return
    PAYMENT_MOVES.check(payment.status, Payment.Status.RETURNED)
    old, payment.status, payment.updated_at = payment.status, Payment.Status.RETURNED, now
    payment.save(update_fields=["status", "updated_at"])
    note_move(payment, old, actor=actor, at=now, reason=reason)


def _take_from_invoices(payment: Payment, minor: int, reason: str, actor: Actor, now: datetime) -> dict[UUID, int]:
    """Minor units taken, by invoice. What a refund gave back as credit stays the tenant's, and the invoice asks for it
    again: only what went to the payer's source is spared."""
    to_source = Refund.objects.filter(payment=payment, destination="source")
    taken: dict[UUID, int] = {}
    for invoice_id, left in refund_queries.allocations_left(payment, to_source):
        part = min(minor - sum(taken.values()), left)
        if part <= 0:
            break
        Allocation.objects.create(
            tenant_id=payment.tenant_id, invoice_id=invoice_id, payment=payment, amount_minor=-part, created_at=now
        )
        _reopen(invoice_id, reason, actor, now)
        taken[invoice_id] = part
    return taken


def _reopen(invoice_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    invoice = Invoice.objects.get(id=invoice_id)
    if invoice.status != Invoice.Status.PAID:
        return
    INVOICE_MOVES.check(invoice.status, Invoice.Status.OPEN)
    old, invoice.status, invoice.paid_at = invoice.status, Invoice.Status.OPEN, None
    invoice.save(update_fields=["status", "paid_at"])
    note_move(invoice, old, actor=actor, at=now, reason=reason)
    invoicing.note_settled(invoice, now)
