"""One at a time works on an object of a provider's; whoever dies over it loses it after a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection

from billing_portal.embedded import postgres
from payments import tasks
from payments.inbox import handling, leases
from payments.models import ObjectLease, ProviderEvent
from payments.tests.inbox_world import NOW, Recorder, told

pytestmark = pytest.mark.django_db


def test_one_at_a_time_has_the_lease_and_no_other_gives_it_back() -> None:
    mine = leases.claim(provider="stripe", object_ref="pi_1", now=NOW)
    assert mine
    assert leases.claim(provider="stripe", object_ref="pi_1", now=NOW) is None
    assert leases.claim(provider="stripe", object_ref="pi_2", now=NOW)
    assert leases.claim(provider="paypal", object_ref="pi_1", now=NOW)
    leases.release(provider="stripe", object_ref="pi_1", holder=uuid4())
    assert leases.claim(provider="stripe", object_ref="pi_1", now=NOW) is None
    leases.release(provider="stripe", object_ref="pi_1", holder=mine)
    assert leases.claim(provider="stripe", object_ref="pi_1", now=NOW)


def test_a_lease_that_ran_out_is_taken_over_and_its_first_holder_can_not_end_it() -> None:
    first = leases.claim(provider="stripe", object_ref="pi_1", now=NOW)
    end = NOW + leases.LEASE
    assert leases.claim(provider="stripe", object_ref="pi_1", now=end - timedelta(seconds=1)) is None
    second = leases.claim(provider="stripe", object_ref="pi_1", now=end)
    assert first and second and first != second
    leases.release(provider="stripe", object_ref="pi_1", holder=first)
    assert ObjectLease.objects.values_list("holder", "until").get() == (second, end + leases.LEASE)


def test_an_event_about_an_object_that_somebody_works_on_waits_a_little(
    handler: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("evt_1")
    told("evt_2", "pi_2")
    with leases.held(provider="stripe", object_ref="pi_1", now=NOW) as is_ours:
        assert is_ours
        outcome = handling.handle_due(NOW)
        assert (outcome.done, outcome.busy) == (1, 1)
        assert [event.object_ref for event in handler.got] == ["pi_2"]
    assert handling.handle_due(NOW + handling.BUSY).done == 1
    assert ProviderEvent.objects.get(event_id="evt_1").attempts == 1, "to wait is no try"


def test_the_worker_comes_again_for_what_was_busy(handler: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[Any] = []
    monkeypatch.setattr(tasks.waking, "wake", lambda task, *, seconds=0: woken.append((task, seconds)))
    told("evt_1")
    with leases.held(provider="stripe", object_ref="pi_1", now=tasks.timezone.now()):
        tasks.handle_events()
        assert woken == [(handling.TASK, 3)]
        tasks.handle_events()
        assert len(woken) == 1, "one comes again, however many were woken"


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_its_work_loses_its_lease_and_another_takes_over(handler: Recorder) -> None:
    told("evt_1")
    script = (
        "import os, signal, django; django.setup()\n"
        "from datetime import datetime\n"
        "from payments.inbox import handling, registry\n"
        "registry._handlers['payment'] = lambda event: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"handling.handle_due(datetime.fromisoformat({NOW.isoformat()!r}))\n"
    )
    address = postgres.url(settings.DATA_DIR, connection.settings_dict["NAME"]) if settings.EMBEDDED_DATABASE else None
    environment = {**os.environ, **({"DATABASE_URL": address, "SECRET_KEY": settings.SECRET_KEY} if address else {})}
    killed = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=settings.BASE_DIR, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert ObjectLease.objects.get().until == NOW + leases.LEASE

    early = handling.handle_due(NOW + leases.LEASE - timedelta(seconds=4))
    assert (early.done, early.busy) == (0, 1)
    assert handling.handle_due(NOW + leases.LEASE).done == 1
    assert [(event.event_id, event.attempt) for event in handler.got] == [("evt_1", 2)]
    assert not ObjectLease.objects.exists()


def test_who_comes_back_after_losing_the_lease_does_not_overwrite_who_took_over(handler: Recorder) -> None:
    told("evt_1")
    later = NOW + leases.LEASE

    def overtaken(event: Any) -> None:
        if event.attempt == 1:
            assert handling.handle_due(later).done == 1  # another worker, while the first still works
            raise ConnectionError

    handler.does = overtaken
    handling.handle_due(NOW)
    row = ProviderEvent.objects.get()
    assert (row.status, row.settled_at, row.note, row.attempts) == ("handled", later, "", 2)
