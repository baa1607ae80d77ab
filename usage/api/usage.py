"""Usage over HTTP: the call center reports it, tenants look at it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import BadInput
from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.pagination import CursorPages
from billing_portal.kit.serializers import Parsed
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from usage import queries
from usage.actions.metering import UsageEvent, record_usage
from usage.api.documents import SummaryOut, UsageRecordOut, UsageSumOut
from usage.api.requests import UsageFilters, UsageIn
from usage.summary import ClassSoFar, this_month


class UsageList(APIView):
    """GET and POST /api/subscription/usage."""

    permission_classes = [May("billing.read", POST="usage.record")]
    pagination_class = CursorPages
    cursor_ordering = ("-occurred_at", "-event_key")

    @extend_schema(
        operation_id="usage_list",
        parameters=[UsageFilters],
        responses=PolymorphicProxySerializer(
            "UsageEntry", [UsageRecordOut, UsageSumOut], resource_type_field_name=None, many=True
        ),
    )
    def get(self, request: TenantRequest) -> Response:
        """Records, newest first, by cursor; or with `groupBy` their sums by day or month of the tenant's time zone."""
        wanted = UsageFilters.parse_query(request)
        rows = queries.records(request.tenant)
        if wanted.since:
            rows = rows.filter(occurred_at__gte=wanted.since)
        if wanted.to:
            rows = rows.filter(occurred_at__lt=wanted.to)
        if wanted.record_type:
            rows = rows.filter(meter=wanted.record_type)
        if wanted.group_by:
            _refuse_paging(request)
            sums = queries.sums_by(rows, wanted.group_by, request.tenant.zone)
            return Response({"next": None, "previous": None, "results": UsageSumOut(sums, many=True).data})
        paginator = CursorPages()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(_records(request, page, many=True))

    @extend_schema(
        operation_id="usage_record",
        request=UsageIn,
        responses={
            201: OpenApiResponse(UsageRecordOut, description="Stored."),
            200: OpenApiResponse(UsageRecordOut, description="That eventId is stored already; this is what it holds."),
        },
    )
    @idempotent
    def post(self, request: TenantRequest) -> Response:
        """Record one event. The same `eventId` again changes nothing and answers with the stored record."""
        now = timezone.now()
        record, is_new = record_usage(
            tenant=request.tenant,
            event=_event(UsageIn.parse(request), now),
            now=now,
            request_key=request.idempotency_key,
        )
        return Response(_records(request, record), status=201 if is_new else 200)


class UsageSummary(APIView):
    """GET /api/subscription/usage/summary."""

    permission_classes = [May("billing.read")]

    @extend_schema(operation_id="usage_summary", responses=SummaryOut)
    def get(self, request: TenantRequest) -> Response:
        """What was used this month against what the plan includes, and what it costs so far."""
        so_far = this_month(request.tenant, timezone.now())
        by_meter: dict[str, list[ClassSoFar]] = {}
        for each in so_far.classes:
            by_meter.setdefault(each.meter, []).append(each)
        summary = {
            "periodStart": so_far.month.starts_at,
            "periodEnd": so_far.month.ends_at,
            "currency": so_far.currency,
            "meters": [_meter(meter, classes) for meter, classes in by_meter.items()],
            "overageTotal": so_far.overage_total,
            "projectedTotal": so_far.projected_total,
        }
        return Response(SummaryOut(summary).data)


def _refuse_paging(request: TenantRequest) -> None:
    """Sums come whole: a page of them would be wrong without being seen to be."""
    for name in ("cursor", "pageSize"):
        if name in request.query_params:
            raise BadInput("Sums are not paged; bound them by from and to.", code="not_with_group_by", field=name)


def _event(wanted: Parsed, now: Any) -> UsageEvent:
    in_seconds = wanted.quantity is None
    return UsageEvent(
        meter=wanted.record_type,
        quantity=wanted.duration_seconds if in_seconds else wanted.quantity,
        in_seconds=in_seconds,
        occurred_at=wanted.occurred_at or now,
        event_id=wanted.event_id,
        description=wanted.description,
        direction=wanted.direction,
        toll_free=wanted.toll_free,
        dimensions={
            "country": wanted.country,
            "agentId": wanted.agent_id,
            "queue": wanted.queue,
            "campaign": wanted.campaign,
        },
    )


def _records(request: TenantRequest, rows: Any, *, many: bool = False) -> Any:
    listed = rows if many else [rows]
    invoices = queries.invoice_ids(request.tenant, {row.billed_in for row in listed})
    return UsageRecordOut(rows, many=many, context={"invoices": invoices}).data


def _meter(meter: str, classes: list[ClassSoFar]) -> dict[str, Any]:
    """`used`, `included` and the percentage speak of the classes that have an allowance; the rest is in `byClass`."""
    counted = [each for each in classes if each.has_allowance]
    included = sum((each.included for each in counted if each.included), Decimal(0))
    used = sum((each.used for each in counted or classes), Decimal(0))
    return {
        "meter": meter,
        "unit": classes[0].unit,
        "included": included if counted else (None if any(each.included is None for each in classes) else Decimal(0)),
        "used": used,
        "overage": sum((each.overage for each in classes), Decimal(0)),
        "overageAmount": sum(each.amount for each in classes),
        "allowanceUsedPercent": (used * 100 / included).quantize(Decimal("0.1")) if included else None,
        "byClass": classes,
    }
