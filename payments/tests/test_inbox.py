"""The inbox: each object is read once for all that was told about it, by one at a time; nothing told is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from billing_portal.kit import context
from payments.inbox import handling, leases, registry, store
from payments.models import ObjectLease, ProviderEvent
from payments.providers.facts import Topic
from payments.tests.inbox_world import NOW, Recorder, told

pytestmark = pytest.mark.django_db


def statuses() -> dict[str, tuple[str, str]]:
    return {each.event_id: (each.status, each.note) for each in ProviderEvent.objects.all()}


def fail(_: Any) -> None:
    raise ConnectionError("password=hunter2 refused")


def test_a_topic_has_one_handler(handler: Recorder) -> None:
    with pytest.raises(RuntimeError, match="have a handler already"):
        registry.handles(Topic.PAYMENT)(handler)


def test_an_event_is_handled_once_with_what_it_told(handler: Recorder) -> None:
    row = told("evt_1", seconds=3)
    later = NOW + timedelta(seconds=9)
    assert handling.handle_due(later).done == 1
    assert handling.handle_due(later).done == 0
    [event] = handler.got
    assert (event.id, event.event_id, event.topic, event.object_ref) == (row.id, "evt_1", Topic.PAYMENT, "pi_1")
    assert (event.occurred_at, event.now, event.attempt) == (NOW + timedelta(seconds=3), later, 1)
    assert event.payload == {"id": "evt_1", "type": "payment_intent.succeeded"}
    row.refresh_from_db()
    assert (row.status, row.note, row.settled_at, row.attempts) == ("handled", "", later, 1)
    assert not ObjectLease.objects.exists()


def test_what_was_told_of_one_object_is_handled_by_one_read_in_the_name_of_the_newest(handler: Recorder) -> None:
    told("evt_2", seconds=2)
    told("evt_3", seconds=3, topic=Topic.REFUND)
    told("evt_1", seconds=1)  # came last, happened first
    told("evt_other", "pi_2")
    outcome = handling.handle_due(NOW)
    assert (outcome.done, outcome.more) == (4, False)
    assert sorted(event.event_id for event in handler.got) == ["evt_3", "evt_other"]
    assert statuses() == {
        "evt_1": ("handled", "with evt_3"),
        "evt_2": ("handled", "with evt_3"),
        "evt_3": ("handled", ""),
        "evt_other": ("handled", ""),
    }


def test_each_handler_of_an_object_is_called(handler: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Recorder()
    other.does = fail
    monkeypatch.setitem(registry._handlers, Topic.METHOD, other)
    told("evt_1")
    told("evt_2", topic=Topic.METHOD)
    outcome = handling.handle_due(NOW)
    assert (outcome.done, outcome.failed) == (1, 1)
    assert [event.event_id for event in handler.got + other.got] == ["evt_1", "evt_2"]


def test_what_is_not_ours_is_ignored_and_says_why(handler: Recorder) -> None:
    handler.does = lambda event: "not a payment of ours"
    told("evt_1")
    told("evt_2", seconds=1)
    assert handling.handle_due(NOW).done == 2
    assert statuses() == {
        "evt_1": ("ignored", "not a payment of ours (with evt_2)"),
        "evt_2": ("ignored", "not a payment of ours"),
    }


def test_a_handler_acts_in_the_name_of_the_provider_and_not_of_who_woke_the_worker(handler: Recorder) -> None:
    seen: list[Any] = []
    handler.does = lambda event: seen.append(context.current())
    told("evt_1")
    with context.bind(request_id="the worker's", actor_label="beat"):
        handling.handle_due(NOW)
    assert seen == [{"actor_label": "stripe"}]


@pytest.mark.django_db(transaction=True)
def test_a_handler_runs_outside_of_any_transaction_and_under_the_lease(handler: Recorder) -> None:
    seen: list[Any] = []

    def look(event: Any) -> None:
        seen.append((connection.in_atomic_block, ObjectLease.objects.values_list("object_ref", "until").get()))

    handler.does = look
    told("evt_1")
    handling.handle_due(NOW)
    assert seen == [(False, ("pi_1", NOW + leases.LEASE))]


# --- What fails -------------------------------------------------------------------------------------------------------


def test_a_failure_is_tried_again_later_each_time_and_parked_after_twelve(
    handler: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    handler.does = fail
    row = told("evt_1")
    now, waits = NOW, []
    for _ in range(handling.MAX_ATTEMPTS - 1):
        assert handling.handle_due(now).failed == 1
        row.refresh_from_db()
        waits.append((row.available_at - now).total_seconds())
        assert handling.handle_due(row.available_at - timedelta(seconds=1)).failed == 0
        now = row.available_at
    assert all(15 * 2**n * 0.75 <= wait <= 15 * 2**n * 1.25 for n, wait in enumerate(waits))
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert handling.handle_due(now).parked == 1
    assert "provider event parked" in [record.message for record in caplog.records if record.levelname == "ERROR"]

    row.refresh_from_db()
    assert (row.status, row.attempts) == ("parked", 12)
    assert row.note.startswith("ConnectionError") and "hunter2" not in row.note
    assert handling.handle_due(now + timedelta(days=365)).failed == 0
    assert not ObjectLease.objects.exists()


def test_a_poison_event_stands_in_nobodys_way_and_can_be_handled_again(handler: Recorder) -> None:
    for number in range(3):
        told(f"evt_{number}", f"pi_{number}")
    ProviderEvent.objects.filter(event_id="evt_0").update(attempts=handling.MAX_ATTEMPTS - 1)
    handler.does = lambda event: fail(event) if event.event_id == "evt_0" else None
    outcome = handling.handle_due(NOW)
    assert (outcome.done, outcome.parked) == (2, 1)

    row = ProviderEvent.objects.get(event_id="evt_0")
    handler.does = lambda event: None
    assert store.take_up_again(event_id=row.id, now=NOW)
    assert not store.take_up_again(event_id=row.id, now=NOW), "it is not set aside any more"
    assert handling.handle_due(NOW).done == 1
    assert statuses()["evt_0"] == ("handled", "")


def test_a_newer_event_that_is_handled_does_for_one_that_waits_for_its_next_try(handler: Recorder) -> None:
    handler.does = fail
    told("evt_1")
    handling.handle_due(NOW)
    handler.does = lambda event: None
    told("evt_2", seconds=1, now=NOW + timedelta(seconds=1))
    assert handling.handle_due(NOW + timedelta(seconds=1)).done == 2
    assert statuses() == {"evt_1": ("handled", "with evt_2"), "evt_2": ("handled", "")}


def test_a_failure_uses_up_no_try_of_those_that_were_not_due(handler: Recorder) -> None:
    """Else a burst about one object would park what came first within seconds."""
    handler.does = fail
    told("evt_1")
    for number in range(2, 20):
        now = NOW + timedelta(seconds=number / 10)
        told(f"evt_{number}", now=now, seconds=number)
        handling.handle_due(now)
    assert set(ProviderEvent.objects.values_list("status", flat=True)) == {"received"}
    assert max(ProviderEvent.objects.values_list("attempts", flat=True)) == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_that_kills_its_workers_is_parked_too(handler: Recorder) -> None:
    class Killed(BaseException):
        pass

    def die(_: Any) -> None:
        raise Killed

    handler.does = die
    told("evt_1")
    for _ in range(handling.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            handling.handle_due(NOW)
    assert handling.handle_due(NOW).parked == 1
    assert len(handler.got) == handling.MAX_ATTEMPTS
    assert statuses()["evt_1"] == ("parked", "Whoever handled this was killed each time.")


def test_a_run_ends_at_its_limit_and_says_that_there_is_more(handler: Recorder) -> None:
    for number in range(3):
        told(f"evt_{number}", f"pi_{number}")
    assert handling.handle_due(NOW, limit=2).more
    assert not handling.handle_due(NOW, limit=2).more
    assert len(handler.got) == 3
