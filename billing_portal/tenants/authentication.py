"""Who is asking over the API: a bearer of an API key or an access token, or a browser's session with its CSRF token."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from billing_portal.kit import context
from billing_portal.kit.actors import Actor
from billing_portal.tenants.credentials import API_KEY, digest, same
from billing_portal.tenants.models import AccessToken, ApiKey, User
from billing_portal.tenants.principals import KeyHolder
from billing_portal.tenants.resolution import actor_of_key, actor_of_user

# How exactly we remember when a key was last used: a write for every request would be the dearest part of it.
LAST_USED_EVERY = timedelta(minutes=1)
CHALLENGE = 'Bearer realm="billing"'


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer cck_…` is an API key, any other an access token. A wrong one is 401, never ignored."""

    def authenticate(self, request: Request) -> tuple[User | KeyHolder, ApiKey | AccessToken] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        secret = secret.strip()
        found = _holder_of_key(secret) if secret.startswith(API_KEY) else _holder_of_token(secret)
        if found is None:
            raise AuthenticationFailed
        user, credential = found
        _introduce(request, actor_of_key(user.key) if isinstance(user, KeyHolder) else actor_of_user(user))
        return user, credential

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuthentication(authentication.SessionAuthentication):
    """The portal's own pages. With a session every method that writes needs the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        _introduce(request, actor_of_user(found[0]))
        return found

    def enforce_csrf(self, request: Request) -> None:
        """The body is kept first: the check looks for a token among a form's fields, for which DRF reads the stream
        away, and then nobody could compare a repeated request with the first one (`kit.idempotency`)."""
        request._request.body  # noqa: B018, SLF001 (reading it keeps it)
        super().enforce_csrf(request)

    def authenticate_header(self, request: Request) -> str:
        """Nobody at all is 401 here too; without a challenge DRF would say 403."""
        return CHALLENGE


def _holder_of_key(secret: str) -> tuple[KeyHolder, ApiKey] | None:
    now, computed = timezone.now(), digest(secret)
    key = ApiKey.objects.select_related("tenant").filter(hash=computed).first()
    if key is None or not same(key.hash, computed) or not key.is_usable(now):
        return None
    due = now - LAST_USED_EVERY
    if key.last_used_at is None or key.last_used_at <= due:
        # Of many at once one writes.
        stale = ApiKey.objects.filter(Q(last_used_at__isnull=True) | Q(last_used_at__lte=due), id=key.id)
        stale.update(last_used_at=now)
    return KeyHolder(key), key


def _holder_of_token(secret: str) -> tuple[User, AccessToken] | None:
    computed = digest(secret)
    token = AccessToken.objects.select_related("user").filter(hash=computed).first()
    if (
        token is None
        or not same(token.hash, computed)
        or not token.is_usable(timezone.now())
        or not token.user.is_active
    ):
        return None
    return token.user, token


def _introduce(request: Request, actor: Actor) -> None:
    """Who it is, before a permission finds out for which tenant (`policies.May`)."""
    http: Any = request._request  # noqa: SLF001 (what is set there is seen through DRF's too)
    http.tenant, http.actor, http.role = None, actor, None
    context.bind(actor_label=actor.label)
