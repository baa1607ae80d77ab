"""Waking a worker costs a request next to nothing when the broker is dead, and never fails it."""

import socket
import time
from collections.abc import Iterator

import pytest
from celery import current_app
from django.db import transaction

from billing_portal.notices import outbox, waking


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No breaker open from another test, no connections to another test's broker."""

    def forget():
        waking._producers.cache_clear()
        waking._resting_until = 0.0

    forget()
    yield
    forget()


def seconds(action) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


@pytest.mark.parametrize("address", ["redis+socket:///tmp/nobody-listens-here.sock", "redis://127.0.0.1:1/0"])
def test_a_dead_broker_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch, address: str):
    monkeypatch.setattr(current_app.conf, "broker_write_url", address)
    assert seconds(waking._send) < 1
    assert waking._resting_until > time.monotonic()


def test_a_broker_that_hangs_is_given_up_within_a_second_and_then_left_alone(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        assert seconds(waking._send) < 1.2
        assert seconds(waking._send) < 0.05


def test_a_living_broker_gets_the_message_after_commit_and_not_before(
    live_broker: str, monkeypatch: pytest.MonkeyPatch, transactional_db: None
):
    monkeypatch.setattr(current_app.conf, "broker_write_url", live_broker)

    def waiting() -> int:
        with current_app.connection_for_write() as connection:
            return connection.default_channel.client.llen("celery")

    with transaction.atomic():
        outbox.wake()
        assert waiting() == 0
    assert waiting() == 1
    assert waking._resting_until == 0


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_wakes_nobody(monkeypatch: pytest.MonkeyPatch):
    sent = []
    monkeypatch.setattr(waking, "_send", lambda *_: sent.append(1))
    with transaction.atomic():
        outbox.wake()
        transaction.set_rollback(True)
    assert sent == []
