"""Reads of money, tenant first: what was billed, paid, is due, and what credit is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments.models import (
    Allocation,
    CreditBalance,
    CreditNote,
    Dispute,
    Invoice,
    Payment,
    PaymentShare,
    Refund,
    RefundPart,
    StatusChange,
)

# Provider payments that may still take money: what they hold can't be paid a second time.
RESERVING = (Payment.Status.CREATED, Payment.Status.PROCESSING)
# Money that is coming, and that no invoice has yet: nobody need send it again.
ON_THEIR_WAY = (Payment.Status.PROCESSING, Payment.Status.AWAITING_REVIEW)
CAME_TO_NOTHING = (Payment.Status.FAILED, Payment.Status.REJECTED, Payment.Status.RETURNED)
# Anything that may still become money, whoever has to act next.
UNDER_WAY = (*RESERVING, Payment.Status.REQUIRES_ACTION, Payment.Status.AWAITING_REVIEW, Payment.Status.CLEARING)
# Money was booked, whatever became of it afterwards: of a check too that the bank has still to collect.
ARRIVED = (Payment.Status.CLEARING, Payment.Status.SUCCEEDED, Payment.Status.RETURNED)
REFUND_RESERVES = (Refund.Status.AWAITING_APPROVAL, Refund.Status.PENDING, Refund.Status.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class InvoiceAmounts:
    """Minor units of the invoice's currency."""

    total: int
    allocated: int
    credited: int
    reserved: int

    @property
    def open(self) -> int:
        """Total less what has paid it and what was credited."""
        return self.total - self.allocated - self.credited

    @property
    def payable(self) -> int:
        """What a new payment may take: open, less provider payments that are on their way."""
        return self.open - self.reserved


def invoices(tenant: Tenant) -> QuerySet[Invoice]:
    """Newest first; drafts are the desk's."""
    return Invoice.objects.filter(tenant=tenant).exclude(status=Invoice.Status.DRAFT)


def payments(tenant: Tenant) -> QuerySet[Payment]:
    """Newest first, each with what `with_refunded` says."""
    return with_refunded(Payment.objects.filter(tenant=tenant))


def payments_of(invoice: Invoice) -> QuerySet[Payment]:
    """Newest first: those that named the invoice, those meant for it among others, and those whose money it used."""
    paying = Allocation.objects.filter(invoice=invoice, payment__isnull=False).values("payment_id")
    meant = PaymentShare.objects.filter(invoice=invoice).values("payment_id")
    named = Q(invoice=invoice) | Q(id__in=meant) | Q(id__in=paying)
    return with_refunded(Payment.objects.filter(named, tenant_id=invoice.tenant_id))


def with_refunded(rows: QuerySet[Payment]) -> QuerySet[Payment]:
    """Annotate `refunded_minor`, what was given back, and `is_disputed`, whether a bank has it now."""
    refunds = Refund.objects.filter(payment=OuterRef("pk"), status=Refund.Status.SUCCEEDED)
    disputes = Dispute.objects.filter(payment=OuterRef("pk"), status=Dispute.Status.OPEN)
    return rows.annotate(refunded_minor=_total(refunds, "payment"), is_disputed=Exists(disputes))


def amounts_of(invoices: Iterable[Invoice]) -> dict[UUID, InvoiceAmounts]:
    """By invoice id, in four queries whatever the number."""
    wanted = list(invoices)
    ids = [invoice.id for invoice in wanted]
    allocated = _sums(Allocation.objects.filter(invoice_id__in=ids))
    credited = _sums(CreditNote.objects.filter(invoice_id__in=ids, effect=CreditNote.Effect.REDUCES_DUE))
    reserved = _sums(Payment.objects.filter(invoice_id__in=ids, status__in=RESERVING))
    return {
        invoice.id: InvoiceAmounts(
            total=invoice.total_minor,
            allocated=allocated.get(invoice.id, 0),
            credited=credited.get(invoice.id, 0),
            reserved=reserved.get(invoice.id, 0),
        )
        for invoice in wanted
    }


