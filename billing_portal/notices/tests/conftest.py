"""A topic of the tests' own, whose handler does what the test says."""

from collections.abc import Callable

import pytest

from billing_portal.notices import outbox
from billing_portal.notices.outbox import Message

TOPIC = "test.topic"


class Recorder:
    """What was handled; `does` is what handling does besides."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.does: Callable[[Message], object] = lambda message: None

    def __call__(self, message: Message) -> None:
        self.got.append(message)
        self.does(message)


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Handles `test.topic` for the time of a test."""
    recorder = Recorder()
    monkeypatch.setitem(outbox._handlers, TOPIC, recorder)
    return recorder
