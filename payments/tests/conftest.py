"""Fixtures of several test modules here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing_portal.invariants import check_books
from payments.inbox import registry
from payments.providers import breaker
from payments.providers.base import Topic
from payments.tests.inbox_world import Recorder


@pytest.fixture
def books_hold() -> Iterator[None]:
    """The providers are called whatever the test before met, and at the end of the test every invariant holds."""
    breaker.forget()
    yield
    assert check_books()[1] == []


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Handles payments, refunds and disputes for the time of a test."""
    recorder = Recorder()
    for topic in (Topic.PAYMENT, Topic.REFUND, Topic.DISPUTE):
        monkeypatch.setitem(registry._handlers, topic, recorder)
    return recorder
