"""The book of record for every kind of bill: the invoice, its lines and its tax."""

import uuid
from datetime import datetime

import pghistory
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.kit.money import Money
from billing_portal.kit.moves import Moves
from billing_portal.tenants.models import Tenant


class InvoiceKind(models.TextChoices):
    SUBSCRIPTION = "subscription"
    OVERAGE = "overage"
    ONE_OFF = "one_off"


class BillingReason(models.TextChoices):
    """Why a subscription was billed: a period began, or it was changed in the middle of one."""

    PERIOD = "period"
    CHANGE = "change"


class InvoiceStatus(models.TextChoices):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


# An invoice that was paid opens again when its payment comes back: a bounced check, a lost dispute.
INVOICE_MOVES = Moves(
    "invoice",
    {
        "draft": {"open", "paid", "void"},
        "open": {"paid", "void", "uncollectible"},
        "paid": {"open"},
        "uncollectible": {"paid"},
    },
)


@pghistory.track()
class Invoice(models.Model):
    """Amounts in `currency`'s smallest unit. What is paid and due is never stored: it is the sum of allocations and
    notes."""

    Kind = InvoiceKind
    Reason = BillingReason
    Status = InvoiceStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="invoices")
    kind = models.CharField(max_length=16, choices=InvoiceKind.choices)
    status = models.CharField(max_length=16, choices=InvoiceStatus.choices)
    currency = models.CharField(max_length=3)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField()

    # Given at issue, inside its transaction; drafts have none.
    number = models.CharField(max_length=32, null=True, unique=True)
    number_year = models.SmallIntegerField(null=True)
    number_sequence = models.IntegerField(null=True)
    remittance_code = models.CharField(max_length=40, unique=True)

    created_at = models.DateTimeField()
    issued_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)

    # What it bills. Subscriptions live above this app, so their id is kept as a reference;
    # the composite foreign key is added by their own migration.
    usage_month = models.CharField(max_length=7, null=True)
    subscription_ref = models.UUIDField(null=True)
    billing_reason = models.CharField(max_length=8, choices=BillingReason.choices, blank=True, default="")
    provider = models.CharField(max_length=16, null=True)
    livemode = models.BooleanField(default=False)
    provider_ref = models.CharField(max_length=255, null=True)
    provider_number = models.CharField(max_length=64, null=True)
    # Since when its provider, by its own word, does not try by itself any more to collect it: somebody pays it to us.
    collection_stopped_at = models.DateTimeField(null=True)
    # When we last asked it to stop; None once it has said that it goes on. Whether it heard us or not: what we stopped
    # must not stay so for ever.
    stop_asked_at = models.DateTimeField(null=True)

    # As they were at issue: a later change of address does not rewrite history.
    billed_to = models.JSONField(default=dict)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            UniqueConstraint(fields=["tenant", "id"], name="invoice_of_tenant"),
            UniqueConstraint(fields=["number_year", "number_sequence"], name="invoice_number_once"),
            UniqueConstraint(
                fields=["tenant", "usage_month"],
                condition=Q(kind="overage") & ~Q(status="void"),
                name="invoice_one_overage_per_month",
            ),
            UniqueConstraint(
                fields=["subscription_ref", "period_start"],
                condition=Q(kind="subscription", provider=None, billing_reason="period") & ~Q(status="void"),
                name="invoice_one_renewal_per_period",
            ),
            UniqueConstraint(
                fields=["provider", "livemode", "provider_ref"],
                condition=Q(provider_ref__isnull=False),
                name="invoice_one_per_provider_ref",
            ),
            CheckConstraint(condition=Q(kind__in=InvoiceKind.values), name="invoice_kind_known"),
            CheckConstraint(condition=Q(status__in=InvoiceStatus.values), name="invoice_status_known"),
            CheckConstraint(
                condition=Q(
                    kind="subscription", billing_reason__in=BillingReason.values, subscription_ref__isnull=False
                )
                | Q(billing_reason="") & ~Q(kind="subscription"),
                name="invoice_of_subscription_says_why",
            ),
            CheckConstraint(
                condition=Q(total_minor=models.F("subtotal_minor") + models.F("tax_minor")),
                name="invoice_total_adds_up",
            ),
            CheckConstraint(condition=Q(total_minor__gte=0), name="invoice_total_not_negative"),
            CheckConstraint(condition=Q(status="draft") | Q(number__isnull=False), name="invoice_issued_has_number"),
            CheckConstraint(
                condition=~Q(kind="overage") | Q(usage_month__isnull=False), name="invoice_overage_names_month"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="invoice_newest"),
            models.Index(fields=["tenant", "due_at"], condition=Q(status="open"), name="invoice_open_by_due"),
        ]

    def __str__(self) -> str:
        return self.number or f"draft {self.id}"

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    def is_overdue(self, now: datetime) -> bool:
        """Derived from `due_at`, never stored."""
        return self.status == InvoiceStatus.OPEN and self.due_at is not None and self.due_at < now


class InvoiceLine(models.Model):
    """What is charged for: quantity × unit price, rounded half-up once. Append-only: a line is history."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines", db_constraint=False)
    position = models.SmallIntegerField()
    title = models.CharField(max_length=200)
    meter = models.CharField(max_length=32, null=True)
    unit = models.CharField(max_length=32, null=True)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    # In minor units, with decimals: 1.2 is 1.2 cents.
    unit_amount = models.DecimalField(max_digits=20, decimal_places=12)
    amount_minor = models.BigIntegerField()
    # This line's share of the invoice's tax, by largest remainder.
    tax_minor = models.BigIntegerField(default=0)
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    # How the amount came about, as data: terms, inputs, steps. Pages and the API render it.
    derivation = models.JSONField(default=dict)

    class Meta:
        ordering = ["invoice", "position"]
        constraints = [
            UniqueConstraint(fields=["invoice", "position"], name="invoiceline_position_once"),
        ]

    def __str__(self) -> str:
        return self.title


class TaxLine(models.Model):
    """One rate of tax over the invoice, rounded once for the rate. `rate` is a percentage: 6.25."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="tax_lines", db_constraint=False)
    name = models.CharField(max_length=80)
    rate = models.DecimalField(max_digits=7, decimal_places=4)
    taxable_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [UniqueConstraint(fields=["invoice", "name"], name="taxline_once_per_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.rate.normalize():f}%"
