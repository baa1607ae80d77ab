"""How usage is shown over HTTP: records, sums by period, and the month so far against the plan."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing_portal.kit import fields
from usage.meters import METERS
from usage.models import UsageRecord


class DimensionsOut(serializers.Serializer):
    direction = serializers.ChoiceField(choices=["outbound", "inbound"])
    tollFree = serializers.BooleanField()
    country = serializers.CharField(allow_null=True)
    agentId = serializers.CharField(allow_null=True)
    queue = serializers.CharField(allow_null=True)
    campaign = serializers.CharField(allow_null=True)


class UsageRecordOut(serializers.Serializer):
    """`quantity` as it was used, `billableQuantity` after rounding, both in `unit` (minutes for calls)."""

    id = serializers.UUIDField(source="event_key")
    eventId = serializers.CharField(source="event_id", allow_null=True)
    recordType = serializers.CharField(source="meter")
    quantity = serializers.SerializerMethodField()
    billableQuantity = serializers.SerializerMethodField()
    unit = serializers.SerializerMethodField()
    description = serializers.CharField(allow_blank=True)
    occurredAt = fields.Instant(source="occurred_at")
    recordedAt = fields.Instant(source="recorded_at")
    dimensions = serializers.SerializerMethodField()
    invoiceId = serializers.SerializerMethodField()
    voidedAt = serializers.SerializerMethodField()

    def get_quantity(self, record: UsageRecord) -> str:
        return fields.quantity_text(METERS[record.meter].to_unit(record.quantity))

    def get_billableQuantity(self, record: UsageRecord) -> str:
        return fields.quantity_text(METERS[record.meter].to_unit(record.billable_quantity))

    def get_unit(self, record: UsageRecord) -> str:
        return METERS[record.meter].unit

    @extend_schema_field(DimensionsOut)
    def get_dimensions(self, record: UsageRecord) -> dict[str, Any]:
        return {str(name): record.dimensions.get(name) for name in DimensionsOut().fields}

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_invoiceId(self, record: UsageRecord) -> str | None:
        """Which invoice billed it follows from the month that did; `invoices` (month label → id) is in the context."""
        found = self.context["invoices"].get(record.billed_in)
        return str(found) if found and record.segment_start else None

    @extend_schema_field({"type": "null"})
    def get_voidedAt(self, record: UsageRecord) -> None:
        return None


class UsageSumOut(serializers.Serializer):
    """Sums of a day or a month in the tenant's time zone."""

    period = serializers.CharField()
    meter = serializers.CharField()
    direction = serializers.ChoiceField(choices=["outbound", "inbound"])
    rateClass = serializers.CharField(source="rate_class")
    quantity = fields.Quantity()
    billableQuantity = fields.Quantity(source="billable_quantity")
    unit = serializers.CharField()


class ClassSummaryOut(serializers.Serializer):
    """One way of pricing a meter: outbound, inbound, toll_free. `included` null is without limit."""

    rateClass = serializers.CharField(source="rate_class")
    included = fields.Quantity(allow_null=True)
    used = fields.Quantity()
    overage = fields.Quantity()
    unitAmountDecimal = fields.Quantity(source="unit_amount")
    overageAmount = fields.MinorAmount(source="amount", minimum=0)


class MeterSummaryOut(serializers.Serializer):
    """One meter of the month so far; `included` null is without limit. `byClass` splits it as it is priced."""

    meter = serializers.CharField()
    unit = serializers.CharField()
    included = fields.Quantity(allow_null=True)
    used = fields.Quantity()
    overage = fields.Quantity()
    overageAmount = fields.MinorAmount(minimum=0)
    allowanceUsedPercent = fields.Quantity(allow_null=True)
    byClass = ClassSummaryOut(many=True)


class SummaryOut(serializers.Serializer):
    periodStart = fields.Instant()
    periodEnd = fields.Instant()
    currency = fields.Currency(allow_null=True)
    meters = MeterSummaryOut(many=True)
    overageTotal = fields.MinorAmount(minimum=0)
    projectedTotal = fields.MinorAmount(minimum=0)