def _sums(rows: QuerySet) -> dict[UUID, int]:
    return dict(rows.order_by().values_list("invoice_id").annotate(total=Sum("amount_minor")))


def amounts(invoice: Invoice) -> InvoiceAmounts:
    return amounts_of([invoice])[invoice.id]


def is_collected_by_provider(invoice: Invoice, paying: Sequence[Allocation] | None = None) -> bool:
    """Whether its provider will still charge it by itself: `is_open_there`, and nobody has told it to stop. `paying`:
    its allocations, for whoever has them."""
    return invoice.collection_stopped_at is None and is_open_there(invoice, paying)


def is_open_there(invoice: Invoice, paying: Sequence[Allocation] | None = None) -> bool:
    """Whether it is a bill that its provider still has to be paid for. Paid once and open again (a dispute, say), it is
    ours alone."""
    if not invoice.provider or invoice.status != Invoice.Status.OPEN:
        return False
    return not (invoice.allocations.exists() if paying is None else paying)


def unallocated(payment: Payment) -> int:
    """Minor units of a payment that arrived which are the tenant's credit: no invoice needed, no refund has reserved
    and no bank took them back."""
    allocated = payment.allocations.aggregate(total=Sum("amount_minor"))["total"] or 0
    parts = RefundPart.objects.filter(refund__payment=payment, refund__status__in=REFUND_RESERVES, invoice=None)
    reserved = parts.aggregate(total=Sum("amount_minor"))["total"] or 0
    return payment.amount_minor - allocated - reserved - payment.returned_minor


def payments_with_credit(tenant_id: UUID, currency: str) -> QuerySet[Payment]:
    """Payments that arrived of which something is `unallocated`."""
    allocated = _total(Allocation.objects.filter(payment=OuterRef("pk")), "payment")
    parts = RefundPart.objects.filter(refund__payment=OuterRef("pk"), refund__status__in=REFUND_RESERVES, invoice=None)
    rows = Payment.objects.filter(tenant_id=tenant_id, currency=currency, status__in=ARRIVED)
    left_over = F("amount_minor") - allocated - _total(parts, "refund__payment") - F("returned_minor")
    return rows.alias(left_over=left_over).filter(left_over__gt=0)


def notes_with_credit(tenant_id: UUID, currency: str) -> QuerySet[CreditNote]:
    """Credit notes that went to the balance and are not used up."""
    used = _total(Allocation.objects.filter(credit_note=OuterRef("pk")), "credit_note")
    rows = CreditNote.objects.filter(tenant_id=tenant_id, currency=currency, effect=CreditNote.Effect.CREDITED)
    return rows.alias(left_over=F("amount_minor") - used).filter(left_over__gt=0)


def _total(rows: QuerySet, by: str) -> Coalesce:
    """The sum of `amount_minor` of a correlated subquery, 0 where there is none."""
    total = rows.order_by().values(by).annotate(total=Sum("amount_minor")).values("total")
    return Coalesce(Subquery(total, output_field=BigIntegerField()), 0)


def amount_refunded(payment: Payment, statuses: Iterable[str] = (Refund.Status.SUCCEEDED,)) -> int:
    """Minor units given back (by default) or also those reserved to be."""
    return payment.refunds.filter(status__in=list(statuses)).aggregate(total=Sum("amount_minor"))["total"] or 0


def shown_status(payment: Payment, refunded_minor: int) -> str:
    """The stored state, or what its disputes and refunds make of it."""
    if payment.status != Payment.Status.SUCCEEDED:
        return payment.status
    disputed = getattr(payment, "is_disputed", None)
    if payment.disputes.filter(status=Dispute.Status.OPEN).exists() if disputed is None else disputed:
        return "disputed"
    if refunded_minor:
        return "refunded" if refunded_minor >= payment.amount_minor else "partially_refunded"
    return payment.status


