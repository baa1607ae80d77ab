"""Money that a tenant pays, by whatever provider: one row before any call, one door to 'succeeded'."""

import uuid

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from billing_portal.kit.moves import Moves
from billing_portal.tenants.models import Tenant
from payments.models.invoice import Invoice


class PaymentStatus(models.TextChoices):
    CREATED = "created"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AWAITING_REVIEW = "awaiting_review"
    CLEARING = "clearing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    RETURNED = "returned"


class PaymentMethodType(models.TextChoices):
    CARD = "card"
    US_BANK_ACCOUNT = "us_bank_account"
    PAYPAL = "paypal"
    CHECK = "check"
    WIRE = "wire"
    CASH = "cash"
    OTHER = "other"


# A late success may lift `failed` or `canceled`: money did arrive. Nothing else goes back.
PAYMENT_MOVES = Moves(
    "payment",
    {
        "created": {"requires_action", "processing", "succeeded", "failed", "canceled"},
        "requires_action": {"processing", "succeeded", "failed", "canceled"},
        "processing": {"requires_action", "succeeded", "failed", "canceled"},
        "awaiting_review": {"clearing", "succeeded", "rejected", "canceled"},
        "clearing": {"succeeded", "returned"},
        "succeeded": {"returned"},
        "failed": {"succeeded"},
        "canceled": {"succeeded"},
    },
)


