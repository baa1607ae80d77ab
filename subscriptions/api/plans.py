"""What can be bought, and what may be used, over HTTP."""

from __future__ import annotations

import hashlib
import json

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from subscriptions import queries
from subscriptions.api.documents import EntitlementsOut, PlanOut, PlansOut
from subscriptions.entitlement import entitlement

# Seconds for which nobody needs to ask again: short beside what a cancellation or an unpaid invoice may cost.
FRESH_FOR = 30


class PlanList(APIView):
    """GET /api/subscription/plans."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="subscription_plans_list", responses=PlansOut)
    def get(self, request: Request) -> Response:
        """What everybody can buy, in the plans' order. Nobody has to log in for it."""
        return Response({"results": PlanOut(queries.offered(None), many=True).data})


class Entitlements(APIView):
    """GET /api/subscription/entitlements."""

    permission_classes = [May("entitlements.read")]

    @extend_schema(operation_id="subscription_entitlements_retrieve", responses=EntitlementsOut)
    def get(self, request: TenantRequest) -> Response:
        """What may be used now, and until when. With `If-None-Match` 304 while that is the same."""
        document = EntitlementsOut(entitlement(request.tenant, timezone.now())).data
        tag = f'"{hashlib.sha256(json.dumps(document).encode()).hexdigest()[:24]}"'
        headers = {
            "ETag": tag,
            "Cache-Control": f"private, max-age={FRESH_FOR}",
            "Vary": "Authorization, Cookie, X-Tenant",
        }
        if tag in {each.strip() for each in request.headers.get("If-None-Match", "").split(",")}:
            return Response(status=304, headers=headers)
        return Response(document, headers=headers)
