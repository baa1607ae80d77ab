"""Credit: notes that lessen what was billed, and the balance a tenant holds with us."""

import uuid

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.tenants.models import Tenant
from payments.models.invoice import Invoice


class CreditNoteEffect(models.TextChoices):
    REDUCES_DUE = "reduces_due"
    REFUNDED = "refunded"
    CREDITED = "credited"
    # Takes a `refunded` note back: the bank had sent the refund back.
    REFUND_REVERSED = "refund_reversed"


class CreditNote(models.Model):
    """Append-only. Only `reduces_due` enters what is due; `credited` goes to the tenant's balance, `refunded` went out
    as cash."""

    Effect = CreditNoteEffect

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="credit_notes", db_constraint=False)
    number = models.CharField(max_length=32, unique=True)
    effect = models.CharField(max_length=16, choices=CreditNoteEffect.choices)
    currency = models.CharField(max_length=3)
    # Gross; `tax_minor` is the share of tax in it.
    amount_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=500)
    issued_at = models.DateTimeField()
    # The refund that it documents, for the effects that come of one.
    refund = models.ForeignKey(
        "payments.Refund", models.PROTECT, null=True, related_name="credit_notes", db_constraint=False
    )

    class Meta:
        ordering = ["issued_at", "id"]
        constraints = [
            UniqueConstraint(fields=["tenant", "id"], name="creditnote_of_tenant"),
            CheckConstraint(condition=Q(amount_minor__gt=0), name="creditnote_amount_positive"),
            CheckConstraint(
                condition=Q(tax_minor__gte=0, tax_minor__lte=models.F("amount_minor")), name="creditnote_tax_within"
            ),
            CheckConstraint(condition=Q(effect__in=CreditNoteEffect.values), name="creditnote_effect_known"),
            CheckConstraint(
                condition=~Q(effect__in=["refunded", "refund_reversed"]) | Q(refund__isnull=False),
                name="creditnote_refunded_names_its_refund",
            ),
            UniqueConstraint(
                fields=["refund", "invoice", "effect"],
                condition=Q(refund__isnull=False),
                name="creditnote_once_per_refund",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class CreditBalance(models.Model):
    """What a tenant has paid and no invoice needed yet: locked to spend, equal to its ledger account at all times."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="credit_balances")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["tenant", "currency"], name="creditbalance_one_per_currency"),
            CheckConstraint(condition=Q(amount_minor__gte=0), name="creditbalance_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