@pghistory.track()
class Payment(models.Model):
    """Amount in the currency's smallest unit. `invoice` is the one the payer named; what pays what is an Allocation."""

    Status = PaymentStatus
    Method = PaymentMethodType

    # Lets the payer's browser finish what is left to do. Never stored: whoever has just asked the provider holds it.
    client_secret: str | None = None
    # That the payer has agreed on the provider's page, and nobody has taken the money: as whoever asked was told.
    can_capture: bool = False
    # That the provider, just asked, has never heard of it.
    is_unheard: bool = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="payments", db_constraint=False)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=16, choices=PaymentStatus.choices)
    provider = models.CharField(max_length=16)
    livemode = models.BooleanField(default=False)
    provider_ref = models.CharField(max_length=255, null=True)
    method = models.CharField(max_length=16, choices=PaymentMethodType.choices)
    description = models.CharField(max_length=500, blank=True)

    # What a provider is asked to charge. With the amount it is all that the request was made of, so that it can be
    # made again, byte by byte, under the same key.
    method_ref = models.CharField(max_length=255, null=True)
    # Where a provider's own page is, on which the payer agrees, and where that page leads back to.
    approval_url = models.CharField(max_length=500, null=True)
    return_url = models.CharField(max_length=500, null=True)
    cancel_url = models.CharField(max_length=500, null=True)
    # What refunds name, where the provider has another reference for the money than for the payment.
    capture_ref = models.CharField(max_length=255, null=True)
    off_session = models.BooleanField(default=False)
    saves_method = models.BooleanField(default=False)
    # What may be shown of it: a card's brand or the bank's name, and the last four digits.
    method_brand = models.CharField(max_length=100, null=True)
    method_last4 = models.CharField(max_length=4, null=True)
    # Whether its provider takes it for a bill of its own, of which the named invoice is our copy: a try that failed is
    # not the end of that bill.
    pays_bill = models.BooleanField(default=False)
    # Whether what the named invoice leaves pays the tenant's other open invoices, and not only its credit.
    spreads = models.BooleanField(default=False)

    # The client's idempotency key: the effect is unique for ever, the stored answer only for a while.
    client_key = models.CharField(max_length=255, null=True)

    # Set while nobody knows what the provider did; `next_check_at` is when we ask.
    outcome_unknown = models.BooleanField(default=False)
    next_check_at = models.DateTimeField(null=True)
    # Of whoever is asking the provider for the money right now; until `claimed_until` it may come, whatever is read.
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    # The provider's fee, once it has told it; what the payer's bank took back, by disputes and returns.
    fee_minor = models.BigIntegerField(null=True)
    returned_minor = models.BigIntegerField(default=0)

    failure_code = models.CharField(max_length=64, null=True)
    failure_message = models.CharField(max_length=500, null=True)
    decline_code = models.CharField(max_length=64, null=True)

    # Offline money: what stands on the check or in the wire, who took it down, who checked it.
    reference = models.CharField(max_length=140, null=True)
    received_on = models.DateField(null=True)
    declared_by_tenant = models.BooleanField(default=False)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    # Fixed when the row is made, so that a later change of the threshold does not open an old payment.
    needs_second_person = models.BooleanField(default=False)

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [
            ("pay_for_tenant", "Can pay on behalf of a tenant"),
            ("record_payment", "Can record a manual payment"),
            ("verify_payment", "Can verify or reject a manual payment"),
            ("refund_payment", "Can refund a payment"),
        ]
        constraints = [
            UniqueConstraint(fields=["tenant", "id"], name="payment_of_tenant"),
            UniqueConstraint(
                fields=["tenant", "client_key"], condition=Q(client_key__isnull=False), name="payment_once_per_key"
            ),
            UniqueConstraint(
                fields=["provider", "livemode", "provider_ref"],
                condition=Q(provider_ref__isnull=False),
                name="payment_one_per_provider_ref",
            ),
            UniqueConstraint(
                fields=["provider", "livemode", "capture_ref"],
                condition=Q(capture_ref__isnull=False),
                name="payment_one_per_capture_ref",
            ),
            UniqueConstraint(
                fields=["invoice"],
                condition=Q(status__in=["created", "requires_action", "processing"], invoice__isnull=False),
                name="payment_one_open_per_invoice",
            ),
            CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_amount_positive"),
            CheckConstraint(
                condition=Q(returned_minor__gte=0, returned_minor__lte=F("amount_minor")),
                name="payment_returned_within",
            ),
            CheckConstraint(condition=Q(fee_minor=None) | Q(fee_minor__gte=0), name="payment_fee_not_negative"),
            CheckConstraint(condition=Q(status__in=PaymentStatus.values), name="payment_status_known"),
            CheckConstraint(condition=Q(method__in=PaymentMethodType.values), name="payment_method_known"),
            CheckConstraint(
                condition=Q(needs_second_person=False)
                | Q(verified_by=None)
                | Q(recorded_by=None)
                | ~Q(verified_by=F("recorded_by")),
                name="payment_second_person_is_another",
            ),
            CheckConstraint(
                condition=~Q(provider="manual", status__in=["succeeded", "clearing", "returned"])
                | Q(verified_by__isnull=False),
                name="payment_manual_is_verified",
            ),
            CheckConstraint(
                condition=Q(outcome_unknown=False) | Q(status="processing", next_check_at__isnull=False),
                name="payment_unknown_has_next_check",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="payment_newest"),
            models.Index(fields=["status", "created_at"], name="payment_by_status"),
            # What somebody has to ask a provider about: small, whatever was paid before.
            models.Index(
                fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="payment_to_be_checked"
            ),
        ]

    def __str__(self) -> str:
        """'$9,000.00 check 20984'."""
        return f"{money_text(self.amount)} {self.get_method_display().lower()} {self.reference or ''}".strip()

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def money_ref(self) -> str | None:
        """What the provider calls the money of this payment: its refunds and disputes name it."""
        return self.capture_ref or self.provider_ref


class PaymentShare(models.Model):
    """What a payment is meant for, beyond the invoice it names: a check that pays three. Written with the payment, in
    the order it is to be used; what is left of it then is credit. What was used in truth are its allocations."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="shares", db_constraint=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="+", db_constraint=False)
    amount_minor = models.BigIntegerField()
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            UniqueConstraint(fields=["payment", "invoice"], name="paymentshare_once_per_invoice"),
            CheckConstraint(condition=Q(amount_minor__gt=0), name="paymentshare_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} for {self.invoice}"
