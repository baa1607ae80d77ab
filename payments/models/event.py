"""What providers told us: each event once, as it came; and who is working on the object that it is about."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint


class EventStatus(models.TextChoices):
    RECEIVED = "received"
    HANDLED = "handled"
    IGNORED = "ignored"  # not ours: the other mode, another system's object
    UNHANDLED = "unhandled"  # nobody here handles events of this kind
    WAITING = "waiting"  # kept for those who will
    PARKED = "parked"  # failed too often: staff look at it


class ProviderEvent(models.Model):
    """An event is a hint: what it is about is read again from the provider before anything is booked.

    `object_ref` is the object to be leased and read: for a refund or dispute that of its payment. `note` says why an
    event was not handled.
    """

    Status = EventStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=16)
    event_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=100)
    topic = models.CharField(max_length=32, null=True)
    object_ref = models.CharField(max_length=255)
    livemode = models.BooleanField()
    api_version = models.CharField(max_length=64, blank=True)
    payload = models.JSONField(encoder=DjangoJSONEncoder)
    status = models.CharField(max_length=16, choices=EventStatus.choices)
    note = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    available_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)
    # Whether the mirror has it: for support's eyes alone, and allowed to fail.
    mirrored_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-received_at", "-id"]
        permissions = [("retry_event", "Can have an event handled again")]
        constraints = [
            UniqueConstraint(fields=["provider", "event_id"], name="event_once"),
            CheckConstraint(condition=Q(status__in=EventStatus.values), name="event_status_known"),
        ]
        indexes = [
            # Only what waits: stays small however many came.
            models.Index(fields=["available_at"], condition=Q(status="received"), name="event_to_be_handled"),
            models.Index(fields=["received_at"], condition=Q(status="parked"), name="event_parked"),
            models.Index(
                fields=["available_at"],
                condition=Q(mirrored_at=None, status__in=["handled", "waiting", "unhandled"]),
                name="event_to_be_mirrored",
            ),
            models.Index(fields=["provider", "object_ref"], name="event_by_object"),
            models.Index(fields=["-received_at", "-id"], name="event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.event_id})"


class ObjectLease(models.Model):
    """Who may read an object from its provider and apply what it found. Without it an older read could overwrite a
    newer one. A lease that ran out is taken over."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=16)
    object_ref = models.CharField(max_length=255)
    holder = models.UUIDField()
    until = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["provider", "object_ref"], name="lease_one_per_object")]

    def __str__(self) -> str:
        return f"{self.provider} {self.object_ref}"
