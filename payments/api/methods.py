"""Saved means of payment over HTTP: begin to save one, list them, choose the default, remove one."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit import fields
from billing_portal.kit.idempotency import idempotent
from billing_portal.tenants.policies import May
from billing_portal.tenants.requests import TenantRequest
from payments.actions import saving_methods
from payments.actions.syncing_methods import known_methods
from payments.api.requests import NoCardData
from payments.models import PaymentMethod
from payments.provider_answers import as_answers


class MethodRefConverter:
    """`<method:method_ref>` in a path: a provider's id of a means of payment (`pm_…`). Its case matters."""

    regex = "[A-Za-z0-9_]{3,255}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class SetupIn(NoCardData):
    """Without `type` the payer chooses in the provider's form."""

    type = fields.OneOf(PaymentMethod.Type, required=False)


class NothingIn(NoCardData):
    """The path says it all."""


class SetupOut(serializers.Serializer):
    """For the provider's form in the browser. The secret is for this payer alone: it is neither stored nor logged."""

    setupIntentId = serializers.CharField(source="provider_ref")
    clientSecret = serializers.CharField(source="client_secret")
    publishableKey = serializers.SerializerMethodField()

    def get_publishableKey(self, _: object) -> str:
        return settings.STRIPE_PUBLISHABLE_KEY


class SavedMethodOut(serializers.Serializer):
    """A saved card or bank account; `id` is the provider's. Brand and expiry are a card's, the bank's name an
    account's."""

    id = serializers.CharField(source="provider_ref")
    type = serializers.ChoiceField(choices=PaymentMethod.Type.choices)
    brand = serializers.CharField(allow_null=True)
    last4 = serializers.CharField(allow_null=True)
    expMonth = serializers.IntegerField(source="exp_month", allow_null=True)
    expYear = serializers.IntegerField(source="exp_year", allow_null=True)
    bankName = serializers.CharField(source="bank_name", allow_null=True)
    isDefault = serializers.BooleanField(source="is_default")
    createdAt = fields.Instant(source="created_at")


class SavedMethodsOut(serializers.Serializer):
    results = SavedMethodOut(many=True)


class SetupIntent(APIView):
    """POST /api/payments/setup-intent."""

    permission_classes = [May("payments.pay")]

    @extend_schema(
        operation_id="payments_setup_intent_create",
        request=SetupIn,
        responses={201: OpenApiResponse(SetupOut, description="What the provider's form in the browser needs.")},
    )
    @idempotent(keep=False)
    def post(self, request: TenantRequest) -> Response:
        """Begin to save a card or a bank account. With the same Idempotency-Key it is the same one again."""
        wanted = SetupIn.parse(request)
        with as_answers():
            setup = saving_methods.begin_setup(
                tenant=request.tenant, kind=wanted.type, key=request.idempotency_key, now=timezone.now()
            )
        return Response(SetupOut(setup).data, status=201)


class MethodList(APIView):
    """GET /api/payments/methods/list."""

    permission_classes = [May("billing.read")]

    @extend_schema(operation_id="payments_methods_list", responses=SavedMethodsOut)
    def get(self, request: TenantRequest) -> Response:
        """The saved methods, newest first; one that was just saved in the browser is there."""
        methods = known_methods(tenant=request.tenant, now=timezone.now())
        return Response(SavedMethodsOut({"results": methods}).data)


class MethodDefault(APIView):
    """POST /api/payments/methods/{id}/default."""

    permission_classes = [May("payments.pay")]

    @extend_schema(operation_id="payments_methods_default", request=NothingIn, responses=SavedMethodOut)
    @idempotent
    def post(self, request: TenantRequest, method_ref: str) -> Response:
        """Charge this one while nobody is there to choose."""
        NothingIn.parse(request)
        with as_answers():
            method = saving_methods.set_default(tenant=request.tenant, method_ref=method_ref, now=timezone.now())
        return Response(SavedMethodOut(method).data)


class MethodDetail(APIView):
    """DELETE /api/payments/methods/{id}."""

    permission_classes = [May("payments.pay")]

    @extend_schema(
        operation_id="payments_methods_destroy",
        responses={
            204: OpenApiResponse(description="It is gone, here and at the provider."),
            409: OpenApiResponse(description="A payment with it is still on its way."),
        },
    )
    def delete(self, request: TenantRequest, method_ref: str) -> Response:
        """Remove it, for ever."""
        with as_answers():
            saving_methods.remove_method(tenant=request.tenant, method_ref=method_ref, now=timezone.now())
        return Response(status=204)