def shown_as(status: str) -> Q:
    """Rows of `with_refunded` that show this status."""
    undisputed = Q(status=Payment.Status.SUCCEEDED, is_disputed=False)
    shown = {
        "disputed": Q(status=Payment.Status.SUCCEEDED, is_disputed=True),
        "partially_refunded": undisputed & Q(refunded_minor__gt=0, refunded_minor__lt=F("amount_minor")),
        "refunded": undisputed & Q(refunded_minor__gte=F("amount_minor")),
        "succeeded": undisputed & Q(refunded_minor=0),
    }
    return shown.get(status, Q(status=status))


def credit_balance(tenant: Tenant, currency: str) -> Money:
    row = CreditBalance.objects.filter(tenant=tenant, currency=currency).first()
    return Money(row.amount_minor if row else 0, currency)


def open_in_other_currencies(tenant: Tenant, currency: str) -> str | None:
    """Another currency in which the tenant still owes, has money under way, or holds credit: while there is one, it
    can't be billed in this."""
    credit = CreditBalance.objects.filter(tenant=tenant, amount_minor__gt=0)
    owed = Invoice.objects.filter(tenant=tenant, status=Invoice.Status.OPEN)
    coming = Payment.objects.filter(tenant=tenant, status__in=UNDER_WAY)
    found = (
        rows.exclude(currency=currency).values_list("currency", flat=True).first() for rows in (credit, owed, coming)
    )
    return next((other for other in found if other), None)


def history(subject: str, subject_id: UUID) -> QuerySet[StatusChange]:
    """Oldest first."""
    return StatusChange.objects.filter(subject=subject, subject_id=subject_id)


def history_of(subject: str, subject_ids: Iterable[UUID]) -> QuerySet[StatusChange]:
    """Of several, oldest first."""
    return StatusChange.objects.filter(subject=subject, subject_id__in=list(subject_ids))


def waiting_invoices(tenant: Tenant, now: datetime) -> QuerySet[Invoice]:
    """Open invoices that somebody must see to, longest due first: overdue ones, and those whose last payment came to
    nothing or waits for its payer. `last_payment_id` and `last_payment_status` are of the newest that named it."""
    newest = Payment.objects.filter(invoice=OuterRef("pk")).order_by("-created_at", "-id")
    open_ones = (
        invoices(tenant)
        .filter(status=Invoice.Status.OPEN)
        .annotate(
            last_payment_id=Subquery(newest.values("id")[:1]), last_payment_status=Subquery(newest.values("status")[:1])
        )
    )
    stuck = [*CAME_TO_NOTHING, Payment.Status.REQUIRES_ACTION]
    return open_ones.filter(Q(due_at__lt=now) | Q(last_payment_status__in=stuck)).order_by("due_at", "number")


def coming_payments(tenant: Tenant) -> QuerySet[Payment]:
    """Newest first: those whose money is on its way, for an invoice or none; a check in `clearing` has paid already."""
    return payments(tenant).filter(status__in=ON_THEIR_WAY)


def allocations_of(invoices: Iterable[Invoice]) -> dict[UUID, list[Allocation]]:
    """What paid them, oldest first, with the payments and credit notes it came from, in one query."""
    ids = [invoice.id for invoice in invoices]
    found: dict[UUID, list[Allocation]] = defaultdict(list)
    rows = Allocation.objects.filter(invoice_id__in=ids).select_related("payment__verified_by", "credit_note")
    for allocation in rows:
        found[allocation.invoice_id].append(allocation)
    return found


def open_amounts(tenant: Tenant) -> list[tuple[Invoice, int]]:
    """Open invoices, longest due first, each with what is still open of it in minor units."""
    rows = list(invoices(tenant).filter(status=Invoice.Status.OPEN).order_by("due_at", "number"))
    amounts = amounts_of(rows)
    return [(invoice, amounts[invoice.id].open) for invoice in rows]


def credit_notes(tenant: Tenant) -> QuerySet[CreditNote]:
    """Newest first."""
    return CreditNote.objects.filter(tenant=tenant).order_by("-issued_at", "-id")


def credit_balances(tenant: Tenant) -> list[Money]:
    """What is left of each currency in which the tenant holds credit."""
    rows = CreditBalance.objects.filter(tenant=tenant, amount_minor__gt=0).order_by("currency")
    return [Money(row.amount_minor, row.currency) for row in rows]
