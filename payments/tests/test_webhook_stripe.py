"""Stripe's webhook: what is signed is stored once before it is answered, whatever else is down."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.utils import timezone

from billing_portal.notices import waking
from billing_portal.tests.stripe_world import WEBHOOK_PATH, StripeWorld
from payments.inbox import handling, registry, store
from payments.models import ObjectLease, ProviderEvent
from payments.providers.facts import Topic
from payments.tests.webhook_posts import event_body, post, signed
from payments.webhooks.views import ProviderWebhook

pytestmark = pytest.mark.django_db


BODY = event_body()


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[registry.HandledEvent]:
    """Events about payments are only collected."""
    found: list[registry.HandledEvent] = []
    monkeypatch.setitem(registry._handlers, Topic.PAYMENT, found.append)
    return found


def test_an_event_is_stored_as_it_came_before_it_is_answered(stripe: StripeWorld) -> None:
    before = timezone.now()
    body = event_body()
    answer = post(body, signed(body))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    row = ProviderEvent.objects.get()
    assert (row.provider, row.event_id, row.kind, row.topic) == (
        "stripe",
        "evt_1",
        "payment_intent.succeeded",
        "payment",
    )
    assert (row.object_ref, row.status, row.note, row.livemode) == ("pi_1", "received", "", False)
    assert row.occurred_at == datetime.fromtimestamp(1_790_000_000, UTC)
    assert before <= row.received_at == row.available_at <= timezone.now()
    about = row.payload["data"]["object"]
    assert about["note"] == "ü 😀"
    assert about["client_secret"] == "***", "whoever holds it may confirm the payment"


def test_a_receipt_is_one_statement(stripe: StripeWorld, django_assert_num_queries: Any) -> None:
    body = event_body()
    with django_assert_num_queries(1):
        assert post(body, signed(body)).status_code == 200
    with django_assert_num_queries(1):
        assert post(body, signed(body)).status_code == 200


def test_stripes_are_taken_in_any_burst_since_nobody_is_asked_about_them(stripe: StripeWorld, settings: Any) -> None:
    settings.THROTTLE_RATES = {"webhook": "1/day"}
    body = event_body()
    assert {post(body, signed(body)).status_code for _ in range(3)} == {200}


def test_a_copy_changes_nothing_and_wakes_nobody(stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr("payments.webhooks.views.wake", woken.append)
    body = event_body()
    post(body, signed(body))
    ProviderEvent.objects.update(status="handled", note="done")
    for _ in range(3):
        assert post(body, signed(body)).status_code == 200
    assert ProviderEvent.objects.values_list("status", "note").get() == ("handled", "done")
    assert woken == [handling.TASK]


# --- What is signed and goes no further -------------------------------------------------------------------------------


def test_an_event_of_the_other_mode_is_kept_and_ignored(stripe: StripeWorld, handled: list[Any]) -> None:
    body = event_body(livemode=True)
    assert post(body, signed(body)).status_code == 200, "anything else would be sent again for days"
    row = ProviderEvent.objects.get()
    assert (row.status, row.livemode) == ("ignored", True)
    assert "other mode" in row.note
    assert not store.take_up_again(event_id=row.id, now=timezone.now())
    handling.handle_due(timezone.now())
    assert handled == []


def test_an_event_of_a_kind_that_nobody_knows_is_kept_and_says_so(stripe: StripeWorld) -> None:
    body = event_body("payout.paid")
    assert post(body, signed(body)).status_code == 200
    row = ProviderEvent.objects.get()
    assert (row.status, row.topic) == ("unhandled", None)
    assert row.note == "Nobody here handles events of this kind."


@pytest.mark.parametrize("kind", ["invoice.payment_succeeded"])
def test_an_event_that_others_will_handle_waits_for_them(
    stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    about = {"object": {"id": "in_1", "object": kind.rpartition(".")[0]}}
    body = event_body(kind, data=about)
    for topic in registry.KEPT_FOR_LATER:
        monkeypatch.delitem(registry._handlers, topic, raising=False)
    assert post(body, signed(body)).status_code == 200
    row = ProviderEvent.objects.get()
    assert (row.status, row.settled_at) == ("waiting", None)
    assert not store.take_up_again(event_id=row.id, now=timezone.now())

    found: list[Any] = []
    for topic in registry.KEPT_FOR_LATER:
        monkeypatch.setitem(registry._handlers, topic, found.append)
    assert store.take_up_again(event_id=row.id, now=timezone.now())
    assert handling.handle_due(timezone.now()).done == 1
    assert [each.object_ref for each in found] == ["in_1"]


def test_what_postgresql_has_no_character_for_does_not_keep_an_event_out(stripe: StripeWorld) -> None:
    odd = {"id": "pi_1", "object": "payment_intent", "a": "nul\0", "b": "half \ud83d of one", "client_secret": 'x"\\"y'}
    body = event_body(data={"object": odd})
    assert post(body, signed(body)).status_code == 200
    about = ProviderEvent.objects.get().payload["data"]["object"]
    assert (about["a"], about["b"], about["client_secret"]) == ("nul�", "half ? of one", "***")


def test_an_event_that_fits_no_column_is_refused_and_not_a_breakdown(stripe: StripeWorld) -> None:
    body = event_body(id="evt_" + "x" * 300)
    answer = post(body, signed(body))
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


# --- When something is down -------------------------------------------------------------------------------------------


def test_while_the_provider_is_off_there_is_nothing_at_its_address(db: None) -> None:
    answer = post(BODY, signed(BODY))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_it_takes_nothing_but_posts(stripe: StripeWorld) -> None:
    answer = Client().get(WEBHOOK_PATH)
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    assert (answer["Content-Type"], answer.json()["code"]) == ("application/problem+json", "method_not_allowed")


def test_when_it_can_not_be_stored_it_is_to_be_sent_again(stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> bool:
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(store, "receive", away)
    answer = post(BODY, signed(BODY))
    assert answer.status_code == 503
    assert answer["Retry-After"]


@pytest.mark.django_db(transaction=True)
def test_it_is_committed_when_it_is_answered(stripe: StripeWorld) -> None:
    """Seen by another connection while the view has only just returned."""
    request = RequestFactory().post(
        WEBHOOK_PATH, BODY, content_type="application/json", HTTP_STRIPE_SIGNATURE=signed(BODY)
    )
    assert ProviderWebhook.as_view(provider="stripe")(request).status_code == 200
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT event_id FROM payments_providerevent")
        assert cursor.fetchall() == [("evt_1",)]
    other.close()


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_costs_no_event_the_sweep_handles_it(
    stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch, handled: list[registry.HandledEvent]
) -> None:
    waking._producers.cache_clear()
    monkeypatch.setattr(waking, "_resting_until", 0.0)
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    assert post(BODY, signed(BODY)).status_code == 200
    assert waking._resting_until > 0, "the broker was tried"
    waking._producers.cache_clear()
    assert handled == []
    assert handling.handle_due(timezone.now() + timedelta(seconds=15)).done == 1
    assert [each.event_id for each in handled] == ["evt_1"]
    assert not ObjectLease.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_worker_is_sent_for_after_the_commit(
    stripe: StripeWorld, live_broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waking._producers.cache_clear()
    monkeypatch.setattr(waking, "_resting_until", 0.0)
    monkeypatch.setattr(current_app.conf, "broker_write_url", live_broker)
    assert post(BODY, signed(BODY)).status_code == 200
    with current_app.connection_for_write() as broker:
        message = json.loads(broker.default_channel.client.lindex("celery", 0))
    assert message["headers"]["task"] == handling.TASK
    waking._producers.cache_clear()
