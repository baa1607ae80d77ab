"""What lets a tenant's server in: a key that is shown once and stored as its hash."""

import uuid
from datetime import datetime

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils import timezone

from billing_portal.tenants.models.tenant import Tenant
from billing_portal.tenants.models.user import User


class Scope(models.TextChoices):
    USAGE_WRITE = "usage:write", "Record usage"
    BILLING_READ = "billing:read", "Read invoices, payments and usage"
    BILLING_WRITE = "billing:write", "Pay and change the subscription"


# The hash is no history, and the last use changes too often to be worth a row.
@pghistory.track(exclude=["hash", "last_used_at"])
class ApiKey(models.Model):
    """`prefix` is the shown beginning (`cck_` and 8 characters); `hash` the SHA-256 of the whole key, in hex.

    A plain hash is enough: the secret is 256 random bits, not something a person thought of.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope.choices))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"
        constraints = [
            CheckConstraint(condition=Q(scopes__contained_by=Scope.values), name="apikey_scopes_known"),
            CheckConstraint(condition=Q(hash__regex="^[0-9a-f]{64}$"), name="apikey_hash_is_sha256"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
