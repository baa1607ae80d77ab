"""Where a payer goes on from a payment, by how it stands."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from payments.models import Payment
from payments.pages.at_paypal import page_of

Status = Payment.Status


def onward(payment: Payment) -> HttpResponse:
    """To the bank's question or to PayPal's page, back to the invoice with the reason for a decline, or to the payment
    itself."""
    if payment.status == Status.REQUIRES_ACTION:
        return HttpResponseRedirect(page_of(payment) or reverse("payment-confirm-page", args=[payment.id]))
    return settled(payment)


def settled(payment: Payment) -> HttpResponse:
    """As `onward`, for who comes from the bank: one that still waits is shown, and not opened again by itself."""
    if payment.status == Status.FAILED and payment.invoice_id:
        return HttpResponseRedirect(pay_url(payment.invoice_id, declined=payment.id))
    return HttpResponseRedirect(reverse("payment-page", args=[payment.id]))


def pay_url(invoice_id: UUID, **facts: object) -> str:
    """The page that pays it: `declined` names the payment that failed just now, `given_up` one that its payer left at
    PayPal, `method` one to begin with."""
    found = {name: str(value) for name, value in facts.items() if value}
    return reverse("invoice-pay-page", args=[invoice_id]) + (f"?{urlencode(found)}" if found else "")
