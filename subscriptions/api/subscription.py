"""The subscription over HTTP: what the tenant is on; start one, look at a change before it is made, and make it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import Forbidden, NotFound
from billing_portal.kit.idempotency import idempotent
from billing_portal.notices import outbox
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments.provider_answers import as_answers
from payments.providers.errors import ProviderError
from subscriptions import previews, queries
from subscriptions.actions import asking, directing, following, starting
from subscriptions.actions.starting import Order
from subscriptions.api.documents import PreviewOut, SubscriptionOut, preview_document
from subscriptions.api.requests import ChangeIn, ChangeWithPreviewIn, StartIn, wish_of
from subscriptions.errors import NotSubscribed
from subscriptions.models import Subscription


def shown(subscription: Subscription, status: int = 200) -> Response:
    """The subscription, as it is now."""
    outbox.wake()
    return Response(SubscriptionOut(subscription, context={"now": timezone.now()}).data, status=status)


def live_or_404(request: TenantRequest) -> Subscription:
    """Raises NotSubscribed."""
    subscription = queries.live_subscription(request.tenant)
    if subscription is None:
        raise NotSubscribed
    return subscription


def with_secret(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """A stored answer given again: the secret was not stored with it, so the provider is asked for it while the step is
    still to be taken. Once it is taken, the subscription is told as it is. Raises what `provider_answers` says."""
    found: Any = request
    with as_answers():
        subscription = following.follow(subscription_id=UUID(body["id"]), actor=found.actor, now=timezone.now())
    if subscription.client_secret:
        return {**body, "clientSecret": subscription.client_secret}
    return dict(shown(subscription).data)


def _may_manage(request: Any, view: APIView) -> bool:
    try:
        return _Manages().has_permission(request, view)
    except Forbidden:
        return False


_Manages = May("subscription.manage")


class SubscriptionDetail(APIView):
    """GET, POST and PATCH /api/subscription."""

    permission_classes = [May("billing.read", POST="subscription.manage", PATCH="subscription.manage")]

    @extend_schema(operation_id="subscription_retrieve", responses=SubscriptionOut)
    def get(self, request: TenantRequest) -> Response:
        """The live subscription, or the one that ended last; 404 when there never was one. Who may manage it gets what
        its payer needs to go on, while there is something left to do."""
        subscription, now = queries.latest_subscription(request.tenant), timezone.now()
        if subscription is None:
            raise NotFound("This account has no subscription yet.")
        if _may_manage(request, self):
            with suppress(ProviderError):  # reading our books needs nobody else
                subscription = asking.left_to_do(subscription, now=now)
        return Response(SubscriptionOut(subscription, context={"now": now}).data)

    @extend_schema(
        operation_id="subscription_start",
        request=StartIn,
        responses={201: OpenApiResponse(SubscriptionOut, description="The subscription, as it has begun.")},
    )
    @idempotent(refresh=with_secret)
    def post(self, request: TenantRequest) -> Response:
        """Start a subscription. With a payment method Stripe charges it each period; without one it is paid by
        invoice."""
        wanted = StartIn.parse(request)
        order = Order(
            plan_code=wanted.plan_code,
            cycle=wanted.cycle,
            seats=wanted.seats,
            trial_days=wanted.trial_days,
            method_ref=wanted.method_ref,
            coupon=wanted.coupon,
            currency=wanted.currency,
        )
        subscription = starting.start(tenant=request.tenant, order=order, actor=request.actor, now=timezone.now())
        return shown(subscription, 201)

    @extend_schema(
        operation_id="subscription_change",
        request=ChangeWithPreviewIn,
        responses={
            200: OpenApiResponse(
                SubscriptionOut,
                description="The subscription, as it is now. With `approvalUrl` its payer has still to agree there.",
            )
        },
    )
    @idempotent(refresh=with_secret)
    def patch(self, request: TenantRequest) -> Response:
        """Change plan, cycle or seats. What costs more holds at once, what costs less from the period's end, unless
        `when` says otherwise. By PayPal nothing is charged for it: its payer agrees at `approvalUrl`, and it holds from
        the period's end."""
        wanted, now = ChangeWithPreviewIn.parse(request), timezone.now()
        subscription, wish = live_or_404(request), wish_of(wanted)
        instant, state = now, ""
        if wanted.token:
            instant, state = previews.read_token(wanted.token, subscription_id=subscription.id, wish=wish, now=now)
        changed = directing.change(
            subscription_id=subscription.id, wish=wish, actor=request.actor, now=now, instant=instant, state=state
        )
        return shown(changed)


class SubscriptionPreview(APIView):
    """POST /api/subscription/preview."""

    permission_classes = [May("subscription.manage")]

    @extend_schema(operation_id="subscription_preview", request=ChangeIn, responses=PreviewOut)
    def post(self, request: TenantRequest) -> Response:
        """What a change would cost. Nothing is changed; with the `previewToken` it is made as shown, for 15 minutes."""
        wanted, now = ChangeIn.parse(request), timezone.now()
        subscription, wish = live_or_404(request), wish_of(wanted)
        preview = directing.preview(subscription_id=subscription.id, wish=wish, actor=request.actor, now=now)
        token = previews.token_of(preview, wish, now)
        return Response(preview_document(preview.quote, subscription.currency, token))
