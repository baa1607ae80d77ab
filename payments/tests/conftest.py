"""A handler of the tests' own for events about payments."""

from __future__ import annotations

import pytest

from payments.inbox import registry
from payments.providers.base import Topic
from payments.tests.inbox_world import Recorder


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Handles payments, refunds and disputes for the time of a test."""
    recorder = Recorder()
    for topic in (Topic.PAYMENT, Topic.REFUND, Topic.DISPUTE):
        monkeypatch.setitem(registry._handlers, topic, recorder)
    return recorder
