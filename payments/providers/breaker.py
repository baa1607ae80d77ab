"""A circuit breaker for each provider: while it does not answer, nobody waits for it in vain.

In the memory of each process: what one has learned another finds out in a few calls, and nothing has to be stored.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

# So many calls in a row without an answer open it, for so many seconds; then one call may try.
FAILURES = 5
OPEN_SECONDS = 20.0


@dataclass
class _State:
    failures: int = 0
    opened_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_states: defaultdict[str, _State] = defaultdict(_State)


def lets_pass(provider: str) -> bool:
    """Whether a call may be made now. Of those that come after the pause one is let through to try, the others wait for
    what it finds."""
    state = _states[provider]
    with state.lock:
        if state.opened_at is None:
            return True
        if time.monotonic() - state.opened_at < OPEN_SECONDS:
            return False
        state.opened_at = time.monotonic()
        return True


def answered(provider: str) -> None:
    """Whatever the answer was: somebody is there."""
    state = _states[provider]
    with state.lock:
        state.failures, state.opened_at = 0, None


def failed(provider: str) -> None:
    """No answer, or none that could be read."""
    state = _states[provider]
    with state.lock:
        state.failures += 1
        if state.failures >= FAILURES and state.opened_at is None:
            state.opened_at = time.monotonic()


def forget() -> None:
    """Close all of them: for tests, which share a process."""
    _states.clear()
