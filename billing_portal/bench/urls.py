"""The portal's paths, and one more: declaring a payment without the idempotency layer."""

from typing import Any

from django.urls import include, path

from billing_portal.kit.idempotency import HEADER
from billing_portal.tenants.requests import TenantRequest
from billing_portal.urls import handler400, handler403, handler404, handler500
from payments.api.payments import PaymentList

__all__ = ["handler400", "handler403", "handler404", "handler500"]


class PaymentsWithoutLayer(PaymentList):
    """The same view, undecorated. Its verb gets the key all the same, so that both do the same work."""

    def post(self, request: TenantRequest) -> Any:
        request.idempotency_key = request.headers[HEADER]
        undecorated: Any = PaymentList.post.__wrapped__  # type: ignore[attr-defined]
        return undecorated(self, request)


urlpatterns = [
    path("bench/payments", PaymentsWithoutLayer.as_view()),
    path("", include("billing_portal.urls")),
]
