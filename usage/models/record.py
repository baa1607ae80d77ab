"""One thing a tenant used. Rows are never updated; the key is unique per tenant for ever."""

import uuid

from django.db import models
from django.db.models import CompositePrimaryKey

from billing_portal.tenants.models import Tenant


class UsageRecord(models.Model):
    """`quantity` and `billable_quantity` are in the meter's base unit (calls: whole milliseconds).

    `event_key` is the client's uuid, or 16 bytes of its text's SHA-256, or a uuid of ours; `event_id` the text as sent.
    `usage_month` is the month it happened in, `billed_in` the month that bills it: later when it came after the close.
    `segment_start` is when the terms began that price it; null: no subscription covered it, kept and not billed.
    """

    pk = CompositePrimaryKey("event_key", "tenant_id")
    event_key = models.UUIDField(default=uuid.uuid4)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    event_id = models.CharField(max_length=255, null=True)
    meter = models.CharField(max_length=32)
    rate_class = models.CharField(max_length=32)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    billable_quantity = models.DecimalField(max_digits=20, decimal_places=6)
    description = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    dimensions = models.JSONField(default=dict)
    usage_month = models.CharField(max_length=7)
    billed_in = models.CharField(max_length=7)
    segment_start = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-occurred_at"]
        indexes = [
            models.Index(fields=["tenant", "occurred_at"], name="usagerecord_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.quantity.normalize():f}"
