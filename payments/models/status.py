"""Every move from one state to another: who, when, why, and what caused it. Append-only."""

from django.db import models
from django.db.models import CheckConstraint, Q

from billing_portal.tenants.models import Tenant


class StatusSubject(models.TextChoices):
    PAYMENT = "payment"
    INVOICE = "invoice"
    REFUND = "refund"
    DISPUTE = "dispute"
    SUBSCRIPTION = "subscription"


class StatusChange(models.Model):
    """`old` is null for the first state. `cause` is the request, event or task that led to it."""

    # Counts up, so that two moves of one instant keep their order.
    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=16, choices=StatusSubject.choices)
    subject_id = models.UUIDField()
    old = models.CharField(max_length=20, null=True)
    new = models.CharField(max_length=20)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=16)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    reason = models.CharField(max_length=500, blank=True)
    cause = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(condition=Q(subject__in=StatusSubject.values), name="statuschange_subject_known")
        ]
        indexes = [models.Index(fields=["subject", "subject_id", "at"], name="statuschange_of_subject")]

    def __str__(self) -> str:
        return f"{self.subject} {self.old} → {self.new}"
