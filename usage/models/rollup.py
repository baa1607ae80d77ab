"""Sums of usage, kept in the transaction that stores each record: what the month's bill is made from."""

import uuid

from django.db import models
from django.db.models import UniqueConstraint

from billing_portal.tenants.models import Tenant


class UsageRollup(models.Model):
    """One row per tenant, meter, rate class, month it happened in, terms segment, and month that bills it.

    `segment_start` is when the terms began that price it, or null where no subscription covered it: kept, not billed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    meter = models.CharField(max_length=32)
    rate_class = models.CharField(max_length=32)
    usage_month = models.CharField(max_length=7)
    segment_start = models.DateTimeField(null=True)
    billed_in = models.CharField(max_length=7)
    quantity = models.DecimalField(max_digits=24, decimal_places=6)
    billable_quantity = models.DecimalField(max_digits=24, decimal_places=6)
    records = models.BigIntegerField()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["tenant", "meter", "rate_class", "usage_month", "segment_start", "billed_in"],
                nulls_distinct=False,
                name="usagerollup_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.rate_class} {self.usage_month}"
