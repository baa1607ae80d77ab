"""How a tenant is known to a provider, and the means of payment that it keeps there. No card data: ids and what may be
shown."""

import uuid

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.tenants.models import Tenant


class ProviderCustomer(models.Model):
    """One for each tenant, provider and mode: customer ids of test mode mean nothing in live mode."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="provider_customers")
    provider = models.CharField(max_length=16)
    livemode = models.BooleanField()
    provider_ref = models.CharField(max_length=255)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["tenant", "provider", "livemode"], name="customer_one_per_provider"),
            UniqueConstraint(fields=["provider", "livemode", "provider_ref"], name="customer_of_one_tenant"),
        ]

    def __str__(self) -> str:
        return self.provider_ref


class SavedMethodType(models.TextChoices):
    CARD = "card", "Card"
    US_BANK_ACCOUNT = "us_bank_account", "Bank account"


class PaymentMethod(models.Model):
    """A saved card or bank account. `provider_ref` (`pm_…`) is its id in the API; a removed one keeps its row."""

    Type = SavedMethodType

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="payment_methods")
    provider = models.CharField(max_length=16)
    livemode = models.BooleanField()
    provider_ref = models.CharField(max_length=255)
    type = models.CharField(max_length=16, choices=SavedMethodType.choices)
    brand = models.CharField(max_length=100, null=True)
    last4 = models.CharField(max_length=4, null=True)
    exp_month = models.PositiveSmallIntegerField(null=True)
    exp_year = models.PositiveSmallIntegerField(null=True)
    bank_name = models.CharField(max_length=100, null=True)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            UniqueConstraint(fields=["provider", "livemode", "provider_ref"], name="method_of_one_tenant"),
            UniqueConstraint(fields=["tenant"], condition=Q(is_default=True), name="method_one_default"),
            CheckConstraint(condition=Q(is_default=False) | Q(removed_at=None), name="method_default_is_there"),
            CheckConstraint(condition=Q(type__in=SavedMethodType.values), name="method_type_known"),
        ]

    def __str__(self) -> str:
        """'Visa ending 4242'."""
        name = self.bank_name or (self.brand or self.get_type_display()).replace("_", " ").capitalize()
        return f"{name} ending {self.last4}" if self.last4 else name
