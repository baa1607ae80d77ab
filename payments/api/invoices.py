"""Invoices over HTTP: list them, look at one with its lines, payments and credit notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import NotFound
from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.money import Money
from billing_portal.kit.pagination import PortalPagination
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments import hold_queries, queries
from payments.actions.charging import start_payment
from payments.api.documents import InvoiceDetailOut, InvoiceOut
from payments.api.requests import InvoiceFilters, InvoicePaymentIn, choice_of, created_within
from payments.api.starting import STARTED, started, with_secret
from payments.models import Invoice


def _context(invoices: Sequence[Invoice]) -> dict[str, Any]:
    now = timezone.now()
    return {"amounts": queries.amounts_of(invoices), "holds": hold_queries.holds_of(invoices, now), "now": now}


class InvoiceList(APIView):
    """GET /api/invoices."""

    permission_classes = [May("billing.read")]
    pagination_class = PortalPagination

    @extend_schema(operation_id="invoices_list", parameters=[InvoiceFilters], responses=InvoiceOut(many=True))
    def get(self, request: TenantRequest) -> Response:
        """The tenant's invoices, newest first."""
        wanted = InvoiceFilters.parse_query(request)
        rows = queries.invoices(request.tenant)
        if wanted.status:
            rows = rows.filter(status=wanted.status)
        if wanted.kind:
            rows = rows.filter(kind=wanted.kind)
        rows = created_within(rows, wanted)
        paginator = PortalPagination()
        page = list(paginator.paginate_queryset(rows, request, view=self) or [])
        context = _context(page)
        return paginator.get_paginated_response(InvoiceOut(page, many=True, context=context).data)


class InvoiceDetail(APIView):
    """GET /api/invoices/{id}."""

    permission_classes = [May("billing.read")]

    @extend_schema(operation_id="invoices_retrieve", responses=InvoiceDetailOut)
    def get(self, request: TenantRequest, invoice_id: UUID) -> Response:
        """One invoice: each line with the derivation of its amount, and what paid it."""
        invoice = queries.invoices(request.tenant).filter(id=invoice_id).first()
        if invoice is None:
            raise NotFound
        return Response(InvoiceDetailOut(invoice, context=_context([invoice])).data)


class InvoicePay(APIView):
    """POST /api/invoices/{id}/pay."""

    permission_classes = [May("payments.pay")]

    @extend_schema(operation_id="invoices_pay", request=InvoicePaymentIn, responses=STARTED)
    @idempotent(refresh=with_secret)
    def post(self, request: TenantRequest, invoice_id: UUID) -> Response:
        """Pay what is still due of it, or a part."""
        wanted = InvoicePaymentIn.parse(request)
        invoice = queries.invoices(request.tenant).filter(id=invoice_id).first()
        if invoice is None:
            raise NotFound
        payment = start_payment(
            tenant=request.tenant,
            amount=Money(wanted.amount or self._due(request, invoice), invoice.currency),
            choice=choice_of(wanted.payment_method, saves=wanted.saves),
            invoice_id=invoice.id,
            key=request.idempotency_key,
            actor=request.actor,
            now=timezone.now(),
        )
        return started(request, payment)

    def _due(self, request: TenantRequest, invoice: Invoice) -> int:
        """Minor units. A request that is sent again asks for what it asked for the first time. An invoice of which
        nothing is due is refused by the verb, for the reason there is."""
        earlier = queries.payments(request.tenant).filter(client_key=request.idempotency_key, invoice=invoice).first()
        if request.idempotency_key and earlier:
            return earlier.amount_minor
        return max(1, queries.amounts(invoice).payable)
