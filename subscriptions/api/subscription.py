"""The subscription over HTTP: what the tenant is on."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit import fields
from billing_portal.kit.errors import NotFound
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments import queries as money
from payments.api.documents import NotOffered
from subscriptions import queries
from subscriptions.models import Subscription


class SubscriptionOut(serializers.Serializer):
    """What the tenant is on; `terms` and the current period come in the context."""

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
    pendingChange = NotOffered()
    latestInvoiceId = serializers.SerializerMethodField()
    clientSecret = NotOffered()
    approvalUrl = NotOffered()

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_latestInvoiceId(self, subscription: Subscription) -> str | None:
        invoice = money.invoices(subscription.tenant).first()
        return str(invoice.id) if invoice else None

    def get_planType(self, subscription: Subscription) -> str:
        return self.context["terms"].price.version.plan.code

    def get_billingCycle(self, subscription: Subscription) -> str:
        return self.context["terms"].price.billing_cycle

    def get_seats(self, subscription: Subscription) -> int:
        return self.context["terms"].seats

    @extend_schema_field(fields.Instant())
    def get_currentPeriodStart(self, subscription: Subscription) -> str:
        return fields.rfc3339(self.context["period"][0])

    @extend_schema_field(fields.Instant())
    def get_currentPeriodEnd(self, subscription: Subscription) -> str:
        return fields.rfc3339(self.context["period"][1])


class SubscriptionDetail(APIView):
    """GET /api/subscription."""

    permission_classes = [May("billing.read")]

    @extend_schema(operation_id="subscription_retrieve", responses=SubscriptionOut)
    def get(self, request: TenantRequest) -> Response:
        """The live subscription, or the one that ended last; 404 when there never was one."""
        subscription = queries.latest_subscription(request.tenant)
        if subscription is None:
            raise NotFound("This account has no subscription yet.")
        now = timezone.now()
        terms = queries.current_terms(subscription, now)
        context = {"terms": terms, "period": queries.running_period(subscription, now)}
        return Response(SubscriptionOut(subscription, context=context).data)
