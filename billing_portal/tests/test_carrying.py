"""The request id, the tenant and the actor of a request reach the task that it caused, over a real broker."""

import pytest
from celery import current_task, shared_task
from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun

from billing_portal import carrying
from billing_portal.celery import app
from billing_portal.kit import context
from billing_portal.logs import who_asked
from billing_portal.testing import wait_until

seen: dict[str, dict] = {}
after: list[dict] = []


@shared_task(name="tests.remember_who_asked")
def remember_who_asked():
    seen[current_task.request.id] = who_asked()


@shared_task(name="tests.ask_again")
def ask_again():
    seen[current_task.request.id] = who_asked()
    remember_who_asked.delay()


@pytest.fixture
def worker(live_broker, monkeypatch):
    """A worker in threads of this process, on a Valkey of its own."""
    monkeypatch.setitem(app.conf, "broker_url", live_broker)
    monkeypatch.setitem(app.conf, "broker_read_url", live_broker)
    monkeypatch.setitem(app.conf, "broker_write_url", live_broker)
    seen.clear()
    after.clear()
    app.amqp._producer_pool = None
    app.set_current()
    with start_worker(app, pool="threads", concurrency=1, perform_ping_check=False, loglevel="WARNING"):
        yield
    app.amqp._producer_pool = None
    app.pool.force_close_all()


def test_a_task_knows_who_asked_and_forgets_it_afterwards(worker):
    def note(**_):
        after.append(context.current())

    task_postrun.connect(note)
    with context.bind(request_id="request-0001", tenant_id="tenant-1", actor_label="owner@acme.example"):
        sent = remember_who_asked.delay()
    wait_until(lambda: sent.id in seen)
    assert seen[sent.id] == {
        "requestId": "request-0001",
        "tenant": "tenant-1",
        "actor": "owner@acme.example",
        "task": "tests.remember_who_asked",
    }
    wait_until(lambda: after)
    assert after[-1] == {}
    assert context.current() == {}

    alone = remember_who_asked.delay()  # as beat sends it: nobody asked
    wait_until(lambda: alone.id in seen)
    assert seen[alone.id] == {"requestId": alone.id, "task": "tests.remember_who_asked"}


def test_what_a_task_sends_in_its_turn_carries_the_same(worker):
    with context.bind(request_id="request-0002"):
        ask_again.delay()
    wait_until(lambda: len(seen) == 2)
    assert {who["requestId"] for who in seen.values()} == {"request-0002"}


def test_the_message_holds_ids_and_nothing_else():
    headers = {}
    with context.bind(request_id="request-0003", tenant_id=None):
        carrying.pack(headers=headers)
    assert headers == {carrying.HEADER: {"request_id": "request-0003"}}
