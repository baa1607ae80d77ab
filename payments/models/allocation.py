"""What pays an invoice: a part of a payment, or of a credit note. Append-only; taking it back is a negative row."""

import uuid

from django.db import models
from django.db.models import CheckConstraint, Q

from billing_portal.tenants.models import Tenant
from payments.models.credit import CreditNote
from payments.models.invoice import Invoice
from payments.models.payment import Payment


class Allocation(models.Model):
    """A trigger holds that no invoice is allocated more than its total, and no source more than it has."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="allocations", db_constraint=False)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="allocations", db_constraint=False)
    credit_note = models.ForeignKey(
        CreditNote, models.PROTECT, null=True, related_name="allocations", db_constraint=False
    )
    amount_minor = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            CheckConstraint(condition=~Q(amount_minor=0), name="allocation_not_zero"),
            CheckConstraint(
                condition=Q(payment__isnull=False, credit_note=None) | Q(payment=None, credit_note__isnull=False),
                name="allocation_one_source",
            ),
        ]
        indexes = [
            models.Index(fields=["invoice"], name="allocation_by_invoice"),
            models.Index(fields=["payment"], name="allocation_by_payment"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} to {self.invoice_id}"
