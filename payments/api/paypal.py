"""PayPal over HTTP: take what a payer has agreed to."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import NotFound
from billing_portal.kit.idempotency import idempotent
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments import queries
from payments.actions.capturing import capture_payment
from payments.api.documents import PaymentOut
from payments.api.starting import declined, fresh, woken
from payments.models import Payment
from payments.providers import registry
from payments.providers.base import ApprovesLater


class OrderConverter:
    """An order's id, as PayPal spells them."""

    regex = "[A-Za-z0-9-]{3,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class PayPalCapture(APIView):
    """POST /api/payments/paypal/capture/{orderId}."""

    permission_classes = [May("payments.pay")]

    @extend_schema(
        operation_id="paypal_capture_create",
        request=None,
        parameters=[OpenApiParameter("order_id", str, OpenApiParameter.PATH, description="PayPal's id of the order.")],
        responses={200: PaymentOut, 202: PaymentOut},
    )
    @idempotent
    def post(self, request: TenantRequest, order_id: str) -> Response:
        """Take the money once its payer has agreed. However often it is asked for, it is taken once."""
        if registry.named("paypal", ApprovesLater) is None:
            raise NotFound
        payment = queries.payments(request.tenant).filter(provider="paypal", provider_ref=order_id).first()
        if payment is None:
            raise NotFound
        payment = woken(capture_payment(payment_id=payment.id, actor=request.actor, now=timezone.now()))
        payment = fresh(request, payment)  # whoever was at it at the same time may be done by now
        if payment.status == Payment.Status.FAILED:
            raise declined(payment)
        status = 202 if payment.status == Payment.Status.PROCESSING else 200
        return Response(PaymentOut(payment).data, status=status)
