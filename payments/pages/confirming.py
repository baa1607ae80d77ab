"""What is left to a payment's payer: confirm it at their bank, look again what became of it, or give it up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from payments import queries
from payments.actions.capturing import follow
from payments.actions.giving_up import cancel_payment
from payments.models import Payment
from payments.pages.at_paypal import is_at_paypal, page_of
from payments.pages.onward import settled
from payments.pages.stripe_js import allow_stripe_js, js_facts, takes_new_cards
from payments.pages.words import payment_name
from payments.provider_answers import as_answers


@require_safe
@tenant_page("payments.pay")
def confirm_page(request: Any, payment_id: UUID) -> HttpResponse:
    """GET /payments/{id}/confirm: leads to PayPal, or opens the bank's page; the secret for that one is fetched by the
    page itself."""
    payment = _payment(request, payment_id)
    if is_at_paypal(payment):
        return HttpResponseRedirect(page_of(payment) or reverse("payment-page", args=[payment.id]))
    if not takes_new_cards():
        raise Http404
    if payment.status != Payment.Status.REQUIRES_ACTION:
        return HttpResponseRedirect(reverse("payment-page", args=[payment.id]))
    facts = {"nav": "payments", "payment": payment, "name": payment_name(payment), "js": js_facts()}
    return allow_stripe_js(render(request, "payments/confirm.html", facts))


@require_POST
@tenant_page("payments.pay")
def refresh_page(request: Any, payment_id: UUID) -> HttpResponse:
    """POST /payments/{id}/refresh: ask the provider now, take what its payer has agreed to, then show how it stands."""
    payment = _payment(request, payment_id)
    try:
        with as_answers():
            payment = follow(payment_id=payment.id, actor=request.actor, now=timezone.now())
    except BillingError:
        who = "PayPal" if is_at_paypal(payment) else "Your bank"
        messages.info(request, f"{who} could not be asked just now. We go on asking, and write to you.")
    outbox.wake()
    return settled(payment)


@require_POST
@tenant_page("payments.pay")
def give_up_page(request: Any, payment_id: UUID) -> HttpResponse:
    """POST /payments/{id}/give-up: nothing is charged then."""
    payment = _payment(request, payment_id)
    try:
        payment = cancel_payment(payment_id=payment.id, actor=request.actor, now=timezone.now())
    except BillingError as error:
        messages.info(request, error.detail)
    outbox.wake()
    return HttpResponseRedirect(reverse("payment-page", args=[payment.id]))


def _payment(request: Any, payment_id: UUID) -> Payment:
    payment = queries.payments(request.tenant).select_related("invoice").filter(id=payment_id).first()
    if payment is None:
        raise Http404
    return payment
