"""The tenant's credit balance: raised by what no invoice needed, spent when our own invoice is issued."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import F

from billing_portal.kit.money import Money
from payments import queries
from payments.actions import posting
from payments.models import Allocation, CreditBalance, CreditNote, Invoice, Payment


def add(*, tenant_id: UUID, amount: Money) -> None:
    """Raise the balance inside the caller's transaction; the caller posts the entry that says why."""
    if not amount:
        return
    CreditBalance.objects.bulk_create(
        [CreditBalance(tenant_id=tenant_id, currency=amount.currency)], ignore_conflicts=True
    )
    CreditBalance.objects.filter(tenant_id=tenant_id, currency=amount.currency).update(
        amount_minor=F("amount_minor") + amount.minor
    )


def spend_on(invoice: Invoice, *, now: datetime) -> int:
    """Pay what can be paid of a freshly issued invoice from the balance; returns the minor units used.

    1. Lock the sources (payments with something left, oldest first), then the balance: the same order as settling,
       which holds a payment before it touches the balance.
    2. Allocate from each source until the invoice or the balance is used up.
    3. Lower the balance and post the entry, in the caller's transaction.
    """
    if not CreditBalance.objects.filter(
        tenant_id=invoice.tenant_id, currency=invoice.currency, amount_minor__gt=0
    ).exists():
        return 0
    sources = _locked_sources(invoice)
    balance = CreditBalance.objects.select_for_update().get(tenant_id=invoice.tenant_id, currency=invoice.currency)
    wanted = min(balance.amount_minor, queries.amounts(invoice).open)
    used = 0
    for source in sources:
        part = min(wanted - used, _left(source))
        if part <= 0:
            continue
        Allocation.objects.create(
            tenant_id=invoice.tenant_id,
            invoice=invoice,
            payment=source if isinstance(source, Payment) else None,
            credit_note=source if isinstance(source, CreditNote) else None,
            amount_minor=part,
            created_at=now,
        )
        used += part
    if used:
        balance.amount_minor -= used
        balance.save(update_fields=["amount_minor"])
        posting.post([posting.credit_applied(invoice, minor=used, at=now)])
    return used


def _locked_sources(invoice: Invoice) -> list[Payment | CreditNote]:
    payments = Payment.objects.select_for_update().filter(
        tenant_id=invoice.tenant_id, currency=invoice.currency, status=Payment.Status.SUCCEEDED
    )
    notes = CreditNote.objects.filter(
        tenant_id=invoice.tenant_id, currency=invoice.currency, effect=CreditNote.Effect.CREDITED
    )
    return [*notes.order_by("issued_at", "id"), *payments.order_by("succeeded_at", "id")]


def _left(source: Payment | CreditNote) -> int:
    if isinstance(source, Payment):
        return queries.unallocated(source)
    return source.amount_minor - sum(source.allocations.values_list("amount_minor", flat=True))
