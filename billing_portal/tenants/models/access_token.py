"""A person's bearer token, for a front end on another origin: stored as its hash, ends by itself."""

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone

from billing_portal.tenants.models.user import User


class AccessToken(models.Model):
    """`hash` is the SHA-256 of the token, in hex."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="access_tokens")
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token of {self.user}"

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at
