"""The outbox delivers what a committed change wrote, at least once, in the name of who caused it."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction

from billing_portal.embedded import postgres
from billing_portal.kit import context
from billing_portal.notices import outbox
from billing_portal.notices.models import OutboxMessage
from billing_portal.notices.tests.conftest import TOPIC, Recorder
from billing_portal.tenants.tests.people import a_tenant
from billing_portal.testing import at_once

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


def put(dedupe_key: str | None = None, **payload: object):
    with transaction.atomic():
        outbox.write(topic=TOPIC, payload=payload, tenant=None, now=NOW, dedupe_key=dedupe_key)


@pytest.mark.django_db
def test_what_was_written_is_handled_once(handler: Recorder):
    put(n=1)
    assert outbox.deliver_due(NOW).done == 1
    assert outbox.deliver_due(NOW).done == 0
    assert [message.payload for message in handler.got] == [{"n": 1}]
    assert OutboxMessage.objects.get().done_at == NOW


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_outside_of_a_transaction(handler: Recorder):
    with pytest.raises(RuntimeError, match="inside the transaction"):
        outbox.write(topic=TOPIC, payload={}, tenant=None, now=NOW)
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_leaves_no_message(handler: Recorder):
    with transaction.atomic():
        outbox.write(topic=TOPIC, payload={}, tenant=None, now=NOW)
        transaction.set_rollback(True)
    assert outbox.deliver_due(NOW).done == 0


@pytest.mark.django_db
def test_a_topic_that_nobody_handles_is_refused_when_it_is_written():
    with pytest.raises(LookupError, match=r"no\.such\.topic"):
        outbox.write(topic="no.such.topic", payload={}, tenant=None, now=NOW)


def test_a_topic_has_one_handler(handler: Recorder):
    with pytest.raises(RuntimeError, match="has a handler already"):
        outbox.handles(TOPIC)(handler)


@pytest.mark.django_db
def test_the_same_dedupe_key_is_one_message(handler: Recorder):
    put("invoice:1", n=1)
    put("invoice:1", n=2)
    put("invoice:2", n=3)
    outbox.deliver_due(NOW)
    put("invoice:1", n=4)  # after delivery too
    outbox.deliver_due(NOW)
    assert [message.payload["n"] for message in handler.got] == [1, 3]


@pytest.mark.django_db
def test_the_handler_acts_in_the_name_of_who_caused_it_and_not_of_who_woke_the_worker(handler: Recorder):
    tenant, seen = a_tenant(), []
    handler.does = lambda message: seen.append(context.current())
    with context.bind(request_id="r-1", tenant_id=tenant.id, actor_label="owner@acme.example"), transaction.atomic():
        outbox.write(topic=TOPIC, payload={}, tenant=tenant, now=NOW)
    with transaction.atomic():
        outbox.write(topic=TOPIC, payload={}, tenant=None, now=NOW + timedelta(seconds=1))
    with context.bind(request_id="the worker's", actor_label="beat"):
        outbox.deliver_due(NOW + timedelta(seconds=1))
        assert context.current() == {"request_id": "the worker's", "actor_label": "beat"}
    assert seen == [{"request_id": "r-1", "tenant_id": str(tenant.id), "actor_label": "owner@acme.example"}, {}]
    assert handler.got[0].tenant_id == tenant.id


@pytest.mark.django_db
def test_a_failure_is_tried_again_later_each_time_and_parked_after_twelve(handler: Recorder):
    def fail(message):
        raise ConnectionError("password=hunter2 refused")

    handler.does = fail
    put()
    now, waits = NOW, []
    for _ in range(outbox.MAX_ATTEMPTS - 1):
        assert outbox.deliver_due(now).failed == 1
        row = OutboxMessage.objects.get()
        waits.append((row.available_at - now).total_seconds())
        assert outbox.deliver_due(row.available_at - timedelta(seconds=1)).failed == 0
        now = row.available_at
    assert all(15 * 2**n * 0.75 <= wait <= 15 * 2**n * 1.25 for n, wait in enumerate(waits))
    assert outbox.deliver_due(now).parked == 1

    row.refresh_from_db()
    assert (row.parked_at, row.done_at, row.attempts) == (now, None, 12)
    assert row.last_error.startswith("ConnectionError") and "hunter2" not in row.last_error
    assert outbox.deliver_due(now + timedelta(days=365)).failed == 0


@pytest.mark.django_db
def test_a_parked_message_stands_in_nobodys_way_and_can_be_tried_again(handler: Recorder):
    put(n=1)
    put(n=2)
    poison = OutboxMessage.objects.get(payload__n=1)
    OutboxMessage.objects.filter(id=poison.id).update(attempts=outbox.MAX_ATTEMPTS - 1)

    def fail_for_one(message):
        if message.id == poison.id:
            raise ValueError

    handler.does = fail_for_one
    outcome = outbox.deliver_due(NOW)
    assert (outcome.done, outcome.parked) == (1, 1)
    handler.does = lambda message: None
    assert outbox.unpark(message_id=poison.id, now=NOW)
    assert not outbox.unpark(message_id=poison.id, now=NOW)
    assert outbox.deliver_due(NOW).done == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_claim_and_done_loses_its_lease_and_another_delivers(handler: Recorder):
    put(n=1)
    script = (
        "import os, signal, django; django.setup()\n"
        "from datetime import datetime\n"
        "from billing_portal.notices import outbox\n"
        f"outbox.handles({TOPIC!r})(lambda message: os.kill(os.getpid(), signal.SIGKILL))\n"
        f"outbox.deliver_due(datetime.fromisoformat({NOW.isoformat()!r}))\n"
    )
    address = postgres.url(settings.DATA_DIR, connection.settings_dict["NAME"]) if settings.EMBEDDED_DATABASE else None
    environment = {**os.environ, **({"DATABASE_URL": address, "SECRET_KEY": settings.SECRET_KEY} if address else {})}
    killed = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=settings.BASE_DIR, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert OutboxMessage.objects.get().claimed_until == NOW + outbox.LEASE

    assert outbox.deliver_due(NOW + outbox.LEASE - timedelta(seconds=1)).done == 0
    assert outbox.deliver_due(NOW + outbox.LEASE).done == 1
    assert [(message.payload, message.attempt) for message in handler.got] == [({"n": 1}, 2)]


@pytest.mark.django_db
def test_a_message_that_kills_its_workers_is_parked_too(handler: Recorder):
    class Killed(BaseException):
        pass

    def die(message):
        raise Killed

    handler.does = die
    put()
    now = NOW
    for _ in range(outbox.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            outbox.deliver_due(now)
        now += outbox.LEASE
    assert outbox.deliver_due(now).parked == 1
    assert len(handler.got) == outbox.MAX_ATTEMPTS


@pytest.mark.django_db
def test_who_comes_back_after_losing_the_lease_does_not_overwrite_who_took_over(handler: Recorder):
    put()
    later = NOW + outbox.LEASE

    def overtaken(message):
        if message.attempt == 1:
            assert outbox.deliver_due(later).done == 1  # another worker, while the first still works
            raise ConnectionError

    handler.does = overtaken
    outbox.deliver_due(NOW)
    row = OutboxMessage.objects.get()
    assert (row.done_at, row.last_error, row.attempts) == (later, "", 2)


def test_sweepers_at_once_deliver_each_message_once(live_db, handler: Recorder):
    for n in range(40):
        put(n=n)
    outcomes = at_once(8, lambda: outbox.deliver_due(NOW))
    assert sum(outcome.done for outcome in outcomes.results) == 40
    assert sorted(message.payload["n"] for message in handler.got) == list(range(40))


@pytest.mark.django_db(transaction=True)
def test_a_handler_runs_outside_of_any_transaction_of_ours(handler: Recorder):
    inside = []
    handler.does = lambda message: inside.append(connection.in_atomic_block)
    put()
    outbox.deliver_due(NOW)
    assert inside == [False]


@pytest.mark.django_db
def test_a_run_ends_at_its_limit_and_says_that_there_is_more(handler: Recorder):
    for n in range(3):
        put(n=n)
    assert outbox.deliver_due(NOW, limit=2).more
    assert not outbox.deliver_due(NOW, limit=2).more
    assert len(handler.got) == 3
