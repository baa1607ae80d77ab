"""What takes something off the first periods of a subscription, for whoever knows its code."""

import uuid
from decimal import Decimal

import pghistory
from django.db import models
from django.db.models import CheckConstraint, Q
from django.db.models.functions import Upper

from billing_portal.tenants.models import Tenant

# What a customer types, in capitals: a provider keeps it as part of an id of its own.
CODE = r"^[A-Z0-9][A-Z0-9_-]{1,31}$"
# Ten years of months: what counts for longer counts for ever.
MOST_CYCLES = 120
MOST_REDEMPTIONS = 1_000_000


@pghistory.track()
class Coupon(models.Model):
    """A percentage or an amount off each of the first `cycles` periods that are billed; None: off every one.

    Its terms never change once written, and it is never deleted: the database refuses both. `closed_at`: nobody can
    redeem it from then on; who has redeemed it keeps it. With a `tenant` it is for that one alone. `redeem_by` is the
    first instant at which it is too late.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=32)
    percent_off = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    amount_off_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    cycles = models.IntegerField(null=True, blank=True)
    redeem_by = models.DateTimeField(null=True, blank=True)
    max_redemptions = models.IntegerField(null=True, blank=True)
    tenant = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "code"]
        constraints = [
            models.UniqueConstraint(Upper("code"), name="coupon_code_once"),
            CheckConstraint(condition=Q(code__regex=CODE), name="coupon_code_plain"),
            CheckConstraint(
                # A comparison with what is not there refuses nothing: that it is there has to be said.
                condition=Q(percent_off__isnull=False, amount_off_minor=None, currency="")
                & Q(percent_off__gt=0, percent_off__lte=100)
                | Q(percent_off=None, amount_off_minor__isnull=False, amount_off_minor__gt=0) & ~Q(currency=""),
                name="coupon_percentage_or_amount",
            ),
            CheckConstraint(condition=Q(cycles=None) | Q(cycles__range=(1, MOST_CYCLES)), name="coupon_cycles_sane"),
            CheckConstraint(
                condition=Q(max_redemptions=None) | Q(max_redemptions__range=(1, MOST_REDEMPTIONS)),
                name="coupon_most_sane",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def percent(self) -> Decimal | None:
        """Without zeros at its end: 20, 12.5."""
        return None if self.percent_off is None else Decimal(f"{self.percent_off.normalize():f}")
