"""Pages and cursors show every row once, also while rows are added; what is no page is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client, override_settings
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.models import IdempotencyRecord
from billing_portal.kit.pagination import CursorPages, PortalPagination

START = datetime(2026, 10, 1, tzinfo=UTC)


class ByPage(APIView):
    authentication_classes = []
    permission_classes = []

    def get(self, request):
        pages = PortalPagination()
        rows = pages.paginate_queryset(IdempotencyRecord.objects.order_by("-created_at", "-id"), request, view=self)
        return pages.get_paginated_response([row.key for row in rows])


class ByCursor(APIView):
    authentication_classes = []
    permission_classes = []
    cursor_ordering = ("-created_at", "-id")

    def get(self, request):
        pages = CursorPages()
        rows = pages.paginate_queryset(IdempotencyRecord.objects.all(), request, view=self)
        return Response(pages.get_paginated_response([row.key for row in rows]).data)


class ByCursorUpwards(ByCursor):
    cursor_ordering = ("created_at", "id")


urlpatterns = [
    path("api/pages", ByPage.as_view()),
    path("api/cursor", ByCursor.as_view()),
    path("api/upwards", ByCursorUpwards.as_view()),
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def portal():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["billing_portal.middleware.RequestContext"]):
        yield


def add(count: int, *, first: int = 0, same_time: bool = False) -> None:
    for n in range(first, first + count):
        at = START if same_time else START + timedelta(minutes=n // 3)  # three at a time have the same instant
        IdempotencyRecord.objects.create(scope="s", key=f"{n:03d}", fingerprint="", created_at=at)


def get(url: str) -> dict:
    response = Client().get(url)
    assert response.status_code == 200, response.content
    return json.loads(response.content)


def refused(url: str) -> dict:
    response = Client(raise_request_exception=False).get(url)
    assert response["Content-Type"] == "application/problem+json"
    return json.loads(response.content)


def test_pages_count_and_link_to_each_other():
    add(60)
    first = get("/api/pages")
    assert (first["count"], len(first["results"]), first["previous"]) == (60, 25, None)
    assert first["next"] == "http://testserver/api/pages?page=2"
    last = get("/api/pages?page=3&pageSize=25")
    assert (len(last["results"]), last["next"]) == (10, None)
    assert get(last["previous"])["results"][0] not in last["results"]
    assert len(get("/api/pages?pageSize=100")["results"]) == 60


def test_nothing_is_one_empty_page():
    assert get("/api/pages") == {"count": 0, "next": None, "previous": None, "results": []}
    assert get("/api/cursor") == {"next": None, "previous": None, "results": []}


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "", "\u0661", "last", "1e1", " 1", "9" * 40])
def test_what_is_no_page_is_refused_by_name(page):
    found = refused(f"/api/pages?page={page}")
    assert (found["status"], found["errors"][0]["field"]) == (400, "page")


@pytest.mark.parametrize("size", ["0", "101", "x", "-5", "", "9" * 40])
@pytest.mark.parametrize("url", ["/api/pages", "/api/cursor"])
def test_a_page_is_1_to_100_long(url, size):
    found = refused(f"{url}?pageSize={size}")
    assert (found["status"], found["errors"][0]["field"]) == (400, "pageSize")


def test_a_page_past_the_end_is_not_found():
    add(3)
    found = refused("/api/pages?page=2")
    assert (found["status"], found["detail"]) == (404, "There is no page 2; the last one is 1.")


@pytest.mark.parametrize("url", ["/api/cursor", "/api/upwards"])
@pytest.mark.parametrize("same_time", [False, True])
@pytest.mark.parametrize("count", [1, 7, 8, 21])
def test_cursors_lead_there_and_back_over_every_row_once(url, same_time, count):
    add(count, same_time=same_time)
    ordering = {"/api/cursor": ("-created_at", "-id"), "/api/upwards": ("created_at", "id")}[url]
    expected = list(IdempotencyRecord.objects.order_by(*ordering).values_list("key", flat=True))
    pages = [get(f"{url}?pageSize=7")]
    while pages[-1]["next"]:
        pages.append(get(pages[-1]["next"]))
    assert [key for page in pages for key in page["results"]] == expected
    assert pages[0]["previous"] is None
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(get(back[-1]["previous"]))
    assert [page["results"] for page in reversed(back)] == [page["results"] for page in pages]


def test_rows_that_are_added_do_not_shift_a_cursor():
    add(20)
    first = get("/api/cursor?pageSize=10")
    add(5, first=100)  # newer than all: they belong on a page before
    second = get(first["next"])
    assert not set(first["results"]) & set(second["results"])
    assert len(second["results"]) == 10
    assert get(second["previous"])["results"] == first["results"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "W10", "WyJuIl0", "WyJuIiwiYSIsImIiXQ", "bnVsbA", "WyJuIiwxLDJd", "=" * 9, "W1tb" * 20000]
)
def test_what_is_no_cursor_is_refused_by_name(cursor):
    add(1)
    found = refused(f"/api/cursor?cursor={cursor}")
    assert (found["status"], found["errors"][0]["field"]) == (400, "cursor")
