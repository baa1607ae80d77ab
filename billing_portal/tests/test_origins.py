"""Pages of other origins: those on the list may call the API, without cookies; others may not."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from billing_portal.settings import env
from billing_portal.tenants.tests.people import a_key, a_tenant, bearer

APP = "https://app.example.com"
HEADER = "Access-Control-Allow-Origin"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, idempotency-key"}


@pytest.fixture
def listed(settings):
    settings.CORS_ALLOWED_ORIGINS = [APP]


def preflight(client, origin, path="/api/payments"):
    return client.options(path, headers={"Origin": origin, **ASKS})


def test_a_browser_asks_first_and_hears_what_it_may(client, listed):
    answer = preflight(client, APP)
    assert (answer.status_code, answer[HEADER]) == (200, APP)
    allowed = answer["Access-Control-Allow-Headers"].split(", ")
    assert {"authorization", "content-type", "idempotency-key", "x-tenant"} <= set(allowed)
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(answer["Access-Control-Allow-Methods"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer
    assert "Origin" in answer["Vary"].title()


def test_an_answer_can_be_read_by_the_page_and_errors_too(listed, db):
    for client, status in ((bearer(a_key(a_tenant())), 200), (bearer("wrong"), 401)):
        answer = client.get("/api/payments", headers={"Origin": APP})
        assert (answer.status_code, answer[HEADER]) == (status, APP)
        exposed = set(answer["Access-Control-Expose-Headers"].split(", "))
        assert exposed == {"Idempotent-Replayed", "Retry-After", "X-Request-Id"}
        assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example.com", f"{APP}.evil.example", "null"])
def test_an_origin_that_is_not_listed_is_not_let_in(client, listed, db, origin):
    for answer in (preflight(client, origin), client.get("/api/payments", headers={"Origin": origin})):
        assert HEADER not in answer
        assert "Origin" in answer["Vary"].title()


def test_only_the_api_is_open(client, listed, db):
    for path in ("/login", "/healthz", "/admin/login/"):
        assert HEADER not in client.get(path, headers={"Origin": APP})
        assert HEADER not in preflight(client, APP, path)


def test_nobody_is_listed_by_default(client, settings):
    assert settings.CORS_ALLOWED_ORIGINS == []
    assert HEADER not in preflight(client, APP)


def test_the_list_takes_whole_origins_only(monkeypatch):
    monkeypatch.setenv("ORIGINS", "https://App.example.com, http://localhost:5173,http://[::1]:3000")
    assert env.origins("ORIGINS") == ["https://app.example.com", "http://localhost:5173", "http://[::1]:3000"]
    for wrong in ("*", "null", "app.example.com", "https://*.example.com", f"{APP}/", f"{APP}/page", "ftp://a.example"):
        monkeypatch.setenv("ORIGINS", wrong)
        with pytest.raises(ImproperlyConfigured, match="whole and without a path"):
            env.origins("ORIGINS")
