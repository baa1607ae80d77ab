"""Who belongs to a tenant, and as what."""

import uuid

import pghistory
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils import timezone

from billing_portal.tenants.models.tenant import Tenant
from billing_portal.tenants.models.user import User


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    BILLING = "billing", "Billing"
    VIEWER = "viewer", "Viewer"
    AGENT = "agent", "Agent"


# Who was a member when is asked later, to count seats: leaving is kept too.
@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Membership(models.Model):
    """An agent takes calls: it sees nothing of billing, and counts as a seat."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["tenant__name", "user__email"]
        constraints = [
            UniqueConstraint(fields=["tenant", "user"], name="membership_once"),
            CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()} of {self.tenant})"
