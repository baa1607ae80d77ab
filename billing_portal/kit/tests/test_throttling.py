"""A caller who asks too often is told when to come again; a cache that is down makes no error and lifts no limit."""

from __future__ import annotations

import time
from functools import partial
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.throttling import CallerThrottle
from billing_portal.testing import at_once


class Few(CallerThrottle):
    scope = "few"
    rate = "3/day"


class Ask(APIView):
    authentication_classes = []
    permission_classes = []
    throttle_classes = [Few]

    def get(self, request):
        return Response({})


urlpatterns = [path("api/ask", Ask.as_view())]


@pytest.fixture(autouse=True)
def portal():
    cache.clear()
    CallerThrottle._local.clear()
    CallerThrottle._cache_away_until = 0.0
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["billing_portal.middleware.RequestContext"]):
        yield
    cache.clear()
    CallerThrottle._cache_away_until = 0.0


def ask(address: str = "10.0.0.1"):
    return Client().get("/api/ask", REMOTE_ADDR=address)


def test_one_more_than_the_rate_is_refused_and_told_when_to_come_again():
    answers = [ask() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].json()["code"] == "too_many_requests"
    assert 1 <= int(answers[3]["Retry-After"]) <= 86_400
    assert ask("10.0.0.2").status_code == 200


def test_a_caller_can_not_name_another_address_for_each_request():
    """`X-Forwarded-For` is whatever the caller sent, where no proxy in front has written it."""
    answers = [Client().get("/api/ask", headers={"X-Forwarded-For": f"10.1.1.{n}"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, "10.1.1.1", "127.0.0.1"),
        (1, "10.1.1.1, 10.2.2.2", "10.2.2.2"),
        (2, "10.1.1.1, 10.2.2.2, 10.3.3.3", "10.2.2.2"),
        (1, None, "127.0.0.1"),
    ],
)
def test_an_address_is_believed_as_far_as_trusted_proxies_have_written_it(proxies, forwarded, counted):
    request = RequestFactory(headers={"X-Forwarded-For": forwarded} if forwarded else {}).get("/")
    with override_settings(REST_FRAMEWORK=settings.REST_FRAMEWORK | {"NUM_PROXIES": proxies}):
        assert CallerThrottle().caller(request, None) == f"address:{counted}"


def test_the_window_ends(monkeypatch):
    now = time.time()
    assert [ask().status_code for _ in range(4)][-1] == 429
    monkeypatch.setattr(
        "billing_portal.kit.throttling.time", SimpleNamespace(time=lambda: now + 86_400, monotonic=time.monotonic)
    )
    assert ask().status_code == 200


def test_all_at_once_are_counted_too():
    codes = [answer.status_code for answer in at_once(12, partial(ask))]
    assert codes.count(200) == 3


class DeadCache(LocMemCache):
    """A cache whose server can't be reached, and which counts how often it was tried."""

    tries = 0

    def add(self, *args, **kwargs):
        DeadCache.tries += 1
        raise ConnectionError("connection refused")

    incr = get = set = add


def test_a_dead_cache_makes_no_error_and_lifts_no_limit():
    DeadCache.tries = 0
    with override_settings(CACHES={"default": {"BACKEND": f"{__name__}.DeadCache"}}):
        assert [ask().status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        assert DeadCache.tries == 1  # it isn't asked again at once: each try may cost a second
        assert ask("10.0.0.2").status_code == 200


def test_a_server_that_is_not_there_makes_no_error():
    away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nonexistent/valkey.sock"}
    with override_settings(CACHES={"default": away}):
        assert [ask().status_code for _ in range(4)] == [200, 200, 200, 429]


def test_the_local_memory_has_an_end(monkeypatch):
    monkeypatch.setattr("billing_portal.kit.throttling._MAX_LOCAL", 10)
    for n in range(100):
        CallerThrottle._count_here(f"caller-{n}", 1)
    assert len(CallerThrottle._local) <= 10


@override_settings(THROTTLE_RATES={"few": "1/min"})
def test_the_setting_goes_before_the_class():
    assert [ask().status_code for _ in range(2)] == [200, 429]


@override_settings(THROTTLE_RATES={"few": ""})
def test_no_rate_is_no_limit():
    assert {ask().status_code for _ in range(10)} == {200}


def test_600_a_minute_unless_said_otherwise():
    with override_settings(THROTTLE_RATES={}):
        assert CallerThrottle.limit() == (600, 60)
    with override_settings(THROTTLE_RATES={"caller": "ten per minute"}), pytest.raises(ValueError, match="a rate is"):
        CallerThrottle.limit()


def test_who_is_counted():
    request = RequestFactory(REMOTE_ADDR="10.0.0.1").get("/")
    request.actor = Actor(ActorKind.API_KEY, UUID(int=7), "cck_1")
    assert CallerThrottle().caller(request, None) == f"api_key:{UUID(int=7)}"
    request.actor, request.user = None, SimpleNamespace(pk=5, is_authenticated=True)
    assert CallerThrottle().caller(request, None) == "user:5"
    request.user = SimpleNamespace(pk=None, is_authenticated=False)
    assert CallerThrottle().caller(request, None) == "address:10.0.0.1"
