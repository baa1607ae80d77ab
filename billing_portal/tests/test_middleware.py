"""What wraps every request: ids, headers, the optional slash."""

import re

import pytest
from django.test import Client
from django.urls import reverse

UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


def test_an_answer_carries_the_callers_request_id(client):
    assert client.get("/healthz", headers={"X-Request-Id": "order-2026-11.7"})["X-Request-Id"] == "order-2026-11.7"


@pytest.mark.parametrize(
    "offered", ["", "short", "x" * 65, "with space in it", "ünïcode-1234", 'quote"quote"', "-leading-dash"]
)
def test_a_request_id_that_is_not_well_formed_is_replaced(client, offered):
    answered = client.get("/healthz", headers={"X-Request-Id": offered})["X-Request-Id"]
    assert UUID.fullmatch(answered)


def test_two_requests_have_two_ids(client):
    assert client.get("/healthz")["X-Request-Id"] != client.get("/healthz")["X-Request-Id"]


def test_every_request_leaves_a_line_with_its_id(client, caplog):
    with caplog.at_level("INFO", logger="billing_portal.requests"):
        client.get("/api/nowhere?token=canary", headers={"X-Request-Id": "request-0001"})
    [record] = [record for record in caplog.records if record.name == "billing_portal.requests"]
    assert record.getMessage() == "GET /api/nowhere 404"
    assert record.status == 404


def test_one_trailing_slash_is_accepted(client):
    assert client.get("/healthz/").json() == {"status": "ok"}
    assert client.get("/healthz//").status_code == 404


def test_the_policy_is_strict_but_for_the_admin(client, db):
    strict = client.get("/healthz")["Content-Security-Policy"]
    assert "default-src 'self'" in strict
    assert "unsafe" not in strict
    assert "data:" not in strict
    admin = client.get(reverse("admin:login"))["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in admin
    assert "style-src 'self' 'unsafe-inline'" in admin
    assert "default-src 'self'" in admin
    assert "data:" not in admin
    docs = client.get("/api/docs")["Content-Security-Policy"]
    assert "img-src 'self' data:" in docs
    assert "unsafe-eval" not in docs


@pytest.mark.django_db
def test_a_cookie_with_a_nul_is_of_nobody():
    visitor = Client(HTTP_COOKIE='sessionid="\\000aaaaaaaaaaaa"')
    assert visitor.get("/invoices").headers["Location"].startswith("/login")
    assert visitor.get("/api/invoices").status_code == 401


def test_answers_carry_the_security_headers(client):
    answer = client.get("/healthz")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("redirecting", [False, True], ids=["plain", "redirecting to TLS"])
@pytest.mark.parametrize("path", ["/login", "/api/payments"])
def test_a_foreign_host_is_refused_with_the_same_headers(client, settings, path, redirecting):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["billing.example.com"], redirecting
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    if path.startswith("/api/"):
        assert answer["Content-Type"] == "application/problem+json"
        assert (answer.json()["code"], "page" in answer.json()["detail"]) == ("unknown_host", False)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/payments", "/api/auth/me", "/api/nowhere", "/api/payments/"])
def test_what_the_api_answers_is_not_kept(client, path):
    assert client.get(path)["Cache-Control"] == "no-store"


def test_the_description_may_be_kept(client):
    for path in ("/api/schema", "/api/docs"):
        assert "Cache-Control" not in client.get(path)


def test_a_method_that_the_description_does_not_take_is_a_problem_document(client):
    for path in ("/api/schema", "/api/docs"):
        for method in ("OPTIONS", "PUT", "POST"):
            answer = client.generic(method, path)
            assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
            assert (answer["Content-Type"], answer.json()["status"]) == ("application/problem+json", 405)
        assert client.head(path).status_code == 200
