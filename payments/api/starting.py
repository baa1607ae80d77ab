"""What a payment that was just started answers: where it stands, and what is left for its payer to do."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from billing_portal.kit.errors import PaymentFailed
from billing_portal.notices import outbox
from billing_portal.tenants.requests import TenantRequest
from payments import queries
from payments.actions import paying_bills
from payments.actions.driving import drive
from payments.api.documents import PaymentOut
from payments.declines import failure_words
from payments.errors import AlreadyPaid
from payments.models import Payment

STARTED = {
    201: OpenApiResponse(PaymentOut, description="The payment, as it stands now; a step may be left to its payer."),
    202: OpenApiResponse(PaymentOut, description="Its money is on its way, or the provider has not answered yet."),
}

# Worth another try as it is, in a while.
_RETRYABLE = {"processing_error", "issuer_not_available", "try_again_later"}


def started(request: TenantRequest, payment: Payment) -> Response:
    """201, or 202 while `processing`. Raises PaymentFailed, with the payment's id, for one that was declined, and
    AlreadyPaid for one that found its provider's bill closed."""
    payment = fresh(request, woken(payment))  # its event may have been faster
    if payment.status == Payment.Status.FAILED:
        raise declined(payment)
    if payment.failure_code == paying_bills.NOT_NEEDED:
        raise AlreadyPaid(paymentId=str(payment.id))
    status = 202 if payment.status == Payment.Status.PROCESSING else 201
    return Response(PaymentOut(payment).data, status=status)


def woken(payment: Payment) -> Payment:
    """The payment; what must follow from it is begun."""
    outbox.wake()
    return payment


def declined(payment: Payment) -> PaymentFailed:
    """Why, in words the payer can act on, and which payment it was."""
    facts: dict[str, Any] = {"retryable": True} if payment.failure_code in _RETRYABLE else {}
    return PaymentFailed(failure_words(payment), code=payment.failure_code, paymentId=str(payment.id), **facts)


def fresh(request: TenantRequest, payment: Payment) -> Payment:
    """The payment with what the list's query adds, and the secret that only whoever has just asked holds."""
    found = queries.payments(request.tenant).get(id=payment.id)
    found.client_secret = payment.client_secret
    return found


def with_secret(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """A stored answer given again: the secret was not stored with it, so the provider is asked for it while the step is
    still to be taken. Once it is taken, the payment is told as it is."""
    if body.get("status") != Payment.Status.REQUIRES_ACTION:
        return body
    payment = drive(payment_id=body["id"], actor=request.actor, now=timezone.now())  # type: ignore[attr-defined]
    if payment.status == Payment.Status.REQUIRES_ACTION:
        return {**body, "clientSecret": payment.client_secret}
    return dict(PaymentOut(fresh(request, payment)).data)  # type: ignore[arg-type]
