"""Cancel, pause and go on over HTTP; and what became of the subscriptions before."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.pagination import PortalPagination
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments import queries as money
from payments.api.methods import NothingIn
from subscriptions import queries
from subscriptions.actions import ending, pausing
from subscriptions.api.documents import PastSubscriptionOut, SubscriptionOut
from subscriptions.api.requests import CancelIn, PauseIn
from subscriptions.api.subscription import live_or_404, shown


class SubscriptionCancel(APIView):
    """POST /api/subscription/cancel."""

    permission_classes = [May("subscription.manage")]

    @extend_schema(operation_id="subscription_cancel", request=CancelIn, responses=SubscriptionOut)
    @idempotent
    def post(self, request: TenantRequest) -> Response:
        """End it with its period, or at once. Said before: as it is."""
        wanted, subscription = CancelIn.parse(request), live_or_404(request)
        return shown(
            ending.cancel_subscription(
                subscription_id=subscription.id,
                at_period_end=wanted.at_period_end,
                reason=wanted.reason,
                actor=request.actor,
                now=timezone.now(),
            )
        )


class SubscriptionPause(APIView):
    """POST /api/subscription/pause."""

    permission_classes = [May("subscription.manage")]

    @extend_schema(operation_id="subscription_pause", request=PauseIn, responses=SubscriptionOut)
    @idempotent
    def post(self, request: TenantRequest) -> Response:
        """Bill nothing more until it is resumed. What is paid for can be used to its end."""
        wanted, subscription = PauseIn.parse(request), live_or_404(request)
        return shown(
            pausing.pause_subscription(
                subscription_id=subscription.id, reason=wanted.reason, actor=request.actor, now=timezone.now()
            )
        )


class SubscriptionResume(APIView):
    """POST /api/subscription/resume."""

    permission_classes = [May("subscription.manage")]

    @extend_schema(operation_id="subscription_resume", request=NothingIn, responses=SubscriptionOut)
    @idempotent
    def post(self, request: TenantRequest) -> Response:
        """Go on after a pause, or take back that it ends with its period. Neither: as it is."""
        NothingIn.parse(request)
        subscription = live_or_404(request)
        return shown(
            pausing.resume_subscription(subscription_id=subscription.id, actor=request.actor, now=timezone.now())
        )


class SubscriptionHistory(APIView):
    """GET /api/subscription/history."""

    permission_classes = [May("billing.read")]
    pagination_class = PortalPagination

    @extend_schema(operation_id="subscription_history_list", responses=PastSubscriptionOut(many=True))
    def get(self, request: TenantRequest) -> Response:
        """Every subscription of the tenant, newest first, with its terms and what became of it."""
        paginator = PortalPagination()
        rows = queries.subscriptions(request.tenant).prefetch_related("terms__price__version__plan")
        page = list(paginator.paginate_queryset(rows, request, view=self) or [])
        history: dict[UUID, list[Any]] = defaultdict(list)
        for change in money.history_of("subscription", [each.id for each in page]):
            history[change.subject_id].append(change)
        return paginator.get_paginated_response(PastSubscriptionOut(page, many=True, context={"history": history}).data)
