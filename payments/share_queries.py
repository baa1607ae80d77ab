"""What a payment is meant for, and how its money is split: one check over several invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from payments import queries
from payments.models import Allocation, CreditNote, Invoice, Payment, PaymentShare


class Coming(NamedTuple):
    """A payment that no invoice has yet, and the most that one of them may take of it, in minor units."""

    payment: Payment
    minor: int


def meant_for(payment: Payment) -> list[tuple[UUID, int]]:
    """(invoice, the most that it may take in minor units) in the order of paying: the one that was named with what the
    shares leave, then the shares."""
    return in_order(payment.amount_minor, payment.invoice_id, payment.shares.values_list("invoice_id", "amount_minor"))


def in_order(minor: int, named: UUID | None, shares: Iterable[tuple[UUID, int]]) -> list[tuple[UUID, int]]:
    """The same of a payment that is not written yet."""
    parts = list(shares)
    rest = minor - sum(part for _, part in parts)
    return [(named, rest), *parts] if named and rest > 0 else parts


def meant_of(payments: Iterable[Payment]) -> dict[UUID, list[tuple[UUID, int]]]:
    """`meant_for` of many, by payment, in one query."""
    rows, shares = list(payments), defaultdict(list)
    found = PaymentShare.objects.filter(payment__in=rows).order_by("position")
    for payment_id, invoice_id, minor in found.values_list("payment_id", "invoice_id", "amount_minor"):
        shares[payment_id].append((invoice_id, minor))
    return {each.id: in_order(each.amount_minor, each.invoice_id, shares[each.id]) for each in rows}


def invoices_of(payment: Payment) -> list[Invoice]:
    """Those that it is meant for, in the order of paying; without a query where `shares__invoice` is prefetched."""
    shares = [share.invoice for share in payment.shares.all()]
    return [payment.invoice, *shares] if payment.invoice else shares


def meant_for_any_of(invoices: Iterable[Invoice], statuses: Iterable[str]) -> dict[UUID, list[Coming]]:
    """By invoice, newest payment first, in two queries: the payments in one of `statuses` that are meant for it."""
    ids = {invoice.id for invoice in invoices}
    shares = PaymentShare.objects.filter(invoice__in=ids).values("payment")
    rows = Payment.objects.filter(Q(invoice__in=ids) | Q(id__in=shares), status__in=list(statuses))
    payments = list(rows.select_related("invoice"))
    meant, found = meant_of(payments), defaultdict[UUID, list[Coming]](list)
    for payment in payments:
        for invoice_id, minor in meant[payment.id]:
            if invoice_id in ids:
                found[invoice_id].append(Coming(payment, minor))
    return found


def open_payments_for(invoices: Iterable[Invoice]) -> dict[UUID, list[Coming]]:
    """By invoice, newest first: payments on their way, and those that wait for their payer."""
    return meant_for_any_of(invoices, (*queries.ON_THEIR_WAY, Payment.Status.REQUIRES_ACTION))


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
    return sum(lacking(payment, _sums(payment.allocations.all())).values())


def lacking(payment: Payment, had: Mapping[UUID, int]) -> dict[UUID, int]:
    """By invoice, how much less than it asked for when the payment was taken down it has, or would have, of it: `had`
    are minor units, by invoice. In the order of paying."""
    meant = meant_for(payment)
    asked = _open_at([invoice_id for invoice_id, _ in meant], payment)
    less = {invoice_id: min(most, asked[invoice_id]) - had.get(invoice_id, 0) for invoice_id, most in meant}
    return {invoice_id: minor for invoice_id, minor in less.items() if minor > 0}


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
