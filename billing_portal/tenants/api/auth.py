"""/api/auth: get a token, give it back, and ask who one is."""

from typing import Any

from django.contrib.auth import logout
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import Forbidden
from billing_portal.tenants.actions.logging_in import check_password
from billing_portal.tenants.actions.tokens import issue_token, revoke_token
from billing_portal.tenants.api.serializers import MeOut, TokenIn, TokenOut
from billing_portal.tenants.models import AccessToken, ApiKey, Membership
from billing_portal.tenants.principals import KeyHolder


class Token(APIView):
    """POST /api/auth/token: a bearer token for an e-mail address and its password. A secret: never kept for replay."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(request=TokenIn, responses={200: TokenOut}, auth=[])
    def post(self, request: Request) -> Response:
        wanted, now = TokenIn.parse(request), timezone.now()
        user = check_password(email=wanted.email, password=wanted.password, now=now)
        token, secret = issue_token(user=user, now=now)
        return Response(TokenOut({"token": secret, "expires_at": token.expires_at}).data)


class Logout(APIView):
    """POST /api/auth/logout: the token, or the session, opens nothing any more."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, ApiKey):
            raise Forbidden("An API key does not log out. Revoke it where the keys of the account are listed.")
        if isinstance(request.auth, AccessToken):
            revoke_token(token=request.auth, now=timezone.now())
        else:
            logout(request._request)  # noqa: SLF001 (the session is on Django's request)
        return Response(status=204)


class Me(APIView):
    """GET /api/auth/me: the person, and the tenants with the role in each. For an API key: nobody, and its tenant."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses={200: MeOut})
    def get(self, request: Request) -> Response:
        user: Any = request.user
        if isinstance(user, KeyHolder):
            return Response(MeOut({"user": None, "tenants": [{"tenant": user.key.tenant, "role": None}]}).data)
        memberships = Membership.objects.filter(user=user).select_related("tenant").order_by("tenant__name")
        return Response(MeOut({"user": user, "tenants": memberships}).data)
