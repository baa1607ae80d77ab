"""Entries of what comes back: refunds, what banks hold and take, and what is taken back from invoices and credit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from payments.actions.posting import Entry, cash_of, entry_id
from payments.models import Account, CreditNote, Dispute, Payment, Refund


def entries_of(refund_id: UUID) -> list[UUID]:
    """The ids of every entry that a refund may have made itself."""
    return [entry_id(f"refund_{what}", refund_id) for what in ("reserved", "released", "settled", "reversed")]


def refund_reserved(refund: Refund, *, credit_minor: int, at: datetime) -> Entry:
    """Dr customer credit / Cr refunds pending: credit that is on its way back can't be spent any more."""
    legs = [(Account.CUSTOMER_CREDIT, credit_minor), (Account.REFUNDS_PENDING, -credit_minor)]
    return _of_refund(refund, "refund_reserved", "Refund reserved", legs, at)


def refund_released(refund: Refund, *, credit_minor: int, at: datetime) -> Entry:
    """The reverse of `refund_reserved`: the refund came to nothing."""
    legs = [(Account.REFUNDS_PENDING, credit_minor), (Account.CUSTOMER_CREDIT, -credit_minor)]
    return _of_refund(refund, "refund_released", "Refund released", legs, at)


def refund_settled(refund: Refund, notes: Sequence[CreditNote], *, credit_minor: int, at: datetime) -> Entry:
    """Dr refunds pending, credit notes and tax payable / Cr cash. The provider keeps the fee of the payment."""
    net, tax = _net_and_tax(notes)
    legs = [
        (Account.REFUNDS_PENDING, credit_minor),
        (Account.CREDIT_NOTES, net),
        (Account.TAX_PAYABLE, tax),
        (cash_of(refund.payment.provider), -refund.amount_minor),
    ]
    return _of_refund(refund, "refund_settled", "Refund", legs, at)


def refund_reversed(refund: Refund, notes: Sequence[CreditNote], *, credit_minor: int, at: datetime) -> Entry:
    """The reverse of `refund_settled`; what had been credit is credit again."""
    net, tax = _net_and_tax(notes)
    legs = [
        (Account.CUSTOMER_CREDIT, -credit_minor),
        (Account.CREDIT_NOTES, -net),
        (Account.TAX_PAYABLE, -tax),
        (cash_of(refund.payment.provider), refund.amount_minor),
    ]
    return _of_refund(refund, "refund_reversed", "Refund that the bank sent back", legs, at)


def dispute_moved(dispute: Dispute, *, withdrawn: int, fee: int, at: datetime) -> Entry:
    """Dr disputed and provider fees / Cr cash, for what the bank has taken since the last time; negative when it gave
    back. To be called with the dispute's new amounts in place."""
    return Entry(
        id=entry_id(f"dispute_moved:{dispute.withdrawn_minor}:{dispute.fee_minor}", dispute.id),
        tenant_id=dispute.tenant_id,
        currency=dispute.currency,
        occurred_at=at,
        memo=f"Dispute {dispute.provider_ref}"[:200],
        legs=[
            (Account.DISPUTED, withdrawn),
            (Account.PROVIDER_FEES, fee),
            (cash_of(dispute.provider), -withdrawn - fee),
        ],
        payment_id=dispute.payment_id,
    )


def taken_back(
    payment: Payment, *, credit_minor: int, allocated_minor: int, held_in: Account, memo: str, at: datetime
) -> Entry:
    """Dr customer credit and receivable / Cr where the money was last (disputed, bank). To be called before
    `returned_minor` grows."""
    return Entry(
        id=entry_id(f"taken_back:{payment.returned_minor}", payment.id),
        tenant_id=payment.tenant_id,
        currency=payment.currency,
        occurred_at=at,
        memo=memo[:200],
        legs=[
            (Account.CUSTOMER_CREDIT, credit_minor),
            (Account.RECEIVABLE, allocated_minor),
            (held_in, -credit_minor - allocated_minor),
        ],
        payment_id=payment.id,
    )


def refunds_lost(payment: Payment, *, minor: int, held_in: Account, at: datetime) -> Entry:
    """Dr bad debt / Cr where the money was last: a check came back of which so much had been refunded."""
    return Entry(
        id=entry_id("refunds_lost", payment.id),
        tenant_id=payment.tenant_id,
        currency=payment.currency,
        occurred_at=at,
        memo=f"Refunded before it was returned: {payment.method} {payment.reference or ''}".strip(),
        legs=[(Account.BAD_DEBT, minor), (held_in, -minor)],
        payment_id=payment.id,
    )


def _net_and_tax(notes: Sequence[CreditNote]) -> tuple[int, int]:
    tax = sum(note.tax_minor for note in notes)
    return sum(note.amount_minor for note in notes) - tax, tax


def _of_refund(refund: Refund, what: str, memo: str, legs: list[tuple[Account, int]], at: datetime) -> Entry:
    return Entry(
        id=entry_id(what, refund.id),
        tenant_id=refund.tenant_id,
        currency=refund.currency,
        occurred_at=at,
        memo=f"{memo}: {refund.reason}"[:200] if refund.reason else memo,
        legs=legs,
        payment_id=refund.payment_id,
    )
