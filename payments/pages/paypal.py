"""Where PayPal's page leads its payer back to: one that has approved, and one that has not."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from payments import queries
from payments.actions.capturing import capture_payment
from payments.actions.giving_up import cancel_payment
from payments.errors import AlreadyPaid, PaymentNotOpen
from payments.models import Payment
from payments.pages.onward import pay_url, settled

_ORDER = re.compile(r"[A-Za-z0-9-]{3,64}", re.ASCII)
# Said by the page that the payment has: what it waits for, or how it ended.
_SHOWN = ("not_approved", "payment_action_required", "gone")
_LEFT = "You came back from PayPal without approving. Nothing was charged."


@require_GET
@tenant_page("payments.pay")
def paypal_return_page(request: Any) -> HttpResponse:
    """GET /payments/paypal/return?token=…&PayerID=…: take what was approved, then show how the payment stands.

    The GET itself takes the money, which needs no second click and no script. It is safe to repeat and to fetch ahead:
    only what its payer has approved at PayPal ("Pay now") is taken, once, under a key of its own; PayPal's event of the
    approval or the sweep would take it within moments in any case; nobody but a payer of the tenant gets this far.
    """
    payment = _payment(request)
    try:
        payment = capture_payment(payment_id=payment.id, actor=request.actor, now=timezone.now())
    except BillingError as error:
        if isinstance(error, AlreadyPaid):
            messages.info(request, "The invoice was paid in another way meanwhile. PayPal was not charged.")
        elif error.code not in _SHOWN:
            messages.info(request, error.detail)
        payment.refresh_from_db()
    outbox.wake()
    return settled(payment)


@require_GET
@tenant_page("payments.pay")
def paypal_cancel_page(request: Any) -> HttpResponse:
    """GET /payments/paypal/cancel?token=…: the payment is given up, and its invoice can be paid in any way again.

    As safe to repeat: it charges nothing, and what has been taken meanwhile stays taken.
    """
    payment = _payment(request)
    try:
        payment = cancel_payment(payment_id=payment.id, actor=request.actor, now=timezone.now())
    except BillingError as error:
        if not isinstance(error, PaymentNotOpen):
            messages.info(request, error.detail)
        payment.refresh_from_db()
    outbox.wake()
    if payment.status != Payment.Status.CANCELED:
        return settled(payment)
    if payment.invoice_id:
        return HttpResponseRedirect(pay_url(payment.invoice_id, given_up=payment.id))
    messages.info(request, _LEFT)
    return HttpResponseRedirect(reverse("payment-page", args=[payment.id]))


def _payment(request: Any) -> Payment:
    """The tenant's own payment of the order that the address names. Raises Http404."""
    token = request.GET.get("token", "")
    rows = queries.payments(request.tenant).filter(provider="paypal", provider_ref=token)
    payment = rows.first() if _ORDER.fullmatch(token) else None
    if payment is None:
        raise Http404
    return payment
