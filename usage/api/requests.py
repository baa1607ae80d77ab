"""What the call center may send about usage, and what lists of it take."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing_portal.kit import fields
from billing_portal.kit.serializers import StrictSerializer


class UsageIn(StrictSerializer):
    """`quantity` in the meter's unit (minutes for calls); for calls `durationSeconds` may stand instead."""

    recordType = fields.Text(source="record_type", max_length=32)
    quantity = fields.Quantity(required=False)
    durationSeconds = fields.Quantity(source="duration_seconds", required=False)
    description = fields.Text(required=False, allow_blank=True, default="", max_length=500)
    occurredAt = fields.Instant(source="occurred_at", required=False)
    eventId = fields.Text(source="event_id", required=False, max_length=255)
    direction = fields.OneOf(["outbound", "inbound"], default="outbound")
    tollFree = fields.Flag(source="toll_free", default=False)
    country = fields.Text(required=False, max_length=2)
    agentId = fields.Text(source="agent_id", required=False, max_length=64)
    queue = fields.Text(required=False, max_length=64)
    campaign = fields.Text(required=False, max_length=64)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in ("quantity", "duration_seconds") if name in attrs]
        if not given:
            raise serializers.ValidationError(
                {"quantity": ["Say how much: 12.5 minutes, or durationSeconds."]}, code="required"
            )
        if len(given) > 1:
            raise serializers.ValidationError(
                {"durationSeconds": ["Send quantity or durationSeconds, not both."]}, code="given_twice"
            )
        return attrs


class UsageFilters(StrictSerializer):
    """`from` (included) and `to` (not included) bound `occurredAt`."""

    recordType = fields.Text(source="record_type", required=False, max_length=32)
    groupBy = fields.OneOf(["day", "month"], source="group_by", required=False)
    to = fields.Instant(required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` is a word of Python's, so it can't be declared as the others are."""
        return {"from": fields.Instant(source="since", required=False), **super().get_fields()}
