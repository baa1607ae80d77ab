"""What wraps every request: ids, headers, the optional slash."""

import re

import pytest
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
    admin = client.get(reverse("admin:login"))["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in admin
    assert "style-src 'self' 'unsafe-inline'" in admin
    assert "default-src 'self'" in admin


def test_answers_carry_the_security_headers(client):
    answer = client.get("/healthz")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
