"""Plans, subscriptions and what is to come of them, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing_portal.kit import fields
from billing_portal.kit.money import MAX_MINOR
from payments.api.documents import HistoryOut
from subscriptions import discounts, queries
from subscriptions.models import Coupon, PlanVersion, Subscription
from subscriptions.models.plan import BillingCycle
from subscriptions.quoting import Quote

# What a meter's allowance is counted in; `usage.meters`, which is above, says the same.
UNITS = {"call_minutes": "minute"}


class PlanPriceOut(serializers.Serializer):
    billingCycle = serializers.ChoiceField(choices=BillingCycle.values, source="billing_cycle")
    currency = fields.Currency()
    amountPerSeat = fields.MinorAmount(source="per_seat_minor", minimum=0)
    minimumSeats = serializers.IntegerField(source="minimum_seats")


class IncludedOut(serializers.Serializer):
    """What a seat brings along each month; all seats share it. `quantity` null: without limit."""

    meter = serializers.CharField()
    direction = serializers.CharField(source="rate_class")
    quantity = serializers.SerializerMethodField()
    unit = serializers.SerializerMethodField()
    pooled = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_quantity(self, allowance: Any) -> str | None:
        return None if allowance.per_seat is None else fields.quantity_text(allowance.per_seat)

    def get_unit(self, allowance: Any) -> str:
        return UNITS.get(allowance.meter, allowance.meter)

    def get_pooled(self, _: Any) -> bool:
        return True


class OverageOut(serializers.Serializer):
    """`unitAmountDecimal` is in minor units: "1.2" is 1.2 cents."""

    meter = serializers.CharField()
    direction = serializers.CharField(source="rate_class")
    unitAmountDecimal = serializers.SerializerMethodField()
    currency = fields.Currency()

    def get_unitAmountDecimal(self, price: Any) -> str:
        return fields.quantity_text(price.unit_amount)


class PlanOut(serializers.Serializer):
    """A plan as it is sold now."""

    planType = serializers.CharField(source="plan.code")
    name = serializers.CharField(source="plan.name")
    version = serializers.IntegerField()
    trialDays = serializers.IntegerField(source="trial_days")
    byInvoice = serializers.BooleanField(source="by_invoice")
    features = serializers.ListField(child=serializers.CharField())
    prices = serializers.SerializerMethodField()
    included = serializers.SerializerMethodField()
    overage = serializers.SerializerMethodField()

    @extend_schema_field(PlanPriceOut(many=True))
    def get_prices(self, version: PlanVersion) -> Any:
        found = sorted(version.prices.all(), key=lambda each: (each.currency, each.billing_cycle))
        return PlanPriceOut(found, many=True).data

    @extend_schema_field(IncludedOut(many=True))
    def get_included(self, version: PlanVersion) -> Any:
        return IncludedOut(
            sorted(version.allowances.all(), key=lambda each: (each.meter, each.rate_class)), many=True
        ).data

    @extend_schema_field(OverageOut(many=True))
    def get_overage(self, version: PlanVersion) -> Any:
        found = sorted(version.overage_prices.all(), key=lambda each: (each.meter, each.rate_class, each.currency))
        return OverageOut(found, many=True).data


class PlansOut(serializers.Serializer):
    results = PlanOut(many=True)


class PendingChangeOut(serializers.Serializer):
    """What the subscription will be from `effectiveAt` on."""

    planType = serializers.CharField(source="pending_price.version.plan.code")
    billingCycle = serializers.CharField(source="pending_price.billing_cycle")
    seats = serializers.IntegerField(source="pending_seats")
    effectiveAt = fields.Instant(source="pending_at")


class CouponOut(serializers.Serializer):
    """`percentOff` is a decimal as text ("12.5"), or else `amountOff` in minor units of `currency`. `cyclesLeft`: how
    many bills that are still to come it takes something off; null: every one."""

    code = serializers.CharField()
    percentOff = serializers.SerializerMethodField()
    amountOff = fields.MinorAmount(source="amount_off_minor", allow_null=True, minimum=1)
    currency = serializers.SerializerMethodField()
    cycles = serializers.IntegerField(allow_null=True)
    cyclesLeft = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_percentOff(self, coupon: Coupon) -> str | None:
        return None if coupon.percent is None else fields.quantity_text(coupon.percent)

    @extend_schema_field(fields.Currency(allow_null=True))
    def get_currency(self, coupon: Coupon) -> str | None:
        return coupon.currency or None

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_cyclesLeft(self, coupon: Coupon) -> int | None:
        return discounts.bills_left(self.context["subscription"])


class SubscriptionOut(serializers.Serializer):
    """What the tenant is on, now. `clientSecret` and `approvalUrl` are there while its payer has something to do."""

    id = fields.Identifier()
    status = serializers.ChoiceField(choices=Subscription.Status.choices)
    planType = serializers.SerializerMethodField()
    billingCycle = serializers.SerializerMethodField()
    provider = serializers.CharField(source="engine")
    currency = fields.Currency()
    seats = serializers.SerializerMethodField()
    currentPeriodStart = serializers.SerializerMethodField()
    currentPeriodEnd = serializers.SerializerMethodField()
    trialEnd = fields.Instant(source="trial_end", allow_null=True)
    cancelAtPeriodEnd = serializers.BooleanField(source="cancel_at_period_end")
    endedAt = fields.Instant(source="ended_at", allow_null=True)
    pendingChange = serializers.SerializerMethodField()
    coupon = serializers.SerializerMethodField()
    latestInvoiceId = serializers.SerializerMethodField()
    clientSecret = serializers.CharField(source="client_secret", allow_null=True)
    approvalUrl = serializers.CharField(source="approval_url", allow_null=True)

    def to_representation(self, instance: Subscription) -> Any:
        now = self.context["now"]
        self._terms = queries.current_terms(instance, now)
        self._period = queries.running_period(instance, now)
        return super().to_representation(instance)

    def get_planType(self, subscription: Subscription) -> str:
        return self._terms.price.version.plan.code

    def get_billingCycle(self, subscription: Subscription) -> str:
        return self._terms.price.billing_cycle

    def get_seats(self, subscription: Subscription) -> int:
        return self._terms.seats

    @extend_schema_field(fields.Instant(allow_null=True))
    def get_currentPeriodStart(self, subscription: Subscription) -> str | None:
        return _instant(self._period[0] if self._period else None)

    @extend_schema_field(fields.Instant(allow_null=True))
    def get_currentPeriodEnd(self, subscription: Subscription) -> str | None:
        return _instant(self._period[1] if self._period else None)

    @extend_schema_field(PendingChangeOut(allow_null=True))
    def get_pendingChange(self, subscription: Subscription) -> Any:
        return PendingChangeOut(subscription).data if subscription.pending_at else None

    @extend_schema_field(CouponOut(allow_null=True))
    def get_coupon(self, subscription: Subscription) -> Any:
        if subscription.coupon is None:
            return None
        return CouponOut(subscription.coupon, context={"subscription": subscription}).data

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_latestInvoiceId(self, subscription: Subscription) -> str | None:
        invoice = queries.latest_invoice(subscription)
        return str(invoice.id) if invoice else None


class PreviewLineOut(serializers.Serializer):
    title = serializers.CharField()
    amount = fields.MinorAmount(minimum=-MAX_MINOR)


class NextOut(serializers.Serializer):
    amount = fields.MinorAmount(minimum=0)
    at = fields.Instant()


class PreviewOut(serializers.Serializer):
    """What a change costs: `lines` are those of the invoice that follows, tax among them; `credit` is what the tenant's
    credit pays of it, or, negative in sum, what becomes credit. `next` is the period after."""

    amountDueNow = fields.MinorAmount(minimum=0)
    currency = fields.Currency()
    lines = PreviewLineOut(many=True)
    total = fields.MinorAmount(minimum=-MAX_MINOR)
    effectiveAt = fields.Instant()
    when = serializers.ChoiceField(choices=["now", "period_end"])
    next = NextOut()
    previewToken = serializers.CharField()


def preview_document(quote: Quote, currency: str, token: str) -> dict[str, Any]:
    lines = [{"title": line.title, "amount": line.amount_minor} for line in quote.lines]
    lines += [{"title": each.name, "amount": each.amount_minor} for each in quote.taxes]
    return PreviewOut(
        {
            "amountDueNow": quote.due_minor,
            "currency": currency,
            "lines": lines,
            "total": quote.total_minor,
            "effectiveAt": quote.effective_at,
            "when": quote.when,
            "next": {"amount": quote.next_minor, "at": quote.next_at},
            "previewToken": token,
        }
    ).data


class TermsOut(serializers.Serializer):
    """The terms from an instant on, until the next ones."""

    since = fields.Instant(source="effective_from")
    planType = serializers.CharField(source="price.version.plan.code")
    planVersion = serializers.IntegerField(source="price.version.version")
    billingCycle = serializers.CharField(source="price.billing_cycle")
    seats = serializers.IntegerField()


class PastSubscriptionOut(serializers.Serializer):
    """A subscription with all that became of it, oldest first."""

    id = fields.Identifier()
    status = serializers.ChoiceField(choices=Subscription.Status.choices)
    provider = serializers.CharField(source="engine")
    startedAt = fields.Instant(source="started_at")
    endedAt = fields.Instant(source="ended_at", allow_null=True)
    terms = serializers.SerializerMethodField()
    history = serializers.SerializerMethodField()

    @extend_schema_field(TermsOut(many=True))
    def get_terms(self, subscription: Subscription) -> Any:
        return TermsOut(subscription.terms.all(), many=True).data

    @extend_schema_field(HistoryOut(many=True))
    def get_history(self, subscription: Subscription) -> Any:
        return HistoryOut(self.context["history"].get(subscription.id, []), many=True).data


class EntitlementsOut(serializers.Serializer):
    """`active` and `usageAllowed` say the same for now; `validUntil` is as far as that can be said."""

    active = serializers.BooleanField()
    status = serializers.CharField(allow_null=True)
    planType = serializers.CharField(source="plan_code", allow_null=True)
    seats = serializers.IntegerField()
    features = serializers.ListField(child=serializers.CharField())
    usageAllowed = serializers.BooleanField(source="active")
    validUntil = fields.Instant(source="valid_until", allow_null=True)


def _instant(instant: datetime | None) -> str | None:
    return fields.rfc3339(instant) if instant else None
