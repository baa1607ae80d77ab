"""The portal's paths, and two more: declaring a payment without the idempotency layer, and a bare read."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from billing_portal.kit.idempotency import HEADER
from billing_portal.tenants.requests import TenantRequest
from billing_portal.urls import handler400, handler403, handler404, handler500
from payments.api.payments import PaymentList
from subscriptions.models import Subscription

__all__ = ["handler400", "handler403", "handler404", "handler500"]


class PaymentsWithoutLayer(PaymentList):
    """The same view, undecorated. Its verb gets the key all the same, so that both do the same work."""

    def post(self, request: TenantRequest) -> Any:
        request.idempotency_key = request.headers[HEADER]
        undecorated: Any = PaymentList.post.__wrapped__  # type: ignore[attr-defined]
        return undecorated(self, request)


def one_indexed_read(_: HttpRequest, subscription_id: UUID) -> JsonResponse:
    """The least that any answer from the database costs in Django."""
    status = Subscription.objects.values_list("status", flat=True).get(id=subscription_id)
    return JsonResponse({"status": status})


urlpatterns = [
    path("bench/read/<uuid:subscription_id>", one_indexed_read),
    path("bench/payments", PaymentsWithoutLayer.as_view()),
    path("", include("billing_portal.urls")),
]
