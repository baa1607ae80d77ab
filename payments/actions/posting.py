"""The ledger's only writer: each function turns one fact into one balanced entry of the chart of accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from payments.models import Account, CreditNote, Invoice, LedgerLeg, Payment
from payments.naming import provider_name

# Entry ids are derived from what happened, so the database refuses the same fact twice.
_ENTRIES = UUID("6f1f9a4e-6b6e-5e0b-9c83-6f4c8b8f2f11")

_REVENUE = {
    Invoice.Kind.SUBSCRIPTION: Account.REVENUE_SUBSCRIPTION,
    Invoice.Kind.OVERAGE: Account.REVENUE_OVERAGE,
    Invoice.Kind.ONE_OFF: Account.REVENUE_OTHER,
}
_CASH = {"manual": Account.CASH_BANK, "stripe": Account.CASH_STRIPE, "paypal": Account.CASH_PAYPAL}


def cash_of(provider: str) -> Account:
    """Where the money that comes by this provider lies."""
    return _CASH[provider]


def entry_id(what: str, source: UUID) -> UUID:
    """The same `what` about the same row is the same entry, for ever."""
    return uuid5(_ENTRIES, f"{what}:{source}")


@dataclass(frozen=True)
class Entry:
    """`legs` are (account, signed minor units): debit positive, credit negative; they sum to zero."""

    id: UUID
    tenant_id: UUID
    currency: str
    occurred_at: datetime
    memo: str
    legs: list[tuple[Account, int]] = field(default_factory=list)
    invoice_id: UUID | None = None
    payment_id: UUID | None = None


def post(entries: Iterable[Entry]) -> None:
    """All legs of all entries in one INSERT: the statement-level trigger sees whole entries. Raises IntegrityError."""
    LedgerLeg.objects.bulk_create(
        [
            LedgerLeg(
                entry_id=entry.id,
                tenant_id=entry.tenant_id,
                account=account,
                currency=entry.currency,
                amount_minor=minor,
                invoice_id=entry.invoice_id,
                payment_id=entry.payment_id,
                memo=entry.memo,
                occurred_at=entry.occurred_at,
            )
            for entry in entries
            for account, minor in entry.legs
            if minor
        ]
    )


def invoice_issued(invoice: Invoice) -> Entry:
    """Dr receivable / Cr revenue and tax payable. Revenue is booked at issue, not deferred."""
    assert invoice.issued_at is not None
    return Entry(
        id=entry_id("invoice_issued", invoice.id),
        tenant_id=invoice.tenant_id,
        currency=invoice.currency,
        occurred_at=invoice.issued_at,
        memo=f"Invoice {invoice.number}",
        legs=[
            (Account.RECEIVABLE, invoice.total_minor),
            (_REVENUE[Invoice.Kind(invoice.kind)], -invoice.subtotal_minor),
            (Account.TAX_PAYABLE, -invoice.tax_minor),
        ],
        invoice_id=invoice.id,
    )


def payment_settled(payment: Payment, *, allocated_minor: int, at: datetime) -> Entry:
    """Dr cash / Cr receivable for what invoices needed, Cr customer credit for the rest. A check that a bank has still
    to collect is not cash yet: Dr undeposited."""
    is_cash = payment.status != Payment.Status.CLEARING
    return Entry(
        id=entry_id("payment_settled", payment.id),
        tenant_id=payment.tenant_id,
        currency=payment.currency,
        occurred_at=at,
        memo=f"Payment by {payment.method} {payment.reference or ''}".strip(),
        legs=[
            (_CASH[payment.provider] if is_cash else Account.UNDEPOSITED, payment.amount_minor),
            (Account.RECEIVABLE, -allocated_minor),
            (Account.CUSTOMER_CREDIT, allocated_minor - payment.amount_minor),
        ],
        invoice_id=payment.invoice_id,
        payment_id=payment.id,
    )


def check_cleared(payment: Payment, *, at: datetime) -> Entry:
    """Dr bank / Cr undeposited: the bank has collected a check."""
    return Entry(
        id=entry_id("check_cleared", payment.id),
        tenant_id=payment.tenant_id,
        currency=payment.currency,
        occurred_at=at,
        memo=f"Cleared: check {payment.reference or ''}".strip(),
        legs=[(_CASH[payment.provider], payment.amount_minor), (Account.UNDEPOSITED, -payment.amount_minor)],
        payment_id=payment.id,
    )


def provider_fee(payment: Payment, *, at: datetime) -> Entry:
    """Dr provider fees / Cr cash: what the provider keeps of a payment."""
    assert payment.fee_minor is not None
    return Entry(
        id=entry_id("provider_fee", payment.id),
        tenant_id=payment.tenant_id,
        currency=payment.currency,
        occurred_at=at,
        memo=f"Fee of {provider_name(payment.provider)}",
        legs=[(Account.PROVIDER_FEES, payment.fee_minor), (_CASH[payment.provider], -payment.fee_minor)],
        payment_id=payment.id,
    )


def credit_applied(invoice: Invoice, *, minor: int, at: datetime) -> Entry:
    """Dr customer credit / Cr receivable: an invoice uses the balance when it is issued."""
    return Entry(
        id=entry_id("credit_applied", invoice.id),
        tenant_id=invoice.tenant_id,
        currency=invoice.currency,
        occurred_at=at,
        memo=f"Credit used for {invoice.number}",
        legs=[(Account.CUSTOMER_CREDIT, minor), (Account.RECEIVABLE, -minor)],
        invoice_id=invoice.id,
    )


def credit_note_issued(note: CreditNote) -> Entry:
    """Dr credit notes and tax payable / Cr receivable (`reduces_due`) or customer credit (`credited`)."""
    other = {
        CreditNote.Effect.REDUCES_DUE: Account.RECEIVABLE,
        CreditNote.Effect.CREDITED: Account.CUSTOMER_CREDIT,
    }[CreditNote.Effect(note.effect)]
    return Entry(
        id=entry_id("credit_note_issued", note.id),
        tenant_id=note.tenant_id,
        currency=note.currency,
        occurred_at=note.issued_at,
        memo=f"Credit note {note.number}",
        legs=[
            (Account.CREDIT_NOTES, note.amount_minor - note.tax_minor),
            (Account.TAX_PAYABLE, note.tax_minor),
            (other, -note.amount_minor),
        ],
        invoice_id=note.invoice_id,
    )
