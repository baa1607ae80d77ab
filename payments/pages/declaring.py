"""Tell us of a check or wire that was sent: the page, and the payment that then waits for staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing_portal.kit.errors import BillingError
from billing_portal.kit.idempotency import KeyInUse, alone
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from payments import queries
from payments.actions.charging import start_payment
from payments.errors import AlreadyPaid, InvoiceNotOpen
from payments.models import Invoice
from payments.pages.declare_form import DeclareForm
from payments.pages.pay_facts import due_now
from payments.pages.pay_form import client_key

# The field of the form that an error of the verb is about.
_FIELDS = {"amount": "amount", "paymentMethod.receivedOn": "dated"}


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page("payments.pay")
def declare_page(request: Any, invoice_id: UUID) -> HttpResponse:
    """GET and POST /invoices/{id}/declare. Sent twice, the form finds the payment that it made the first time."""
    invoice = queries.invoices(request.tenant).filter(id=invoice_id).first()
    if invoice is None:
        raise Http404
    now = timezone.now()
    due = due_now(invoice, now)
    if request.method == "POST":
        return _declare(request, invoice, DeclareForm(request.POST, due=due))
    if not due:
        return _to_invoice(invoice)
    initial = {"kind": "check", "amount": due.decimal_text(), "dated": timezone.localdate(now)}
    return _show(request, invoice, DeclareForm(initial=initial, due=due))


def _declare(request: Any, invoice: Invoice, form: DeclareForm) -> HttpResponse:
    key = client_key(form.data.get("key", "")[:64])
    try:
        with alone(str(request.tenant.id), key):
            if earlier := queries.payments(request.tenant).filter(client_key=key, invoice=invoice).first():
                return HttpResponseRedirect(reverse("payment-page", args=[earlier.id]))
            if not form.due:
                return _to_invoice(invoice)
            if not form.is_valid():
                return _show(request, invoice, form)
            payment = start_payment(
                tenant=request.tenant,
                amount=form.money,
                choice=form.choice,
                invoice_id=invoice.id,
                key=key,
                actor=request.actor,
                now=timezone.now(),
            )
    except KeyInUse:
        messages.info(request, "This is being taken down right now. It shows here in a moment.")
        return _to_invoice(invoice)
    except (AlreadyPaid, InvoiceNotOpen) as error:
        messages.info(request, error.detail)
        return _to_invoice(invoice)
    except BillingError as error:
        form.add_error(_FIELDS.get(error.errors[0].field) if error.errors else None, error.detail)
        return _show(request, invoice, form)
    outbox.wake()
    return HttpResponseRedirect(reverse("payment-page", args=[payment.id]))


def _show(request: Any, invoice: Invoice, form: DeclareForm) -> HttpResponse:
    facts = {
        "nav": "invoices",
        "invoice": invoice,
        "form": form,
        "due": form.due,
        "kind": form["kind"].value(),
        "key": uuid4(),
    }
    return render(request, "payments/declare.html", facts)


def _to_invoice(invoice: Invoice) -> HttpResponse:
    return HttpResponseRedirect(reverse("invoice-page", args=[invoice.id]))
