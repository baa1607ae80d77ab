"""What follows when money moves: the mails to whoever pays the bills."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import long_text, period_text
from billing_portal.kit.money import Money
from billing_portal.notices import mail, outbox
from billing_portal.notices.mail import Mail
from billing_portal.notices.outbox import Message
from payments import queries
from payments.models import Invoice, Payment


@outbox.handles("invoice.issued")
def invoice_issued(message: Message) -> None:
    """Send the invoice to the tenant's billing address, with how to pay it."""
    invoice = Invoice.objects.select_related("tenant").get(id=message.payload["invoiceId"])
    assert invoice.issued_at and invoice.due_at and invoice.period_start and invoice.period_end
    open_minor = queries.amounts(invoice).open
    with timezone.override(invoice.tenant.zone), transaction.atomic():
        mail.write(
            Mail(
                to=invoice.tenant.billing_email,
                template="invoice_issued",
                facts={
                    "number": str(invoice),
                    "period": period_text(invoice.period_start, invoice.period_end),
                    "amount": money_text(invoice.total),
                    "open": money_text(Money(open_minor, invoice.currency)) if open_minor else "",
                    "due_on": long_text(invoice.due_at),
                    "remittance_code": invoice.remittance_code,
                    "button_label": f"Open {invoice}",
                    "button_url": f"{settings.PUBLIC_URL}/invoices/{invoice.id}",
                },
            ),
            tenant=invoice.tenant,
            now=message.now,
            dedupe_key=f"mail:{message.id}",
        )


@outbox.handles("payment.moved")
def payment_moved(message: Message) -> None:
    """Tell the tenant that the money is here, or that nobody found it. Other moves write to nobody."""
    payment = Payment.objects.select_related("tenant", "invoice").get(id=message.payload["paymentId"])
    template = {"succeeded": "payment_received", "rejected": "payment_rejected"}.get(message.payload["status"])
    if template is None:
        return
    with timezone.override(payment.tenant.zone), transaction.atomic():
        mail.write(
            Mail(
                to=payment.tenant.billing_email,
                template=template,
                facts={
                    "amount": money_text(payment.amount),
                    "method": payment.method,
                    "reference": payment.reference or "",
                    "received_on": long_text(payment.received_on or payment.updated_at),
                    "what_it_paid": _what_it_paid(payment),
                    "reason": payment.failure_message or "",
                    "button_label": "Open the payment",
                    "button_url": f"{settings.PUBLIC_URL}/payments/{payment.id}",
                },
            ),
            tenant=payment.tenant,
            now=message.now,
            dedupe_key=f"mail:{message.id}",
        )


def _what_it_paid(payment: Payment) -> str:
    """A sentence for each invoice it went to, and one for what is left."""
    sentences = [
        f"{money_text(Money(part.amount_minor, payment.currency))} went to invoice {part.invoice.number}."
        for part in payment.allocations.select_related("invoice")
    ]
    if left := queries.unallocated(payment):
        sentences.append(f"{money_text(Money(left, payment.currency))} is credit for your next invoice.")
    return " ".join(sentences)
