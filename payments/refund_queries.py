"""Reads of what can come back: where a payment's money is, what of it may be given back, what was credited already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BigIntegerField, Case, F, Max, QuerySet, Sum, When

from billing_portal.kit.money import Money
from payments import queries
from payments.models import Allocation, CreditNote, Dispute, Invoice, Payment, Refund, RefundPart

# Reserved, and not yet documented by a credit note.
RESERVED_ONLY = (Refund.Status.AWAITING_APPROVAL, Refund.Status.PENDING)
# What a bank holds while nobody knows how its dispute ends.
HELD = (Dispute.Status.INQUIRY, Dispute.Status.OPEN)


@dataclass(frozen=True, slots=True)
class Source:
    """A place where a payment's money is: an invoice, or (`invoice_id` None) the tenant's credit. In minor units `left`
    is still there, and `free` of it may be given back: the rest was credited on another way."""

    invoice_id: UUID | None
    left: int
    free: int


@dataclass(frozen=True, slots=True)
class Noted:
    """What an invoice's credit notes of every effect come to, less those that were reversed; minor units, tax in it."""

    amount: int = 0
    tax: int = 0


def sources_of(payment: Payment) -> list[Source]:
    """In the order in which a refund eats them: its credit first, then its allocations, newest first."""
    allocated = allocations_left(payment, Refund.objects.filter(payment=payment))
    ids = [invoice_id for invoice_id, _ in allocated]
    totals = dict(Invoice.objects.filter(id__in=ids).values_list("id", "total_minor"))
    noted, reserved = noted_of(ids), reserved_of(ids)
    credit = max(0, queries.unallocated(payment))
    found = [Source(None, credit, credit)]
    for invoice_id, left in allocated:
        creditable = totals[invoice_id] - noted.get(invoice_id, Noted()).amount - reserved.get(invoice_id, 0)
        found.append(Source(invoice_id, left, max(0, min(left, creditable))))
    return [source for source in found if source.left]


def allocations_left(payment: Payment, refunds: QuerySet[Refund]) -> list[tuple[UUID, int]]:
    """(invoice, minor units) that the payment has given to each, less what the living ones of `refunds` take of it;
    newest allocation first."""
    rows = Allocation.objects.filter(payment=payment).order_by().values("invoice_id")
    rows = rows.annotate(total=Sum("amount_minor"), newest=Max("created_at")).order_by("-newest", "-invoice_id")
    parts = RefundPart.objects.filter(refund__in=refunds.filter(status__in=queries.REFUND_RESERVES)).order_by()
    taken = dict(parts.values_list("invoice_id").annotate(total=Sum("amount_minor")))
    left = [(row["invoice_id"], row["total"] - taken.get(row["invoice_id"], 0)) for row in rows]
    return [(invoice_id, minor) for invoice_id, minor in left if minor > 0]


def noted_of(invoice_ids: Iterable[UUID]) -> dict[UUID, Noted]:
    """By invoice id."""
    sign = Case(When(effect=CreditNote.Effect.REFUND_REVERSED, then=-1), default=1, output_field=BigIntegerField())
    rows = CreditNote.objects.filter(invoice_id__in=list(invoice_ids)).order_by().values("invoice_id")
    sums = rows.annotate(amount=Sum(F("amount_minor") * sign), tax=Sum(F("tax_minor") * sign))
    return {row["invoice_id"]: Noted(int(row["amount"]), int(row["tax"])) for row in sums}


def reserved_of(invoice_ids: Iterable[UUID]) -> dict[UUID, int]:
    """By invoice id: minor units that refunds of any payment have reserved of it and no credit note says yet."""
    parts = RefundPart.objects.filter(invoice_id__in=list(invoice_ids), refund__status__in=RESERVED_ONLY).order_by()
    rows = parts.values_list("invoice_id").annotate(total=Sum("amount_minor"))
    return {invoice_id: int(total) for invoice_id, total in rows}


def creditable(invoice: Invoice) -> int:
    """Minor units of the invoice that no credit note has given back and no refund is about to."""
    noted = noted_of([invoice.id]).get(invoice.id, Noted())
    return invoice.total_minor - noted.amount - reserved_of([invoice.id]).get(invoice.id, 0)


def held(payment: Payment) -> int:
    """Minor units that banks hold of it."""
    rows = Dispute.objects.filter(payment=payment, status__in=HELD)
    return rows.aggregate(total=Sum("withdrawn_minor"))["total"] or 0


def is_disputed(payment: Payment) -> bool:
    return Dispute.objects.filter(payment=payment, status=Dispute.Status.OPEN).exists()


def part_of_credit(refund: Refund) -> int:
    """Minor units of a refund that are taken from the tenant's credit."""
    return refund.parts.filter(invoice=None).aggregate(total=Sum("amount_minor"))["total"] or 0


def credit_given_back(payment: Payment) -> int:
    """Minor units of a payment that had become credit and that its refunds gave back, or have reserved."""
    parts = RefundPart.objects.filter(refund__payment=payment, refund__status__in=queries.REFUND_RESERVES, invoice=None)
    return parts.aggregate(total=Sum("amount_minor"))["total"] or 0


def return_fee(payment: Payment) -> Invoice | None:
    """The invoice that bills a fee for its return by a bank."""
    derived = {"kind": "returned_check", "payment": str(payment.id)}
    return Invoice.objects.filter(tenant=payment.tenant_id, lines__derivation__contains=derived).first()


def refunds_to_check(now: datetime) -> QuerySet[Refund]:
    """Those whose provider has to be asked by now, longest waiting first."""
    return Refund.objects.filter(next_check_at__lte=now).order_by("next_check_at", "id")


def given_alone(payment: Payment) -> Money:
    """What one person's word has given back of a payment, or is about to."""
    alone = payment.refunds.filter(
        status__in=[Refund.Status.PENDING, Refund.Status.SUCCEEDED], requested_by__isnull=False, approved_by=None
    )
    total = alone.aggregate(total=Sum("amount_minor"))["total"] or 0
    return Money(total, payment.currency)
