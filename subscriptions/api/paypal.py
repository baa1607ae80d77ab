"""Subscriptions by PayPal over HTTP, under the guide's own paths."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit import fields
from billing_portal.kit.errors import NotFound
from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.serializers import StrictSerializer
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments.api.requests import CardFreeText, Line
from payments.providers import registry
from payments.providers.recurring import Payer, RunsSubscriptions
from subscriptions import queries
from subscriptions.actions import beginning, directing, pricing
from subscriptions.actions.subscribing import MOST_SEATS
from subscriptions.api.documents import SubscriptionOut
from subscriptions.api.subscription import shown
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine


class SubscriptionNameConverter:
    """`<sub:subscription_id>` in a path: our id of a subscription, or PayPal's `I-…`."""

    regex = "[A-Za-z0-9-]{3,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return str(value)


class PayerIn(StrictSerializer):
    email = fields.Text(max_length=254)
    firstName = Line(source="first_name", required=False, allow_blank=True, default="", max_length=140)
    lastName = Line(source="last_name", required=False, allow_blank=True, default="", max_length=140)


class StartByPayPalIn(StrictSerializer):
    """The guide's body: `planId` is PayPal's own, and one of our plans'."""

    planId = fields.Text(source="plan_ref", max_length=50)
    payerInfo = PayerIn(source="payer")
    seats = fields.Whole(required=False, minimum=1, maximum=MOST_SEATS)
    trialDays = fields.Whole(source="trial_days", required=False, minimum=0, maximum=365)


class CancelByPayPalIn(StrictSerializer):
    reason = CardFreeText(required=False, allow_blank=True, default="", max_length=128)


def _paypal() -> RunsSubscriptions:
    """Raises NotFound while PayPal is off."""
    provider = registry.named(Engine.PAYPAL, RunsSubscriptions)
    if provider is None:
        raise NotFound
    return provider


class PayPalSubscribe(APIView):
    """POST /api/payments/paypal/subscription."""

    permission_classes = [May("subscription.manage")]

    @extend_schema(
        operation_id="paypal_subscription_start",
        request=StartByPayPalIn,
        responses={201: OpenApiResponse(SubscriptionOut, description="It waits for its payer at `approvalUrl`.")},
    )
    @idempotent
    def post(self, request: TenantRequest) -> Response:
        """Begin a subscription that PayPal charges. Its payer agrees on PayPal's page."""
        provider, wanted = _paypal(), StartByPayPalIn.parse(request)
        price = pricing.ordered_price(wanted.plan_ref, provider)
        terms = beginning.Terms(
            price=price,
            seats=wanted.seats or price.minimum_seats,
            trial_days=wanted.trial_days or 0,
            payer=Payer(wanted.payer.email, wanted.payer.first_name, wanted.payer.last_name),
        )
        begun = beginning.begin(
            tenant=request.tenant, provider=provider, terms=terms, actor=request.actor, now=timezone.now()
        )
        return shown(begun, 201)


class PayPalUnsubscribe(APIView):
    """POST /api/payments/paypal/subscription/{id}/cancel."""

    permission_classes = [May("subscription.manage")]

    @extend_schema(operation_id="paypal_subscription_cancel", request=CancelByPayPalIn, responses=SubscriptionOut)
    @idempotent
    def post(self, request: TenantRequest, subscription_id: str) -> Response:
        """Cancel at PayPal, at once; `id` is ours, or PayPal's `I-…`. What was paid for can be used to its end."""
        _paypal()
        wanted = CancelByPayPalIn.parse(request)
        subscription = _named(request, subscription_id)
        return shown(
            directing.cancel(
                subscription_id=subscription.id,
                at_period_end=False,
                reason=wanted.reason,
                actor=request.actor,
                now=timezone.now(),
            )
        )


def _named(request: TenantRequest, name: str) -> Subscription:
    """Raises NotFound, also for another tenant's."""
    try:
        is_it = Q(id=UUID(name))
    except ValueError:
        is_it = Q(provider_ref=name)
    found = queries.subscriptions(request.tenant).filter(is_it, engine=Engine.PAYPAL).first()
    if found is None:
        raise NotFound
    return found
