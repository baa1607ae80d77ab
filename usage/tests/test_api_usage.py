"""Usage over HTTP: taken once, refused with the field named, shown as it was sent."""

import json
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing_portal.kit.testing_tables import BAD_QUANTITIES
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.world import at
from usage.models import UsageMonth, UsageRecord, UsageRollup

pytestmark = [pytest.mark.django_db]

PATH = "/api/subscription/usage"
BODY = {"recordType": "call_minutes", "quantity": 120, "description": "Conference call usage"}


@pytest.fixture(autouse=True)
def october() -> Any:
    with time_machine.travel(at("2026-10-20 14:00"), tick=False):
        yield


@pytest.fixture
def acme() -> Tenant:
    return world.subscribed()


@pytest.fixture
def server(acme: Tenant) -> Client:
    _, secret = create_api_key(
        tenant=acme, name="calls", scopes=["usage:write", "billing:read"], actor=world.SYSTEM, now=world.START
    )
    return Client(headers={"Authorization": f"Bearer {secret}"})


def post(client: Client, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, str) else json.dumps(body)
    return client.post(PATH, raw, content_type="application/json", headers=headers)


def test_the_guides_body_is_taken_as_it_stands(server: Client) -> None:
    answer = post(server, BODY)
    assert answer.status_code == 201
    record = UsageRecord.objects.get()
    assert answer.json() == {
        "id": str(record.event_key),
        "eventId": None,
        "recordType": "call_minutes",
        "quantity": "120",
        "billableQuantity": "120",
        "unit": "minute",
        "description": "Conference call usage",
        "occurredAt": "2026-10-20T14:00:00Z",
        "recordedAt": "2026-10-20T14:00:00Z",
        "dimensions": {
            "direction": "outbound",
            "tollFree": False,
            "country": None,
            "agentId": None,
            "queue": None,
            "campaign": None,
        },
        "invoiceId": None,
        "voidedAt": None,
    }
    assert record.quantity == 7_200_000


