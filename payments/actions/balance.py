"""The tenant's credit balance: raised by what no invoice needed, spent when our own invoice is issued."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from billing_portal.kit.money import Money
from payments import queries
from payments.actions import posting
from payments.errors import AlreadyCredited
from payments.models import Allocation, CreditBalance, CreditNote, Invoice, Payment

Source = Payment | CreditNote


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


def take(*, tenant_id: UUID, amount: Money) -> None:
    """Lower the balance inside the caller's transaction; the caller posts the entry that says why. Locked last of all.

    Raises AlreadyCredited when there is less: what is left of payments says how much may be taken, so it can't be.
    """
    if not amount:
        return
    rows = CreditBalance.objects.filter(tenant_id=tenant_id, currency=amount.currency, amount_minor__gte=amount.minor)
    if not rows.update(amount_minor=F("amount_minor") - amount.minor):
        raise AlreadyCredited


def lock_sources(*, tenant_id: UUID, currency: str, and_payment: UUID | None = None) -> list[Source]:
    """What the credit came from and still has something left, oldest first, payments locked; `and_payment` is locked
    in its place among them, whatever it has left. Credit of a check that has not cleared is used last.

    To be called before a document's number is taken: a payment is locked before the number series everywhere, and
    nobody waits for a tenant's payments while holding the series that all tenants share.
    """
    notes = queries.notes_with_credit(tenant_id, currency)
    payments = queries.payments_with_credit(tenant_id, currency)
    if and_payment:
        payments = Payment.objects.filter(Q(id__in=payments.order_by().values("id")) | Q(id=and_payment))
    locked = payments.select_for_update(of=("self",)).order_by("succeeded_at", "id")
    return [*notes.order_by("issued_at", "id"), *locked]


def spend_on(invoice: Invoice, sources: Iterable[Source], *, now: datetime) -> int:
    """Pay what can be paid of a freshly issued invoice from the balance; returns the minor units used.

    1. Lock the balance; `sources` are locked already, in the order of settling, which holds a payment before it.
    2. Allocate from each source until the invoice or the balance is used up.
    3. Lower the balance and post the entry, in the caller's transaction.
    """
    balances = CreditBalance.objects.select_for_update()
    balance = balances.filter(tenant_id=invoice.tenant_id, currency=invoice.currency).first()
    wanted = min(balance.amount_minor, queries.amounts(invoice).open) if balance else 0
    used = 0
    for source in sources:
        if used == wanted:
            break
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
    if balance and used:
        balance.amount_minor -= used
        balance.save(update_fields=["amount_minor"])
        posting.post([posting.credit_applied(invoice, minor=used, at=now)])
    return used


def _left(source: Source) -> int:
    """Read again under the lock: what was left when the sources were chosen may be gone."""
    if isinstance(source, Payment):
        return queries.unallocated(source)
    return source.amount_minor - sum(source.allocations.values_list("amount_minor", flat=True))
