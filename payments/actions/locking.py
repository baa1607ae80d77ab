"""Lock a payment and the invoices that it pays, in the order that everybody keeps."""

from __future__ import annotations

from uuid import UUID

from payments.models import Invoice, Payment


def lock_with_invoices(payment_id: UUID) -> Payment:
    """The payment, with its tenant. Its invoices are locked after it, by id; number series and credit balance come
    later. NO KEY UPDATE: rows that point at them can still be written by others."""
    payments = Payment.objects.select_related("tenant").select_for_update(of=("self",), no_key=True)
    payment = payments.get(id=payment_id)
    invoices = Invoice.objects.filter(allocations__payment=payment).values("id")
    list(Invoice.objects.filter(id__in=invoices).order_by("id").select_for_update(no_key=True).values_list("id"))
    return payment
