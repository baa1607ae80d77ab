"""A door that tests of `@idempotent` knock at: what its views do is set by each test."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.idempotency import idempotent


@dataclass
class Door:
    """What the view does, set by each test, and what it saw."""

    act: Callable[[Any], Any] = lambda request: Response({"z": 1, "a": [1.5, "é"]}, status=201)
    refresh: Callable[[Any, dict[str, Any]], dict[str, Any]] = lambda request, body: body
    keys: list[str | None] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def runs(self) -> int:
        return len(self.keys)


door = Door()


class ByHeader(BaseAuthentication):
    def authenticate(self, request):
        tenant = request.headers.get("X-Test-Tenant")
        request.tenant = SimpleNamespace(id=uuid.UUID(int=int(tenant))) if tenant else None
        user = request.headers.get("X-Test-User")
        return (SimpleNamespace(pk=user, is_authenticated=True), None) if user else None


class Pay(APIView):
    authentication_classes = [ByHeader]
    permission_classes = []

    @idempotent
    def post(self, request):
        with door.lock:
            door.keys.append(request.idempotency_key)
        return door.act(request)


class PayWithSecret(Pay):
    """Its secret is known elsewhere, and read again from there."""

    @idempotent(refresh=lambda request, body: door.refresh(request, body))  # noqa: PLW0108 (each test sets another)
    def post(self, request):
        return door.act(request)


class PayUnkept(Pay):
    @idempotent(keep=False)
    def post(self, request):
        with door.lock:
            door.keys.append(request.idempotency_key)
        return door.act(request)


urlpatterns = [
    path("api/pay", Pay.as_view()),
    path("api/pay/", Pay.as_view()),
    path("api/other", Pay.as_view()),
    path("api/secret", PayWithSecret.as_view()),
    path("api/unkept", PayUnkept.as_view()),
]


@pytest.fixture
def portal():
    door.__init__()
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["billing_portal.middleware.RequestContext"]):
        yield
    with connection.cursor() as cursor:
        # Of this database: those who test beside us, on the same server, hold locks of their own.
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert cursor.fetchone()[0] == 0, "a lock was left behind"


def post(key: str | None = "k-1", body: Any = None, *, tenant: int | None = 1, url: str = "/api/pay", **headers: str):
    raw = body if isinstance(body, (bytes, str)) else json.dumps(body or {"amount": 1})
    if key is not None:
        headers["Idempotency-Key"] = key
    if tenant is not None:
        headers["X-Test-Tenant"] = str(tenant)
    client = Client(raise_request_exception=False)
    return client.post(url, raw, content_type="application/json", headers=headers)


def code(response) -> str:
    return json.loads(response.content)["code"]


def raising(error: Exception) -> Callable[[Any], Any]:
    def act(request):
        raise error

    return act


def answering(status: int) -> Callable[[Any], Any]:
    return lambda request: Response({"run": door.runs}, status=status)
