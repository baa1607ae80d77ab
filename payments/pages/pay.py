"""Pay one invoice: by a saved method, by a new card, at PayPal, or read how to send a check or wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

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
from payments.actions.driving import drive
from payments.errors import AlreadyPaid, InvoiceNotOpen
from payments.models import Invoice, Payment
from payments.pages.at_paypal import allow_paypal
from payments.pages.onward import onward
from payments.pages.pay_facts import due_now, first_choice, pay_facts, payable_methods
from payments.pages.pay_form import PAYPAL, PayForm, client_key
from payments.pages.paying import paypal_takes, takes_payments
from payments.pages.stripe_js import allow_stripe_js


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page("payments.pay")
def pay_page(request: Any, invoice_id: UUID) -> HttpResponse:
    """GET and POST /invoices/{id}/pay."""
    invoice = queries.invoices(request.tenant).prefetch_related("lines", "tax_lines").filter(id=invoice_id).first()
    if invoice is None or not takes_payments(invoice.currency):
        raise Http404
    return allow_paypal(allow_stripe_js(_pay(request, invoice) if request.method == "POST" else _ask(request, invoice)))


def _ask(request: Any, invoice: Invoice) -> HttpResponse:
    now = timezone.now()
    due = due_now(invoice, now)
    if not due:
        return _to_invoice(invoice)
    declined, given_up = _declined(request, invoice), _given_up(request, invoice)
    saved, paypal = payable_methods(request.tenant, invoice), paypal_takes(due)
    initial: dict[str, Any] = {
        "shown": due.minor,
        "pay_with": first_choice(
            saved, PAYPAL if given_up else request.GET.get("method", ""), declined, now, paypal=paypal
        ),
    }
    earlier = declined or given_up
    if earlier and earlier.amount < due:
        initial |= {"how_much": "part", "part": earlier.amount.decimal_text()}
    form = PayForm(initial=initial, due=due, methods=saved, paypal=paypal)
    return _show(request, invoice, form, now, declined, given_up)


def _pay(request: Any, invoice: Invoice) -> HttpResponse:
    """The form's key is the payment's: sent again, by a second click or the back button, it leads to the same one."""
    now = timezone.now()
    due, saved = due_now(invoice, now), payable_methods(request.tenant, invoice)
    form = PayForm(request.POST, due=due, methods=saved, paypal=paypal_takes(due))
    key = client_key(form.data.get("key", "")[:64])
    try:
        with alone(str(request.tenant.id), key):
            if earlier := queries.payments(request.tenant).filter(client_key=key, invoice=invoice).first():
                return onward(drive(payment_id=earlier.id, actor=request.actor, now=now))
            if not due:
                return _to_invoice(invoice)
            if not form.is_valid():
                return _show(request, invoice, form, now)
            payment = start_payment(
                tenant=request.tenant,
                amount=form.amount,
                choice=form.choice,
                invoice_id=invoice.id,
                key=key,
                actor=request.actor,
                now=now,
            )
    except KeyInUse:
        messages.info(request, "This payment is being made right now. It shows here in a moment.")
        return _to_invoice(invoice)
    except (AlreadyPaid, InvoiceNotOpen) as error:
        messages.info(request, error.detail)
        return _to_invoice(invoice)
    except BillingError as error:
        form.add_error("part" if error.errors and error.errors[0].field == "amount" else None, error.detail)
        return _show(request, invoice, form, now)
    outbox.wake()
    return onward(payment)


def _show(
    request: Any,
    invoice: Invoice,
    form: PayForm,
    now: datetime,
    declined: Payment | None = None,
    given_up: Payment | None = None,
) -> HttpResponse:
    """Whatever is shown carries a new key: what was refused made no payment, or one that has ended."""
    return render(request, "payments/pay.html", pay_facts(request, invoice, form, now, declined, given_up))


def _declined(request: Any, invoice: Invoice) -> Payment | None:
    """The payment that the address names, when it is one that failed for this invoice."""
    return _named(request, invoice, "declined", status=Payment.Status.FAILED)


def _given_up(request: Any, invoice: Invoice) -> Payment | None:
    """The same for one that its payer left at PayPal."""
    return _named(
        request, invoice, "given_up", status=Payment.Status.CANCELED, method=Payment.Method.PAYPAL, failure_code=None
    )


def _named(request: Any, invoice: Invoice, name: str, **facts: object) -> Payment | None:
    try:
        named = UUID(request.GET.get(name, ""))
    except ValueError:
        return None
    return queries.payments(request.tenant).filter(id=named, invoice=invoice, **facts).first()


def _to_invoice(invoice: Invoice) -> HttpResponse:
    return HttpResponseRedirect(reverse("invoice-page", args=[invoice.id]))
