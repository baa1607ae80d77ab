"""The accrual ledger, double entry, per tenant and currency. Append-only; triggers refuse what does not balance."""

import uuid

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.tenants.models import Tenant
from payments.models.invoice import Invoice
from payments.models.payment import Payment


class Account(models.TextChoices):
    """The chart of accounts. Only `actions/posting.py` chooses among them."""

    RECEIVABLE = "receivable"
    CASH_BANK = "cash_bank"
    CASH_STRIPE = "cash_stripe"
    CASH_PAYPAL = "cash_paypal"
    # Checks that were taken in and have not cleared.
    UNDEPOSITED = "undeposited"
    # Taken by a payer's bank until a dispute is decided.
    DISPUTED = "disputed"
    CUSTOMER_CREDIT = "customer_credit"
    # Credit that is on its way back to the payer.
    REFUNDS_PENDING = "refunds_pending"
    REVENUE_SUBSCRIPTION = "revenue_subscription"
    REVENUE_OVERAGE = "revenue_overage"
    REVENUE_OTHER = "revenue_other"
    TAX_PAYABLE = "tax_payable"
    CREDIT_NOTES = "credit_notes"
    PROVIDER_FEES = "provider_fees"
    # Money that is gone: refunded out of a payment that came to nothing.
    BAD_DEBT = "bad_debt"


class LedgerLeg(models.Model):
    """One leg of an entry: debit positive, credit negative. The legs of one `entry_id` sum to zero per currency.

    `entry_id` is derived from what happened (see posting.entry_id), so that the same fact can't be posted twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entry_id = models.UUIDField()
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    account = models.CharField(max_length=32, choices=Account.choices)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="legs", db_constraint=False)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="legs", db_constraint=False)
    memo = models.CharField(max_length=200)
    # The business instant, passed down; the clock of the database is never asked.
    occurred_at = models.DateTimeField()

    class Meta:
        ordering = ["-occurred_at", "entry_id", "id"]
        constraints = [
            UniqueConstraint(fields=["entry_id", "account"], name="ledger_account_once_per_entry"),
            CheckConstraint(condition=~Q(amount_minor=0), name="ledger_leg_not_zero"),
            CheckConstraint(condition=Q(account__in=Account.values), name="ledger_account_known"),
        ]
        indexes = [models.Index(fields=["tenant", "currency", "account"], name="ledger_by_account")]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor:+d} {self.currency}"
