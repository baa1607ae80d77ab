"""A payer's bank takes money back: disputes of cards, and bank debits that are returned after they had succeeded."""

import uuid

import pghistory
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from billing_portal.kit.moves import Moves
from billing_portal.tenants.models import Tenant
from payments.models.payment import Payment


class DisputeStatus(models.TextChoices):
    INQUIRY = "inquiry"  # the bank asks, no money has moved
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"  # an inquiry that came to nothing


DISPUTE_MOVES = Moves("dispute", {"inquiry": {"open", "closed", "won", "lost"}, "open": {"won", "lost"}})


@pghistory.track()
class Dispute(models.Model):
    """`withdrawn_minor` is what the bank holds of ours now; a won dispute brings it back, a lost one does not.
    `fee_minor` is what the provider asks for it, and keeps."""

    Status = DisputeStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes", db_constraint=False)
    provider = models.CharField(max_length=16)
    livemode = models.BooleanField()
    provider_ref = models.CharField(max_length=255)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=16, choices=DisputeStatus.choices)
    reason = models.CharField(max_length=64, blank=True)
    withdrawn_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            UniqueConstraint(fields=["provider", "livemode", "provider_ref"], name="dispute_one_per_provider_ref"),
            CheckConstraint(condition=Q(amount_minor__gt=0), name="dispute_amount_positive"),
            CheckConstraint(
                condition=Q(withdrawn_minor__gte=0, withdrawn_minor__lte=F("amount_minor")),
                name="dispute_withdrawn_within",
            ),
            CheckConstraint(condition=Q(fee_minor__gte=0), name="dispute_fee_not_negative"),
            CheckConstraint(condition=Q(status__in=DisputeStatus.values), name="dispute_status_known"),
        ]
        indexes = [models.Index(fields=["payment"], name="dispute_of_payment")]

    def __str__(self) -> str:
        """'$29.00 disputed: fraudulent'."""
        return f"{money_text(self.amount)} disputed{': ' if self.reason else ''}{self.reason}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
