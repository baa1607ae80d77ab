"""Whatever goes wrong under /api/ is a problem document, with a sentence, a code and the request's id."""

from __future__ import annotations

import json
import logging

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError, IntegrityError, OperationalError, connection
from django.http import Http404
from django.test import Client, override_settings
from django.urls import path
from rest_framework import exceptions as drf
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit import errors, fields, problems
from billing_portal.kit.serializers import StrictSerializer
from billing_portal.kit.testing_tables import BAD_AMOUNTS, BAD_QUANTITIES, assert_refused, raw_body

ERRORS = {
    "400": (errors.BadInput("Say how much.", field="paymentMethod.type"), 400, "invalid"),
    "401": (errors.NotAuthenticated(), 401, "not_authenticated"),
    "402": (errors.PaymentFailed(code="card_declined", payment_id="p-1", client_secret=None), 402, "card_declined"),
    "403": (errors.Forbidden(), 403, "forbidden"),
    "404": (errors.NotFound(), 404, "not_found"),
    "409": (errors.Conflict(code="already_paid"), 409, "already_paid"),
    "410": (errors.Gone(), 410, "gone"),
    "422": (errors.IdempotencyMismatch(), 422, "idempotency_key_reused"),
    "429": (errors.TooManyRequests(), 429, "too_many_requests"),
    "503": (errors.Unavailable(), 503, "unavailable"),
    "Http404": (Http404("No Payment matches the given query."), 404, "not_found"),
    "PermissionDenied": (PermissionDenied("secret reason"), 403, "forbidden"),
    "SuspiciousOperation": (SuspiciousOperation("hm"), 400, "invalid"),
    "model validation": (ModelValidationError({"amount": "Too much."}), 400, "invalid"),
    "model validation, plain": (ModelValidationError("Too much."), 400, "invalid"),
    "drf 400": (drf.ValidationError({"amount": ["Too much."]}), 400, "invalid"),
    "drf parse": (drf.ParseError("JSON parse error - Expecting value"), 400, "malformed"),
    "drf 401": (drf.NotAuthenticated(), 401, "not_authenticated"),
    "drf 401, failed": (drf.AuthenticationFailed("No such user"), 401, "not_authenticated"),
    "drf 403": (drf.PermissionDenied(), 403, "forbidden"),
    "drf 404": (drf.NotFound("Payment 7"), 404, "not_found"),
    "drf 406": (drf.NotAcceptable(), 406, "not_acceptable"),
    "drf 429": (drf.Throttled(wait=12.3), 429, "too_many_requests"),
    "too large a value": (DataError("value too long for type character varying(5)"), 400, "invalid"),
    "no database": (OperationalError("connection refused"), 503, "unavailable"),
    "a race nobody foresaw": (IntegrityError("duplicate key"), 500, "internal_error"),
    "a bug": (ZeroDivisionError("division by zero"), 500, "internal_error"),
}


class Raise(APIView):
    authentication_classes = []
    permission_classes = []

    def get(self, request, name):
        raise ERRORS[name][0]


class UsageIn(StrictSerializer):
    amount = fields.MinorAmount(required=False)
    quantity = fields.Quantity(required=False)


class Take(APIView):
    authentication_classes = []
    permission_classes = []

    def post(self, request):
        return Response({"amount": UsageIn.parse(request).amount})


class NeedsLogin(APIView):
    authentication_classes = [SessionAuthentication]

    def post(self, request):
        return Response({})


class Store(APIView):
    authentication_classes = []
    permission_classes = []

    def get(self, request):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT %s::varchar, %s::bigint", [request.query_params["text"], request.query_params["number"]]
            )
        return Response({})


def page(request):
    raise ZeroDivisionError


urlpatterns = [
    path("api/raise/<name>", Raise.as_view()),
    path("api/take", Take.as_view()),
    path("api/login-first", NeedsLogin.as_view()),
    path("api/store", Store.as_view()),
    path("api/page", page),
    path("page", page),
]
handler400, handler403, handler404, handler500 = (
    problems.handler400, problems.handler403, problems.handler404, problems.handler500,
)  # fmt: skip


@pytest.fixture(autouse=True)
def portal():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["billing_portal.middleware.RequestContext"]):
        yield


@pytest.fixture
def api():
    return Client(raise_request_exception=False)


def problem(response) -> dict:
    assert response["Content-Type"] == "application/problem+json"
    found = json.loads(response.content)
    assert {"type", "title", "status", "detail", "code", "requestId"} <= set(found)
    assert found["status"] == response.status_code
    assert found["requestId"] == response["X-Request-Id"]
    assert found["type"] == f"urn:problem:{found['code']}"
    sentences = [found["title"] + ".", found["detail"], *(error["message"] for error in found.get("errors", []))]
    for sentence in sentences:
        assert sentence.endswith("."), sentence
        assert not any(word in sentence.lower() for word in ("oops", "please", "invalid", "!")), sentence
    return found


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_a_problem_document(api, name):
    _, status, code = ERRORS[name]
    response = api.get(f"/api/raise/{name}")
    found = problem(response)
    assert (response.status_code, found["code"]) == (status, code)
    assert (
        "Payment" not in found["detail"] and "secret" not in found["detail"] and "value too long" not in found["detail"]
    )
    assert response.has_header("Retry-After") == (status in (429, 503))
    assert response.has_header("WWW-Authenticate") == (status == 401)


