"""Payments over HTTP: list them, look at one, make one."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import NotFound
from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.money import Money
from billing_portal.kit.pagination import PortalPagination
from billing_portal.kit.serializers import Parsed
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments import queries
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.api.documents import PaymentDetailOut, PaymentOut
from payments.api.requests import PaymentFilters, PaymentIn, created_within
from payments.models import Payment


class PaymentList(APIView):
    """GET and POST /api/payments."""

    permission_classes = [May("billing.read", POST="payments.pay")]
    pagination_class = PortalPagination

    @extend_schema(operation_id="payments_list", parameters=[PaymentFilters], responses=PaymentOut(many=True))
    def get(self, request: TenantRequest) -> Response:
        """The tenant's payments, newest first."""
        rows = _filtered(queries.payments(request.tenant), PaymentFilters.parse_query(request))
        paginator = PortalPagination()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(PaymentOut(page, many=True).data)

    @extend_schema(
        operation_id="payments_create",
        request=PaymentIn,
        responses={201: OpenApiResponse(PaymentOut, description="The payment, as it stands now.")},
    )
    @idempotent
    def post(self, request: TenantRequest) -> Response:
        """Pay. Offline money is declared with `type: manual` and waits for staff to verify it."""
        wanted = PaymentIn.parse(request)
        method = wanted.payment_method
        payment = start_payment(
            tenant=request.tenant,
            amount=Money(wanted.amount, wanted.currency),
            choice=MethodChoice(
                method=method.kind if method.type == "manual" else method.type,
                reference=method.reference,
                received_on=method.received_on,
            ),
            description=wanted.description,
            invoice_id=wanted.invoice_id,
            key=request.idempotency_key,
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(PaymentOut(queries.payments(request.tenant).get(id=payment.id)).data, status=201)


class PaymentDetail(APIView):
    """GET /api/payments/{id}."""

    permission_classes = [May("billing.read")]

    @extend_schema(operation_id="payments_retrieve", responses=PaymentDetailOut)
    def get(self, request: TenantRequest, payment_id: UUID) -> Response:
        """One payment, with its refunds and every status it had."""
        payment = queries.payments(request.tenant).filter(id=payment_id).first()
        if payment is None:
            raise NotFound
        return Response(PaymentDetailOut(payment).data)


def _filtered(rows: QuerySet[Payment], wanted: Parsed) -> QuerySet[Payment]:
    if wanted.status:
        rows = rows.filter(_status(wanted.status))
    rows = created_within(rows, wanted)
    if wanted.invoice_id:
        rows = rows.filter(invoice_id=wanted.invoice_id)
    if wanted.provider:
        rows = rows.filter(provider=wanted.provider)
    if wanted.method == "manual":
        rows = rows.filter(provider="manual")
    elif wanted.method:
        rows = rows.filter(method=wanted.method)
    return rows


def _status(shown: str) -> Q:
    """The stored state, or what refunds make of `succeeded`."""
    if shown == "partially_refunded":
        return Q(status="succeeded", refunded_minor__gt=0, refunded_minor__lt=F("amount_minor"))
    if shown == "refunded":
        return Q(status="succeeded", refunded_minor__gte=F("amount_minor"))
    if shown == "succeeded":
        return Q(status="succeeded", refunded_minor=0)
    return Q(status=shown)
