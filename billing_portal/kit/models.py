"""The answer a request with an idempotency key got, to be given again to the same request."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils import timezone


class IdempotencyRecord(models.Model):
    """One row per scope (tenant or user) and key. Without an answer it says: begun, and not known to have ended.

    The answer's body is kept as the text that was sent, not as jsonb, which would forget the order of its members:
    a replay is the same bytes. Whether a request is running now is not told by the row but by an advisory lock.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and raw body, in hex.")
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["scope", "key"], name="idempotency_once_per_scope_and_key"),
            CheckConstraint(
                condition=Q(completed_at__isnull=True, status_code__isnull=True, body__isnull=True)
                | Q(completed_at__isnull=False, status_code__isnull=False, body__isnull=False),
                name="idempotency_answer_whole_or_absent",
            ),
        ]
        indexes = [Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"

    @property
    def is_completed(self) -> bool:
        return self.completed_at is not None
