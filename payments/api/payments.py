"""Payments over HTTP: list them, look at one, make one."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import NotFound
from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.money import Money
from billing_portal.kit.pagination import PortalPagination
from billing_portal.kit.serializers import Parsed
from billing_portal.kit.throttling import CallerThrottle
from billing_portal.notices import outbox
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments import queries
from payments.actions.charging import start_payment
from payments.actions.giving_up import cancel_payment
from payments.actions.syncing import sync_payment
from payments.api.documents import PaymentDetailOut, PaymentOut
from payments.api.requests import PaymentFilters, PaymentIn, choice_of, created_within
from payments.api.starting import STARTED, fresh, started, with_secret
from payments.models import Payment
from payments.provider_answers import as_answers


class RefreshThrottle(CallerThrottle):
    """Each of these is a call to a provider."""

    scope = "refresh"
    rate = "60/min"


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

    @extend_schema(operation_id="payments_create", request=PaymentIn, responses=STARTED)
    @idempotent(refresh=with_secret)
    def post(self, request: TenantRequest) -> Response:
        """Pay. Offline money is declared with `type: manual` and waits for staff to verify it."""
        wanted = PaymentIn.parse(request)
        payment = start_payment(
            tenant=request.tenant,
            amount=Money(wanted.amount, wanted.currency),
            choice=choice_of(wanted.payment_method, saves=wanted.saves),
            description=wanted.description,
            invoice_id=wanted.invoice_id,
            key=request.idempotency_key,
            actor=request.actor,
            now=timezone.now(),
        )
        return started(request, payment)


class PaymentRefresh(APIView):
    """POST /api/payments/{id}/refresh."""

    permission_classes = [May("payments.pay")]
    throttle_classes = [CallerThrottle, RefreshThrottle]

    @extend_schema(operation_id="payments_refresh", request=None, responses={200: PaymentOut})
    def post(self, request: TenantRequest, payment_id: UUID) -> Response:
        """Ask the provider now what became of it: what a page calls when its payer comes back from the bank."""
        payment = _of_tenant(request, payment_id)
        with as_answers():
            payment = sync_payment(payment_id=payment.id, actor=request.actor, now=timezone.now())
        outbox.wake()
        return Response(PaymentOut(fresh(request, payment)).data)


class PaymentCancel(APIView):
    """POST /api/payments/{id}/cancel."""

    permission_classes = [May("payments.pay")]

    @extend_schema(operation_id="payments_cancel", request=None, responses={200: PaymentOut})
    @idempotent
    def post(self, request: TenantRequest, payment_id: UUID) -> Response:
        """Give up a payment that waits for its payer, or offline money that nobody has looked at yet."""
        payment = _of_tenant(request, payment_id)
        payment = cancel_payment(payment_id=payment.id, actor=request.actor, now=timezone.now())
        outbox.wake()
        return Response(PaymentOut(fresh(request, payment)).data)


class PaymentDetail(APIView):
    """GET /api/payments/{id}."""

    permission_classes = [May("billing.read")]

    @extend_schema(operation_id="payments_retrieve", responses=PaymentDetailOut)
    def get(self, request: TenantRequest, payment_id: UUID) -> Response:
        """One payment, with its refunds and every status it had."""
        return Response(PaymentDetailOut(_of_tenant(request, payment_id)).data)


def _of_tenant(request: TenantRequest, payment_id: UUID) -> Payment:
    payment = queries.payments(request.tenant).filter(id=payment_id).first()
    if payment is None:
        raise NotFound
    return payment


def _filtered(rows: QuerySet[Payment], wanted: Parsed) -> QuerySet[Payment]:
    if wanted.status:
        rows = rows.filter(queries.shown_as(wanted.status))
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
