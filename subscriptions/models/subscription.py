"""What a tenant is on, and the terms in force at each time."""

import uuid

import pghistory
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from billing_portal.kit.moves import Moves
from billing_portal.tenants.models import Tenant
from subscriptions.models.coupon import Coupon
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
    STRIPE = "stripe"
    PAYPAL = "paypal"


LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
# At a provider, and not come alive: it waits for its payer.
BEGUN = ("incomplete", "approval_pending")

SUBSCRIPTION_MOVES = Moves(
    "subscription",
    {
        "incomplete": {"trialing", "active", "canceled"},
        "approval_pending": {"trialing", "active", "canceled"},
        "trialing": {"active", "past_due", "paused", "canceled"},
        "active": {"past_due", "unpaid", "paused", "canceled"},
        "past_due": {"active", "unpaid", "paused", "canceled"},
        "unpaid": {"active", "canceled"},
        "paused": {"trialing", "active", "past_due", "unpaid", "canceled"},
    },
)


@pghistory.track()
class Subscription(models.Model):
    """One live one per tenant. Seats and price live in the terms.

    `period_start` to `period_end` is the billing period that runs, or ran last: reckoned from `anchor_at` for our own
    invoices, copied for a provider's subscription; during a trial it is the trial. `billed_until` is the end of what
    our own invoices have billed, which may lie a period ahead. `pending_*` is what it changes to at `pending_at`.

    `coupon_cycle` counts for its coupon, where our own invoices bill it: the period that runs is the 1st that the
    coupon sees, the 2nd, …; 0 in a trial. It is written with the period, under the same lock.
    """

    Status = SubscriptionStatus

    # Let the payer finish what is left to do. Never stored: whoever has just asked the provider holds them.
    client_secret: str | None = None
    approval_url: str | None = None
    # A change is made once it is paid.
    awaits_payment: bool = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="subscriptions")
    status = models.CharField(max_length=20, choices=SubscriptionStatus.choices)
    engine = models.CharField(max_length=8, choices=Engine.choices)
    currency = models.CharField(max_length=3)
    anchor_at = models.DateTimeField()
    started_at = models.DateTimeField()
    # Since when it was ever what its tenant could use. Kept when it ends; of one that ended while it was begun, null.
    came_alive_at = models.DateTimeField(null=True, blank=True)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    billed_until = models.DateTimeField(null=True, blank=True)
    # Set once a trial runs, and kept: a tenant has one.
    trial_start = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    # Since when its provider has said so, too.
    ends_there_since = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    pending_price = models.ForeignKey(PlanPrice, models.PROTECT, null=True, blank=True, related_name="+")
    pending_seats = models.IntegerField(null=True, blank=True)
    pending_at = models.DateTimeField(null=True, blank=True)
    coupon = models.ForeignKey(Coupon, models.PROTECT, null=True, blank=True, related_name="subscriptions")
    coupon_cycle = models.IntegerField(default=0)
    livemode = models.BooleanField(default=False)
    provider_ref = models.CharField(max_length=255, null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            UniqueConstraint(fields=["tenant", "id"], name="subscription_of_tenant"),
            UniqueConstraint(fields=["tenant"], condition=Q(status__in=LIVE), name="subscription_one_live"),
            CheckConstraint(condition=Q(status__in=SubscriptionStatus.values), name="subscription_status_known"),
            CheckConstraint(condition=Q(engine__in=Engine.values), name="subscription_engine_known"),
            CheckConstraint(
                condition=Q(status="canceled")
                | Q(status__in=BEGUN, came_alive_at=None)
                | Q(status__in=LIVE, came_alive_at__isnull=False),
                name="subscription_live_has_come_alive",
            ),
            CheckConstraint(condition=Q(status="canceled") | Q(ended_at=None), name="subscription_ended_is_canceled"),
            CheckConstraint(
                condition=Q(ends_there_since=None) | Q(cancel_at_period_end=True),
                name="subscription_ends_there_and_here",
            ),
            UniqueConstraint(
                fields=["tenant"], condition=Q(trial_start__isnull=False), name="subscription_one_trial_per_tenant"
            ),
            UniqueConstraint(
                fields=["engine", "livemode", "provider_ref"],
                condition=Q(provider_ref__isnull=False),
                name="subscription_one_per_provider_ref",
            ),
            CheckConstraint(
                condition=Q(pending_price=None, pending_seats=None, pending_at=None)
                | Q(pending_price__isnull=False, pending_seats__gte=1, pending_at__isnull=False),
                name="subscription_pending_is_whole",
            ),
            CheckConstraint(
                condition=Q(period_start=None, period_end=None) | Q(period_start__lt=F("period_end")),
                name="subscription_period_runs_forward",
            ),
            CheckConstraint(
                condition=Q(coupon_cycle=0) | Q(coupon_cycle__gt=0, coupon__isnull=False),
                name="subscription_counts_for_its_coupon",
            ),
            CheckConstraint(
                condition=~Q(engine="invoice") | ~Q(status__in=LIVE) | Q(billed_until__isnull=False),
                name="subscription_by_invoice_knows_what_is_billed",
            ),
        ]
        indexes = [
            models.Index(fields=["period_end"], condition=Q(engine="invoice", status__in=LIVE), name="subscription_due")
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