@pytest.mark.parametrize("quantity", BAD_QUANTITIES)
def test_a_bad_quantity_is_named_and_nothing_is_stored(server: Client, quantity: str) -> None:
    answer = post(server, json.dumps(BODY).replace("120", quantity, 1))
    assert answer.status_code == 400
    if answer.json()["code"] != "malformed":
        assert [error["field"] for error in answer.json()["errors"]] == ["quantity"]
    assert not UsageRecord.objects.exists()
    assert not UsageRollup.objects.exists()


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"recordType": "overage_charges"}, "recordType", "computed_record_type"),
        ({"recordType": "faxes"}, "recordType", "unknown_record_type"),
        ({"occurredAt": "2026-10-20T14:05:01Z"}, "occurredAt", "in_the_future"),
        ({"occurredAt": "2025-08-31T23:59:59Z"}, "occurredAt", "too_old"),
        ({"occurredAt": "2026-10-20T14:00:00"}, "occurredAt", "not_an_instant"),
        ({"durationSeconds": 5}, "durationSeconds", "given_twice"),
        ({"direction": "sideways"}, "direction", "unknown_choice"),
        ({"tollFree": 1}, "tollFree", "not_a_flag"),
        ({"eventId": ""}, "eventId", "blank"),
        ({"eventId": "x" * 256}, "eventId", "max_length"),
        ({"invoiceId": "x"}, "invoiceId", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named(server: Client, change: dict[str, Any], field: str, code: str) -> None:
    answer = post(server, {**BODY, **change})
    assert answer.status_code == 400, answer.content
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert not UsageRecord.objects.exists()


def test_five_minutes_ahead_and_thirteen_months_back_are_taken(server: Client) -> None:
    assert post(server, {**BODY, "occurredAt": "2026-10-20T14:05:00Z"}).status_code == 201
    assert post(server, {**BODY, "occurredAt": "2025-09-01T00:00:00Z"}).status_code == 201


def test_the_same_event_again_answers_what_is_stored(server: Client) -> None:
    first = post(server, {**BODY, "eventId": "call-7"})
    again = post(server, {**BODY, "eventId": "call-7", "quantity": 999})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert UsageRollup.objects.get().records == 1


def test_a_uuid_is_its_own_key_and_another_text_gets_one(server: Client) -> None:
    ours = "0199D5A0-7c1e-7a44-9d3f-2f1c5b7e8a90"
    assert post(server, {**BODY, "eventId": ours}).json()["id"] == ours.lower()
    assert post(server, {**BODY, "eventId": ours.lower()}).status_code == 200
    assert post(server, {**BODY, "eventId": "call-8"}).json()["eventId"] == "call-8"
    assert UsageRecord.objects.count() == 2


def test_texts_that_only_resemble_a_uuid_are_events_of_their_own(server: Client) -> None:
    alike = [
        "0" * 20 + "_" + "1" * 11,
        "0" * 19 + "_" + "0" + "1" * 11,
        "{" + "0" * 21 + "1" * 11 + "}",
        "0" * 21 + "1" * 11,
    ]
    assert {post(server, {**BODY, "eventId": text}).status_code for text in alike} == {201}
    assert UsageRecord.objects.count() == len(alike)


def test_the_same_event_id_of_another_tenant_is_another_event(server: Client) -> None:
    post(server, {**BODY, "eventId": "call-9"})
    other = world.subscribed()
    world.call(other, 5, at("2026-10-20 13:00"), event_id="call-9")
    assert UsageRecord.objects.count() == 2


def test_an_idempotency_key_stands_in_for_a_missing_event_id(server: Client) -> None:
    from billing_portal.kit.models import IdempotencyRecord

    first = post(server, BODY, **{"Idempotency-Key": "k"}).json()
    IdempotencyRecord.objects.all().delete()  # as if the process had died before its answer was kept
    again = post(server, BODY, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert UsageRecord.objects.count() == 1


def test_seconds_are_rounded_up_to_started_minutes(server: Client) -> None:
    body = {"recordType": "call_minutes", "durationSeconds": 61}
    answer = post(server, body).json()
    assert (answer["quantity"], answer["billableQuantity"]) == ("1.016667", "2")


def test_seconds_are_rounded_once(server: Client) -> None:
    post(server, {"recordType": "call_minutes", "durationSeconds": "60.0005"})
    record = UsageRecord.objects.get()
    assert (record.quantity, record.billable_quantity) == (60_001, 120_000)


def test_looking_at_the_summary_stores_nothing(server: Client) -> None:
    assert server.get(f"{PATH}/summary").json()["periodEnd"] == "2026-11-01T00:00:00Z"
    assert not UsageMonth.objects.exists()


def test_records_page_by_cursor_and_sum_by_day_of_the_tenants_zone(acme: Tenant, server: Client) -> None:
    for hour in range(5):
        world.call(acme, 10, at(f"2026-10-1{hour} 12:00"), now=at("2026-10-20 14:00"))
    page = server.get(f"{PATH}?pageSize=2").json()
    assert [record["occurredAt"][:10] for record in page["results"]] == ["2026-10-14", "2026-10-13"]
    following = server.get(page["next"]).json()
    assert [record["occurredAt"][:10] for record in following["results"]] == ["2026-10-12", "2026-10-11"]
    days = server.get(f"{PATH}?groupBy=day&from=2026-10-11T00:00:00Z&to=2026-10-13T00:00:00Z").json()["results"]
    assert [(day["period"], day["direction"], day["billableQuantity"]) for day in days] == [
        ("2026-10-11", "outbound", "10"),
        ("2026-10-12", "outbound", "10"),
    ]
    (month,) = server.get(f"{PATH}?groupBy=month").json()["results"]
    assert (month["period"], month["quantity"]) == ("2026-10", "50")


def test_the_summary_sets_use_against_the_plan_and_prices_what_is_beyond(acme: Tenant, server: Client) -> None:
    world.call(acme, 150, at("2026-10-10 12:00"))
    world.call(acme, 10, at("2026-10-10 13:00"), toll_free=True)
    shown = server.get(f"{PATH}/summary").json()
    (meter,) = shown["meters"]
    assert (meter["included"], meter["used"], meter["overage"], meter["overageAmount"]) == ("100", "150", "60", 78)
    assert meter["allowanceUsedPercent"] == "150"
    assert shown["overageTotal"] == 78
    assert shown["projectedTotal"] > 78
