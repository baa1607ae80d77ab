"""A usage month of a tenant: a calendar month in its time zone, open until it is closed once, for good."""

import uuid

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from payments.models import Invoice


class UsageMonth(models.Model):
    """Half-open [starts_at, ends_at); each begins where the one before ended, also after a change of zone.

    Closing it is a claim: the one update that finds `closed_at` empty issues the invoice, in the same transaction.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="usage_months")
    label = models.CharField(max_length=7)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="usage_months", db_constraint=False)

    class Meta:
        ordering = ["tenant", "-label"]
        permissions = [("close_month", "Can close a usage month")]
        constraints = [
            UniqueConstraint(fields=["tenant", "label"], name="usagemonth_once"),
            UniqueConstraint(fields=["tenant", "starts_at"], name="usagemonth_one_start"),
            CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="usagemonth_has_length"),
            CheckConstraint(
                condition=Q(invoice=None) | Q(closed_at__isnull=False), name="usagemonth_invoiced_is_closed"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def seconds(self) -> int:
        """Its true length, clock changes and all: what allowances are prorated over."""
        return int(periods.duration(self.starts_at, self.ends_at).total_seconds())
