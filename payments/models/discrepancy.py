"""What the books and a provider do not agree on and no rule can mend: listed for staff, with the amount at stake."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments.models.payment import Payment


class DiscrepancyKind(models.TextChoices):
    UNKNOWN_CHARGE = "unknown_charge", "The provider took money that no payment of ours stands for"
    AMOUNT_DIFFERS = "amount_differs", "The provider speaks of another amount or currency"
    MISSING_AT_PROVIDER = "missing_at_provider", "The provider does not know a payment that we booked"
    STATE_DIFFERS = "state_differs", "The provider's state does not follow from ours"
    LATE_SUCCESS = "late_success", "Money arrived for a payment that had ended"
    NOT_NEEDED = "not_needed", "Money arrived that no invoice needed any more"
    REFUND_FAILED = "refund_failed", "A refund came back or was refused"
    UNKNOWN_REFUND = "unknown_refund", "The provider gave money back beyond what the books can follow"
    DISPUTED = "disputed", "A payer's bank disputes a payment"
    STILL_UNKNOWN = "still_unknown", "Nobody knows yet whether money moved"


class Discrepancy(models.Model):
    """One open row for each kind and object. Staff close it with a note; one that comes right by itself is closed in
    nobody's name."""

    Kind = DiscrepancyKind

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Null where nobody knows whose money it is.
    tenant = models.ForeignKey(Tenant, models.PROTECT, null=True, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="+", db_constraint=False)
    kind = models.CharField(max_length=32, choices=DiscrepancyKind.choices)
    provider = models.CharField(max_length=16)
    provider_ref = models.CharField(max_length=255)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    detail = models.CharField(max_length=500)
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        verbose_name_plural = "discrepancies"
        permissions = [("close_discrepancy", "Can close a discrepancy")]
        constraints = [
            UniqueConstraint(
                fields=["kind", "provider", "provider_ref"],
                condition=Q(closed_at=None),
                name="discrepancy_open_once",
            ),
            CheckConstraint(condition=Q(kind__in=DiscrepancyKind.values), name="discrepancy_kind_known"),
        ]
        indexes = [models.Index(fields=["opened_at"], condition=Q(closed_at=None), name="discrepancy_open")]

    def __str__(self) -> str:
        """'$29.00: The provider took money that no payment of ours stands for'."""
        return f"{money_text(self.amount)}: {self.get_kind_display()}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
