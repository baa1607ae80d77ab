"""Every call to a provider that was about money: what it answered and how long it took. Append-only; no secret, no card
data."""

import uuid

from django.db import models
from django.db.models import CheckConstraint, Q

from billing_portal.tenants.models import Tenant
from payments.models.payment import Payment
from payments.models.refund import Refund


class AttemptOutcome(models.TextChoices):
    ANSWERED = "answered"
    DECLINED = "declined"
    REFUSED = "refused"  # the provider will not do what we asked
    UNAVAILABLE = "unavailable"  # nothing moved
    UNKNOWN = "unknown"  # money may have moved


class Attempt(models.Model):
    """`operation` is the adapter's method. `request_id` is the provider's, `code` and `decline_code` its words: for
    staff and logs, never shown to tenants."""

    Outcome = AttemptOutcome

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="attempts", db_constraint=False)
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, related_name="attempts", db_constraint=False)
    provider = models.CharField(max_length=16)
    operation = models.CharField(max_length=32)
    outcome = models.CharField(max_length=16, choices=AttemptOutcome.choices)
    code = models.CharField(max_length=64, null=True)
    decline_code = models.CharField(max_length=64, null=True)
    request_id = models.CharField(max_length=255, null=True)
    milliseconds = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [CheckConstraint(condition=Q(outcome__in=AttemptOutcome.values), name="attempt_outcome_known")]
        indexes = [
            models.Index(fields=["payment", "-at"], name="attempt_of_payment"),
            models.Index(fields=["refund", "-at"], name="attempt_of_refund"),
            models.Index(fields=["-at", "-id"], name="attempt_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.operation}: {self.outcome}"
