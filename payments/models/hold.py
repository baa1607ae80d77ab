"""Collecting held back: a payer's promise to pay an invoice by a day, or a tenant that is left alone until one."""

import uuid
from datetime import datetime, timedelta

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q

from billing_portal.tenants.models import Tenant
from payments.models.invoice import Invoice


class HoldKind(models.TextChoices):
    PROMISE = "promise", "Promise to pay"
    EXEMPTION = "exemption", "Left alone"


@pghistory.track()
class CollectionHold(models.Model):
    """Runs from `created_at` until `until`, or until somebody lifts it; nobody has to end it. History: a row is lifted
    once and changed in nothing else, and two of one kind for one invoice, or one tenant, never run together (a trigger
    holds both).

    A promise is of one invoice; an exemption (`invoice` null) of all the tenant's. `note` is for staff.
    """

    Kind = HoldKind

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="holds", db_constraint=False)
    kind = models.CharField(max_length=16, choices=HoldKind.choices)
    # The first instant after it: the midnight that ends its last day where the tenant is.
    until = models.DateTimeField()
    note = models.CharField(max_length=500)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [("hold_collection", "Can hold collecting back")]
        constraints = [
            CheckConstraint(condition=Q(kind__in=HoldKind.values), name="collectionhold_kind_known"),
            CheckConstraint(condition=Q(until__gt=F("created_at")), name="collectionhold_ends_after_it_begins"),
            CheckConstraint(condition=~Q(note=""), name="collectionhold_says_why"),
            CheckConstraint(
                condition=Q(kind="promise", invoice__isnull=False) | Q(kind="exemption", invoice=None),
                name="collectionhold_promise_is_of_an_invoice",
            ),
            CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None)
                | Q(lifted_at__gte=F("created_at"), lifted_at__lte=F("until"), lifted_by__isnull=False),
                name="collectionhold_lifted_by_somebody_while_it_runs",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "until"], name="collectionhold_of_tenant"),
            models.Index(fields=["invoice", "until"], name="collectionhold_of_invoice"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.invoice or self.tenant}"

    @property
    def ends_at(self) -> datetime:
        """Where it ends, or ended: it is not in force any more at this instant."""
        return self.lifted_at or self.until

    @property
    def last_moment(self) -> datetime:
        """An instant of its last day, which words of dates are made from."""
        return self.until - timedelta(microseconds=1)

    def runs(self, now: datetime) -> bool:
        return self.created_at <= now < self.ends_at
