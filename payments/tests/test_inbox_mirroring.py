"""The mirror is fed after our own work is done, and whatever becomes of it is nobody's trouble."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from payments.inbox import handling, mirroring, registry
from payments.models import ProviderEvent
from payments.providers import registry as providers
from payments.providers.base import Mirrors
from payments.providers.facts import Topic
from payments.tests.inbox_world import NOW, told

pytestmark = pytest.mark.django_db


class Mirror(Mirrors):
    """Keeps payloads, or fails."""

    name = "stripe"
    methods = frozenset()

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.tried = 0
        self.broken = False

    def mirror(self, payload: Mapping[str, Any]) -> None:
        self.tried += 1
        if self.broken:
            raise ValueError("it stumbled")
        self.kept.append(payload["id"])


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Mirror:
    found = Mirror()
    monkeypatch.setattr(providers, "providers", lambda: {"stripe": found})
    monkeypatch.setitem(
        registry._handlers, Topic.PAYMENT, lambda event: "not ours" if event.object_ref == "x" else None
    )
    monkeypatch.delitem(registry._handlers, Topic.INVOICE, raising=False)
    return found


def test_what_was_handled_or_is_only_kept_is_mirrored_once(mirror: Mirror) -> None:
    told("evt_handled")
    told("evt_invoice", "in_1", topic=Topic.INVOICE)
    told("evt_unknown", "po_1", topic=None)
    told("evt_not_ours", "x")
    assert mirroring.mirror_due(NOW).done == 2, "nothing of a payment before we have done our own"
    handling.handle_due(NOW)
    assert mirroring.mirror_due(NOW).done == 1
    assert mirroring.mirror_due(NOW + timedelta(hours=5)).done == 0
    assert sorted(mirror.kept[:2]) == ["evt_invoice", "evt_unknown"]
    assert mirror.kept[2:] == ["evt_handled"], "support sees all that is ours, also what nobody acts on"
    assert ProviderEvent.objects.get(event_id="evt_handled").mirrored_at == NOW


def test_a_mirror_that_fails_is_tried_a_few_times_within_a_day_and_then_left(
    mirror: Mirror, caplog: pytest.LogCaptureFixture
) -> None:
    mirror.broken = True
    told("evt_1")
    handling.handle_due(NOW)
    for minutes in range(0, 3 * 24 * 60, 5):
        mirroring.mirror_due(NOW + timedelta(minutes=minutes))
    assert 3 <= mirror.tried <= 6
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    row = ProviderEvent.objects.get()
    assert (row.status, row.mirrored_at) == ("handled", None)


def test_one_that_fails_keeps_no_other_out(mirror: Mirror) -> None:
    for number in range(3):
        told(f"evt_{number}", f"pi_{number}", now=NOW + timedelta(seconds=number))
    handling.handle_due(NOW + timedelta(seconds=5))
    keep = mirror.mirror
    mirror.mirror = lambda payload: keep(payload) if payload["id"] != "evt_1" else 1 / 0  # type: ignore[method-assign]
    outcome = mirroring.mirror_due(NOW + timedelta(seconds=5))
    assert (outcome.done, outcome.failed) == (2, 1)
    assert sorted(mirror.kept) == ["evt_0", "evt_2"]


def test_without_a_mirror_nothing_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(providers, "providers", dict)
    told("evt_1")
    with django_assert_num_queries(0):
        assert mirroring.mirror_due(NOW).done == 0
