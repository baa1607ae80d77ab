"""Money given back: the row that reserves the amount before any provider is asked."""

import uuid

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from billing_portal.kit.moves import Moves
from billing_portal.tenants.models import Tenant
from payments.models.invoice import Invoice
from payments.models.payment import Payment


class RefundStatus(models.TextChoices):
    AWAITING_APPROVAL = "awaiting_approval"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


# A bank may send a refund back long after the provider had called it succeeded.
REFUND_MOVES = Moves(
    "refund",
    {
        "awaiting_approval": {"pending", "canceled"},
        "pending": {"succeeded", "failed", "canceled"},
        "succeeded": {"failed"},
    },
)


@pghistory.track()
class Refund(models.Model):
    """A trigger holds that what is reserved and given back never exceeds the payment, under any concurrency.

    `RefundPart` says where it is taken from. `requested_by` is null for one made in the provider's own dashboard,
    and, with a key of ours, for one that followed by itself.
    """

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
    # Fixed when the row is made, as a payment's is.
    needs_second_person = models.BooleanField(default=False)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    # Set while a provider has to be asked what became of it.
    outcome_unknown = models.BooleanField(default=False)
    next_check_at = models.DateTimeField(null=True)
    failure_code = models.CharField(max_length=64, null=True)
    # Of a payout that people make: the number of our check, the text of our wire.
    reference = models.CharField(max_length=140, null=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            UniqueConstraint(fields=["tenant", "id"], name="refund_of_tenant"),
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
            CheckConstraint(
                condition=Q(needs_second_person=False) | Q(approved_by=None) | ~Q(approved_by=F("requested_by")),
                name="refund_second_person_is_another",
            ),
            CheckConstraint(
                condition=Q(needs_second_person=False)
                | Q(status__in=["awaiting_approval", "canceled"])
                | Q(approved_by__isnull=False),
                name="refund_above_threshold_is_approved",
            ),
            CheckConstraint(
                condition=Q(outcome_unknown=False) | Q(status="pending", next_check_at__isnull=False),
                name="refund_unknown_has_next_check",
            ),
        ]

        indexes = [
            models.Index(
                fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="refund_to_be_checked"
            ),
        ]

    def __str__(self) -> str:
        """'$12.00 of $29.00 card'."""
        return f"{money_text(self.amount)} of {self.payment}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class RefundPart(models.Model):
    """Where a refund is taken from: what the payment had given to an invoice, or (`invoice` null) the part of it that
    had become credit. Append-only, written when the amount is reserved; the parts of a refund sum to its amount."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    refund = models.ForeignKey(Refund, models.PROTECT, related_name="parts", db_constraint=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="+", db_constraint=False)
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(amount_minor__gt=0), name="refundpart_amount_positive"),
            UniqueConstraint(fields=["refund", "invoice"], nulls_distinct=False, name="refundpart_once_per_source"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} of {self.invoice or 'credit'}"
