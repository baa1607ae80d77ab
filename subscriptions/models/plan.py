"""What can be bought: a plan, its immutable versions, and the prices of each."""

import uuid

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.tenants.models import Tenant


class BillingCycle(models.TextChoices):
    MONTHLY = "monthly"
    YEARLY = "yearly"

    @property
    def months(self) -> int:
        return 12 if self is BillingCycle.YEARLY else 1


class Plan(models.Model):
    """`code` is the API's planType."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.SlugField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    position = models.SmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """Terms that never change once written: a new version is a new row, and who is on the old one stays on it.

    With a `tenant` it is what was agreed with that one alone: nobody else sees it, and it is not sold.
    `features` are what the call center's software turns on, by its own names.
    Calls are charged for at least `initial_seconds`, then in whole `increment_seconds`; below `free_below_seconds`
    nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions")
    version = models.SmallIntegerField()
    created_at = models.DateTimeField()
    tenant = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    features = models.JSONField(default=list, blank=True)
    trial_days = models.SmallIntegerField(default=0, validators=[MinValueValidator(0)])
    bills_trial_usage = models.BooleanField(default=False)
    by_invoice = models.BooleanField(default=True)
    initial_seconds = models.SmallIntegerField(default=60)
    increment_seconds = models.SmallIntegerField(default=60)
    free_below_seconds = models.SmallIntegerField(default=0)

    class Meta:
        ordering = ["plan", "-version"]
        constraints = [
            UniqueConstraint(fields=["plan", "version"], name="planversion_once"),
            CheckConstraint(
                condition=Q(
                    increment_seconds__gt=0, initial_seconds__gte=0, free_below_seconds__gte=0, trial_days__gte=0
                ),
                name="planversion_rounding_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan.name}, version {self.version}"


class PlanAllowance(models.Model):
    """What a usage month includes, per seat and pooled over them. No row: nothing. `per_seat` null: without limit."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="allowances")
    meter = models.CharField(max_length=32)
    rate_class = models.CharField(max_length=32)
    # In the meter's shown unit: minutes for calls.
    per_seat = models.DecimalField(max_digits=20, decimal_places=6, null=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["version", "meter", "rate_class"], name="planallowance_once"),
            CheckConstraint(condition=Q(per_seat=None) | Q(per_seat__gte=0), name="planallowance_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.rate_class}"


class PlanOveragePrice(models.Model):
    """What a unit beyond the allowance costs, in minor units with decimals: 1.2 is 1.2 cents a minute."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="overage_prices")
    meter = models.CharField(max_length=32)
    rate_class = models.CharField(max_length=32)
    currency = models.CharField(max_length=3)
    unit_amount = models.DecimalField(max_digits=20, decimal_places=12)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["version", "meter", "rate_class", "currency"], name="planoverageprice_once"),
            CheckConstraint(condition=Q(unit_amount__gte=0), name="planoverageprice_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.rate_class} {self.unit_amount.normalize():f} {self.currency}"


class PlanPrice(models.Model):
    """The recurring price of a seat, per cycle and currency, in minor units."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="prices")
    billing_cycle = models.CharField(max_length=8, choices=BillingCycle.choices)
    currency = models.CharField(max_length=3)
    per_seat_minor = models.BigIntegerField()
    minimum_seats = models.IntegerField(default=1)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["version", "billing_cycle", "currency"], name="planprice_once"),
            CheckConstraint(condition=Q(per_seat_minor__gte=0, minimum_seats__gte=1), name="planprice_sane"),
            CheckConstraint(condition=Q(billing_cycle__in=BillingCycle.values), name="planprice_cycle_known"),
        ]

    def __str__(self) -> str:
        return f"{self.version}, {self.billing_cycle}, {self.currency.upper()}"


class PlanPriceRef(models.Model):
    """What a provider calls this price (Stripe's price, PayPal's plan), apart for test and live."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    price = models.ForeignKey(PlanPrice, models.PROTECT, related_name="refs")
    provider = models.CharField(max_length=16)
    livemode = models.BooleanField(default=False)
    provider_ref = models.CharField(max_length=255)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["price", "provider", "livemode"], name="planpriceref_one_per_provider"),
            UniqueConstraint(fields=["provider", "livemode", "provider_ref"], name="planpriceref_one_price"),
            CheckConstraint(condition=~Q(provider_ref=""), name="planpriceref_not_empty"),
        ]

    def __str__(self) -> str:
        return self.provider_ref