def test_fields_and_more_members_are_in_camel_case(api):
    assert problem(api.get("/api/raise/400"))["errors"] == [
        {"field": "paymentMethod.type", "code": "invalid", "message": "Say how much."}
    ]
    found = problem(api.get("/api/raise/402"))
    assert found["paymentId"] == "p-1"
    assert "clientSecret" not in found


def test_an_error_of_the_whole_body_names_no_field(api):
    errors = problem(api.get("/api/raise/model validation, plain"))["errors"]
    assert errors == [{"code": "invalid", "message": "Too much."}]
    [error] = problem(api.post("/api/take", "[]", content_type="application/json"))["errors"]
    assert set(error) == {"code", "message"}


def test_how_long_to_wait_is_rounded_up(api):
    assert api.get("/api/raise/drf 429")["Retry-After"] == "13"
    assert api.get("/api/raise/503")["Retry-After"] == "30"


def test_what_is_our_fault_is_logged_and_raised_to_the_tests_client(api, caplog):
    with caplog.at_level(logging.ERROR, "billing_portal.kit.problems"):
        api.get("/api/raise/a bug")
    assert any(record.exc_info or record.exc_text for record in caplog.records)
    with pytest.raises(ZeroDivisionError):
        Client().get("/api/raise/a bug")


def test_what_fits_no_handler_of_ours_names_no_money(api):
    for name in ("a bug", "no database"):
        assert "charged" not in problem(api.get(f"/api/raise/{name}"))["detail"]


def test_an_address_that_is_not_there(api):
    assert problem(api.get("/api/nowhere"))["code"] == "not_found"
    assert api.get("/nowhere")["Content-Type"].startswith("text/html")


def test_the_body_of_a_missing_object_and_of_a_missing_address_are_the_same(api):
    bodies = [
        problem(api.get(url)) for url in ("/api/raise/404", "/api/raise/Http404", "/api/raise/drf 404", "/api/nowhere")
    ]
    for body in bodies:
        body.pop("requestId")
    assert all(body == bodies[0] for body in bodies)


def test_a_view_that_breaks_outside_of_the_api_layer(api):
    assert problem(api.get("/api/page"))["code"] == "internal_error"
    response = api.get("/page")
    assert (response.status_code, response["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert response["X-Request-Id"] in response.content.decode()


def test_a_method_that_is_not_taken(api):
    response = api.delete("/api/take")
    assert problem(response)["code"] == "method_not_allowed"
    assert response["Allow"] == "POST, OPTIONS"


def test_a_format_that_is_not_spoken(api):
    assert (
        problem(api.post("/api/take", "{}", content_type="application/json", headers={"Accept": "text/csv"}))["status"]
        == 406
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
    ],
)
def test_a_body_of_another_kind(api, content_type):
    assert problem(api.post("/api/take", "amount=1", content_type=content_type))["code"] == "unsupported_media_type"


def test_a_body_that_is_too_large(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = api.post("/api/take", '{"x": "' + "y" * 200 + '"}', content_type="application/json")
    assert (response.status_code, problem(response)["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "raw", [b"NaN", b'{"amount": NaN}', b"{", b"\xff", b"[" * 100_000, b'{"amount": 1, "amount": 2}']
)
def test_a_body_that_is_no_json(api, raw):
    response = api.post("/api/take", raw, content_type="application/json")
    assert (response.status_code, problem(response)["code"]) == (400, "malformed")


@pytest.mark.parametrize("bad", BAD_AMOUNTS, ids=lambda raw: str(raw)[:40])
def test_bad_amounts_are_named(api, bad):
    assert_refused(api.post("/api/take", raw_body({}, "amount", bad), content_type="application/json"), "amount", bad)


@pytest.mark.parametrize("bad", BAD_QUANTITIES, ids=lambda raw: str(raw)[:40])
def test_bad_quantities_are_named(api, bad):
    assert_refused(
        api.post("/api/take", raw_body({}, "quantity", bad), content_type="application/json"), "quantity", bad
    )


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["text=%00&number=1", "text=a&number=9223372036854775808", "text=a&number=x"])
def test_a_value_that_the_database_refuses_is_the_callers(api, query):
    assert problem(api.get(f"/api/store?{query}"))["status"] == 400


@pytest.mark.django_db
def test_a_missing_csrf_token_says_what_to_do(django_user_model):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    user = django_user_model.objects.create(email="ada@example.com")
    with override_settings(
        AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"],
        MIDDLEWARE=[
            "billing_portal.middleware.RequestContext",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
    ):
        assert problem(client.post("/api/login-first", "{}", content_type="application/json"))["status"] == 401
        client.force_login(user)
        response = client.post("/api/login-first", "{}", content_type="application/json")
    assert (response.status_code, problem(response)["code"]) == (403, "csrf_failed")


def test_an_error_page_that_cannot_be_drawn_is_drawn_without_help(api, monkeypatch):
    def broken(names):
        raise ZeroDivisionError

    monkeypatch.setattr(problems, "select_template", broken)
    response = api.get("/page")
    assert response.status_code == 500
    assert b"Something broke on our side" in response.content
