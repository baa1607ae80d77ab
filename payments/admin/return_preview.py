"""What a check that its bank sends back takes with it, before anybody says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from billing_portal.kit.money import Money
from payments import queries, refund_queries, tax
from payments.models import Invoice, Payment, Refund


@dataclass(frozen=True, slots=True)
class Reopened:
    """An invoice that gives back `amount` and asks for `due` afterwards; `was_paid` says that it opens again."""

    invoice: Invoice
    amount: Money
    due: Money
    was_paid: bool


@dataclass(frozen=True, slots=True)
class Fee:
    """An invoice of one line: `total` with its tax, of which the tenant's other credit pays `from_credit`."""

    total: Money
    from_credit: Money


@dataclass(frozen=True, slots=True)
class ReturnPreview:
    """`credit` is what the balance is lowered by, `paid_out` what had been refunded of the payment and is lost;
    `canceled` counts refunds that nobody has approved yet. `shown` is to be compared with what is booked."""

    reopened: Sequence[Reopened]
    credit: Money
    paid_out: Money
    canceled: int
    is_blocked: bool
    fee: Fee | None
    shown: str


def return_preview(payment: Payment, fee: Money | None = None) -> ReturnPreview:
    """Everything that is left of it comes back: first what is credit, then what invoices had, but for what went back
    to its payer. A refund that nobody has approved is canceled before, so what it had reserved comes back too."""
    unapproved = payment.refunds.filter(status=Refund.Status.AWAITING_APPROVAL)
    canceled = list(unapproved)
    credit = queries.unallocated(payment) + sum(refund_queries.part_of_credit(each) for each in canceled)
    to_source = Refund.objects.filter(payment=payment, destination="source").exclude(
        status=Refund.Status.AWAITING_APPROVAL
    )
    parts = dict(refund_queries.allocations_left(payment, to_source))
    rows = Invoice.objects.in_bulk(list(parts))
    amounts = queries.amounts_of(rows.values())
    reopened = [
        Reopened(
            invoice=rows[invoice_id],
            amount=Money(minor, payment.currency),
            due=Money(amounts[invoice_id].open + minor, payment.currency),
            was_paid=rows[invoice_id].status == Invoice.Status.PAID,
        )
        for invoice_id, minor in sorted(parts.items(), key=lambda each: (rows[each[0]].due_at, rows[each[0]].number))
    ]
    paid_out = payment.amount_minor - credit - sum(parts.values())
    billed = _fee(payment, fee) if fee else None
    return ReturnPreview(
        reopened=reopened,
        credit=Money(credit, payment.currency),
        paid_out=Money(paid_out, payment.currency),
        canceled=len(canceled),
        is_blocked=payment.refunds.filter(status=Refund.Status.PENDING).exists(),
        fee=billed,
        shown=_mark(payment, credit, parts, billed),
    )


def _fee(payment: Payment, fee: Money) -> Fee:
    """The payment's own credit pays nothing of it: that is about to go."""
    taxes = tax.tax_lines(payment.tenant, [fee.minor])
    total = fee + Money(sum(each.amount_minor for each in taxes), fee.currency)
    held = queries.credit_balance(payment.tenant, fee.currency).minor - queries.unallocated(payment)
    return Fee(total, Money(min(max(0, held), total.minor), fee.currency))


def mark_of_returned(payment: Payment, returned_before: int) -> str:
    """What `ReturnPreview.shown` says, of a payment that has just been returned. `returned_before` in minor units."""
    back = payment.allocations.filter(created_at=payment.updated_at, amount_minor__lt=0)
    parts = {part.invoice_id: -part.amount_minor for part in back}
    credit = payment.returned_minor - returned_before - sum(parts.values())
    invoice, fee = refund_queries.return_fee(payment), None
    if invoice:
        paid = queries.amounts(invoice).allocated
        fee = Fee(invoice.total, Money(paid, invoice.currency))
    return _mark(payment, credit, parts, fee)


def _mark(payment: Payment, credit: int, parts: Mapping[UUID, int], fee: Fee | None) -> str:
    taken = ",".join(f"{invoice_id}={minor}" for invoice_id, minor in sorted(parts.items(), key=lambda each: each[0]))
    billed = f"{fee.total.minor}-{fee.from_credit.minor}" if fee else ""
    return f"{payment.id}:{credit}:{taken}:{billed}"
