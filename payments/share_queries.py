"""What a payment is meant for, and how its money is split: one check over several invoices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from payments import queries
from payments.models import Allocation, CreditNote, Invoice, Payment


def meant_for(payment: Payment) -> list[tuple[UUID, int]]:
    """(invoice, the most that it may take in minor units) in the order of paying: the one that was named with what the
    shares leave, then the shares."""
    shares = list(payment.shares.values_list("invoice_id", "amount_minor"))
    rest = payment.amount_minor - sum(minor for _, minor in shares)
    return [(payment.invoice_id, rest), *shares] if payment.invoice_id and rest > 0 else shares


def split(minor: int, meant: Iterable[tuple[UUID, int]], open_of: Mapping[UUID, int]) -> list[tuple[UUID, int]]:
    """(invoice, minor units): each takes what was meant for it, as far as it is open and money is left. What this does
    not say becomes credit. `open_of` has the open invoices alone."""
    left, parts = minor, []
    for invoice_id, most in meant:
        part = min(left, most, open_of.get(invoice_id, 0))
        if part > 0:
            parts.append((invoice_id, part))
            left -= part
    return parts


def split_now(payment: Payment, *, taken: Mapping[UUID, int] | None = None) -> list[tuple[Invoice, int]]:
    """What verifying it would give to each invoice as things stand, for those who look before they book. `taken` are
    minor units, by invoice, that payments ahead of this one will have used."""
    meant = meant_for(payment)
    rows = Invoice.objects.filter(id__in=[invoice_id for invoice_id, _ in meant], status=Invoice.Status.OPEN).in_bulk()
    open_of = {
        each: amounts.open - (taken or {}).get(each, 0) for each, amounts in queries.amounts_of(rows.values()).items()
    }
    return [(rows[invoice_id], part) for invoice_id, part in split(payment.amount_minor, meant, open_of)]


def not_needed(payment: Payment) -> int:
    """Minor units that invoices were to have of a payment that is just booked, and did not need: somebody else had paid
    them meanwhile, or they were credited. What it brought beyond what they asked for when it was taken down was meant
    as credit, and is not counted."""
    meant, had = meant_for(payment), _sums(payment.allocations.all())
    asked = _open_at([invoice_id for invoice_id, _ in meant], payment)
    return sum(max(0, min(most, asked[invoice_id]) - had.get(invoice_id, 0)) for invoice_id, most in meant)


def _open_at(invoice_ids: Sequence[UUID], payment: Payment) -> dict[UUID, int]:
    """By invoice, what was open of it when the payment was taken down: what paid and lessened it is append-only and
    carries its time."""
    allocated = _sums(Allocation.objects.filter(invoice_id__in=invoice_ids, created_at__lt=payment.created_at))
    lessens = Q(effect=CreditNote.Effect.REDUCES_DUE, issued_at__lt=payment.created_at)
    credited = _sums(CreditNote.objects.filter(lessens, invoice_id__in=invoice_ids))
    totals = Invoice.objects.filter(id__in=invoice_ids).values_list("id", "total_minor")
    return {each: total - allocated.get(each, 0) - credited.get(each, 0) for each, total in totals}


def _sums(rows: QuerySet) -> dict[UUID, int]:
    return dict(rows.order_by().values_list("invoice_id").annotate(total=Sum("amount_minor")))
