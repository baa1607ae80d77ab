"""The outbox: what must follow a change, written in the same transaction as the change itself."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing_portal.tenants.models import Tenant


class OutboxMessage(models.Model):
    """Waits (`available_at`), is claimed (`claimed_until`), ends `done_at` or, after many tries, `parked_at`.

    `context` is who and what caused it: request id, tenant and actor, taken over by whoever handles it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    topic = models.CharField(max_length=64)
    payload = models.JSONField(encoder=DjangoJSONEncoder)
    dedupe_key = models.CharField(max_length=200, unique=True, null=True, blank=True)
    context = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    available_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    parked_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            # Only what waits: stays small however much has been delivered.
            models.Index(
                fields=["available_at"],
                name="outbox_waiting",
                condition=Q(done_at__isnull=True, parked_at__isnull=True),
            ),
            models.Index(fields=["parked_at"], name="outbox_parked", condition=Q(parked_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.topic} ({self.id})"
