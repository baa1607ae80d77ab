"""Refunds over HTTP: the platform's staff give a payment back, wholly or in part."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit import fields
from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.money import Money
from billing_portal.kit.serializers import StrictSerializer
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant, User
from billing_portal.tenants.policies import MayWith
from billing_portal.tenants.requests import TenantRequest
from payments import queries
from payments.actions.refunding import refund_payment
from payments.api.documents import RefundOut
from payments.api.requests import CardFreeText
from payments.models import Refund


class RefundIn(StrictSerializer):
    """No `amount`: all that can be given back. `destination` is where to: where the money came from, or the tenant's
    credit."""

    amount = fields.MinorAmount(required=False)
    reason = CardFreeText(required=False, allow_blank=True, default="", max_length=500)
    destination = fields.OneOf(["source", "credit"], default="source")


def tenant_of_payment(payment_id: UUID) -> Tenant | None:
    """Whose payment it is."""
    return Tenant.objects.filter(payments__id=payment_id).first()


class PaymentRefund(APIView):
    """POST /api/payments/{id}/refund."""

    permission_classes = [MayWith(tenant_of_payment, "payments.refund")]

    @extend_schema(
        operation_id="payments_refund",
        request=RefundIn,
        responses={
            201: OpenApiResponse(RefundOut, description="The refund, as it stands now."),
            202: OpenApiResponse(RefundOut, description="It waits for another person to approve it."),
        },
    )
    @idempotent
    def post(self, request: TenantRequest, payment_id: UUID) -> Response:
        """Give back a payment or part of it. For the platform's staff with the permission to refund; the payment's id
        says whose it is."""
        wanted = RefundIn.parse(request)
        assert isinstance(request.user, User), "no key has a permission of Django's"
        payment = queries.payments(request.tenant).get(id=payment_id)
        refund = refund_payment(
            payment_id=payment.id,
            amount=Money(wanted.amount, payment.currency) if wanted.amount is not None else None,
            reason=wanted.reason,
            destination=wanted.destination,
            requester=request.user,
            actor=request.actor,
            now=timezone.now(),
            key=request.idempotency_key,
        )
        outbox.wake()
        waits = refund.status == Refund.Status.AWAITING_APPROVAL
        return Response(RefundOut(refund).data, status=202 if waits else 201)
