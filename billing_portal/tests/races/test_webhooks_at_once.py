"""Webhooks under fire: one event from many connections, and many workers over one object."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.sandbox.stripe.webhooks import signature
from billing_portal.testing import at_once
from billing_portal.tests.stripe_world import WEBHOOK_PATH, WEBHOOK_SECRET, StripeWorld
from payments.inbox import handling, leases, registry
from payments.inbox.registry import HandledEvent
from payments.models import ObjectLease, ProviderEvent
from payments.providers.facts import Topic
from payments.tests.inbox_world import NOW, told

pytestmark = pytest.mark.django_db(transaction=True)


def body_of(event_id: str) -> bytes:
    about = {"id": "pi_1", "object": "payment_intent"}
    event = {"id": event_id, "type": "payment_intent.succeeded", "created": 1, "livemode": False}
    return json.dumps({**event, "data": {"object": about}}).encode()


def test_one_event_fifty_times_from_eight_connections_is_one_row_and_one_effect(
    stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, effects = body_of("evt_1"), []
    monkeypatch.setitem(registry._handlers, Topic.PAYMENT, lambda event: effects.append(event.event_id))
    header = signature(WEBHOOK_SECRET, body, int(timezone.now().timestamp()))

    def send_and_work() -> list[int]:
        """Seven copies each, and each worker looks for work in between."""
        answers = []
        for _ in range(7):
            answer = Client().post(WEBHOOK_PATH, body, content_type="application/json", HTTP_STRIPE_SIGNATURE=header)
            answers.append(answer.status_code)
            handling.handle_due(timezone.now())
        return answers

    outcomes = at_once(8, send_and_work)
    assert outcomes.errors == []
    assert Counter(status for answers in outcomes.results for status in answers) == {200: 56}
    handling.handle_due(timezone.now() + handling.BUSY)
    assert ProviderEvent.objects.count() == 1
    assert ProviderEvent.objects.get().status == "handled"
    assert effects == ["evt_1"]


class Provider:
    """An object that changes each time it is told about, and what our books have of it."""

    def __init__(self) -> None:
        self.version, self.booked = 0, 0
        self.inside, self.most_inside = 0, 0
        self.lock = threading.Lock()
        self.crowded = threading.Event()

    def handle(self, event: HandledEvent) -> None:
        """Read, take some time, book what was read, as a handler does."""
        with self.lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            read = self.version
            if self.inside > 1:
                self.crowded.set()
        self.crowded.wait(0.02)  # gives another the time to come in, should anything let it
        with self.lock:
            self.booked = read
            self.inside -= 1


def test_workers_at_once_read_and_book_an_object_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider()
    monkeypatch.setitem(registry._handlers, Topic.PAYMENT, provider.handle)

    def tell_and_work(number: int) -> int:
        done = 0
        for count in range(6):
            with provider.lock:
                provider.version += 1
            told(f"evt_{number}_{count}")
            done += handling.handle_due(NOW).done
        return done

    outcomes = at_once(8, tell_and_work)
    assert outcomes.errors == []
    done = sum(outcomes.results) + handling.handle_due(NOW + handling.BUSY).done
    assert provider.most_inside == 1, "two were reading it at once: the older read could be booked last"
    assert provider.booked == provider.version == 48
    assert done == 48
    assert set(ProviderEvent.objects.values_list("status", flat=True)) == {"handled"}
    assert not ObjectLease.objects.exists()


def test_workers_who_leave_a_busy_object_alone_do_not_wait_in_a_circle() -> None:
    """Each finds other events due and sees them in another order, since whoever put one off moved its row."""
    for number in range(500):
        told(f"evt_{number}", now=NOW + timedelta(seconds=number % 250))

    def find_it_busy(number: int) -> None:
        chance = random.Random(number)
        for count in range(25):
            handling.handle_due(NOW + timedelta(seconds=8 * count + chance.randrange(30)), limit=1)

    with leases.held(provider="stripe", object_ref="pi_1", now=NOW) as is_ours:
        assert is_ours
        outcomes = at_once(8, find_it_busy)
    assert outcomes.errors == []
    assert set(ProviderEvent.objects.values_list("status", "attempts")) == {("received", 0)}


def test_workers_at_once_handle_each_object_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setitem(registry._handlers, Topic.PAYMENT, lambda event: seen.append(event.object_ref))
    for number in range(120):
        told(f"evt_{number}", f"pi_{number % 40}", seconds=number)

    def work() -> handling.Handled:
        return handling.handle_due(NOW)

    outcomes: Any = at_once(8, work)
    assert outcomes.errors == []
    done = sum(each.done for each in outcomes.results) + handling.handle_due(NOW + handling.BUSY).done
    assert done == 120
    assert sorted(seen) == sorted(f"pi_{number}" for number in range(40))
