"""A customer of the call center: whose invoices, payments and usage everything is."""

import uuid
import zoneinfo

import pghistory
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils import timezone

from billing_portal.kit.currencies import CURRENCIES

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"


def validate_time_zone(name: str) -> None:
    """Raises ValidationError unless `name` is an IANA zone such as Europe/Berlin."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name} is not a time zone. Write one like America/New_York.", code="time_zone")


def validate_currency(code: str) -> None:
    """Raises ValidationError unless `code` is a known ISO 4217 code in lower case."""
    if code not in CURRENCIES:
        raise ValidationError(f"{code} is not a currency we know. Write one like usd.", code="currency")


@pghistory.track()
class Tenant(models.Model):
    """Closed, never deleted, while it has books.

    `currency` is null until the first subscription or invoice sets it. `tax_percent` is exclusive: 19.000 adds 19 %.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        max_length=63,
        unique=True,
        validators=[RegexValidator(SLUG, "Lower-case letters, digits and single hyphens between them.")],
        help_text="Names the tenant in the X-Tenant header.",
    )
    name = models.CharField(max_length=200)
    billing_email = models.EmailField(max_length=254, help_text="Where invoices and reminders go.")
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    currency = models.CharField(max_length=3, null=True, blank=True, validators=[validate_currency])
    tax_name = models.CharField(max_length=40, blank=True)
    tax_percent = models.DecimalField(
        max_digits=6, decimal_places=3, null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    payment_terms_days = models.PositiveSmallIntegerField(
        default=14, help_text="Days from an invoice's issue to its due date."
    )
    address_lines = models.TextField(blank=True)
    tax_id = models.CharField("tax number", max_length=40, blank=True)
    country = models.CharField(
        max_length=2, blank=True, validators=[RegexValidator(r"^[A-Z]{2}$", "Two capital letters, e.g. US.")]
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            CheckConstraint(condition=Q(slug__regex=SLUG), name="tenant_slug_plain"),
            CheckConstraint(
                condition=Q(currency__isnull=True) | Q(currency__regex="^[a-z]{3}$"), name="tenant_currency_code"
            ),
            CheckConstraint(
                condition=Q(tax_percent__isnull=True) | Q(tax_percent__gte=0, tax_percent__lte=100),
                name="tenant_tax_percent_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The zone that its calendar months and dates follow."""
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def email(self) -> str:
        """`billing_email` under the name that dj-stripe asks of whatever its customers point at."""
        return self.billing_email

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None
