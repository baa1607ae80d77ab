"""What a tenant is on, and the terms in force at each time."""

import uuid

import pghistory
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from billing_portal.kit.moves import Moves
from billing_portal.tenants.models import Tenant
from subscriptions.models.plan import PlanPrice


class SubscriptionStatus(models.TextChoices):
    INCOMPLETE = "incomplete"
    APPROVAL_PENDING = "approval_pending"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


class Engine(models.TextChoices):
    """Who charges the recurring base fee."""

    INVOICE = "invoice"


LIVE = ("trialing", "active", "past_due", "unpaid", "paused")

SUBSCRIPTION_MOVES = Moves(
    "subscription",
    {
        "incomplete": {"trialing", "active", "canceled"},
        "approval_pending": {"trialing", "active", "canceled"},
        "trialing": {"active", "past_due", "paused", "canceled"},
        "active": {"past_due", "unpaid", "paused", "canceled"},
        "past_due": {"active", "unpaid", "paused", "canceled"},
        "unpaid": {"active", "canceled"},
        "paused": {"active", "past_due", "canceled"},
    },
)


@pghistory.track()
class Subscription(models.Model):
    """One live one per tenant. Billing periods count from `anchor_at`; seats and price live in the terms."""

    Status = SubscriptionStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="subscriptions")
    status = models.CharField(max_length=20, choices=SubscriptionStatus.choices)
    engine = models.CharField(max_length=8, choices=Engine.choices)
    currency = models.CharField(max_length=3)
    anchor_at = models.DateTimeField()
    started_at = models.DateTimeField()
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            UniqueConstraint(fields=["tenant", "id"], name="subscription_of_tenant"),
            UniqueConstraint(fields=["tenant"], condition=Q(status__in=LIVE), name="subscription_one_live"),
            CheckConstraint(condition=Q(status__in=SubscriptionStatus.values), name="subscription_status_known"),
            CheckConstraint(condition=Q(engine__in=Engine.values), name="subscription_engine_known"),
            CheckConstraint(condition=Q(status="canceled") | Q(ended_at=None), name="subscription_ended_is_canceled"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} {self.status}"


class SubscriptionTerms(models.Model):
    """The terms from `effective_from` until the next row's, or the subscription's end. Append-only.

    `price` leads to the immutable plan version.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="terms", db_constraint=False)
    effective_from = models.DateTimeField()
    price = models.ForeignKey(PlanPrice, models.PROTECT, related_name="+")
    seats = models.IntegerField()

    class Meta:
        ordering = ["effective_from"]
        verbose_name_plural = "subscription terms"
        constraints = [
            UniqueConstraint(fields=["subscription", "effective_from"], name="subscriptionterms_once"),
            CheckConstraint(condition=Q(seats__gte=1), name="subscriptionterms_has_seats"),
        ]

    def __str__(self) -> str:
        return f"{self.price}, {self.seats} seats"
