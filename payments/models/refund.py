"""Money given back: the row that reserves the amount before any provider is asked."""

import uuid

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.kit.moves import Moves
from billing_portal.tenants.models import Tenant
from payments.models.payment import Payment


class RefundStatus(models.TextChoices):
    AWAITING_APPROVAL = "awaiting_approval"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


REFUND_MOVES = Moves(
    "refund",
    {"awaiting_approval": {"pending", "canceled"}, "pending": {"succeeded", "failed", "canceled"}},
)


@pghistory.track()
class Refund(models.Model):
    """A trigger holds that what is reserved and given back never exceeds the payment, under any concurrency."""

    Status = RefundStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds", db_constraint=False)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=RefundStatus.choices)
    destination = models.CharField(max_length=8, choices=[("source", "source"), ("credit", "credit")], default="source")
    reason = models.CharField(max_length=500, blank=True)
    provider_ref = models.CharField(max_length=255, null=True)
    client_key = models.CharField(max_length=255, null=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_amount_positive"),
            CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status_known"),
            UniqueConstraint(
                fields=["payment", "client_key"], condition=Q(client_key__isnull=False), name="refund_once_per_key"
            ),
            UniqueConstraint(
                fields=["payment", "provider_ref"],
                condition=Q(provider_ref__isnull=False),
                name="refund_one_per_provider_ref",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency} of {self.payment_id}"
