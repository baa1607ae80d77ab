"""Help for tests that need real time or real threads: races with `at_once`, deadlines with `wait_until`."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


class Outcomes(list[T | BaseException]):
    """What `at_once` brought back: results and exceptions, in the order of the threads."""

    @property
    def results(self) -> list[T]:
        """What the calls that succeeded returned."""
        return [outcome for outcome in self if not isinstance(outcome, BaseException)]

    @property
    def errors(self) -> list[BaseException]:
        """What the calls that failed raised."""
        return [outcome for outcome in self if isinstance(outcome, BaseException)]

    def count(self, value: object) -> int:
        """How many of the calls returned this value; for an exception's class: how many raised it."""
        if isinstance(value, type) and issubclass(value, BaseException):
            return sum(isinstance(error, value) for error in self.errors)
        return super().count(value)  # type: ignore[arg-type]


def at_once(n: int, fn: Callable[..., T], *, seconds: float = 60) -> Outcomes[T]:
    """Run `fn` in `n` real threads that start together, each with its own database connections, closed afterwards.

    `fn` is called with the thread's number (0 to n-1) when it takes an argument, else with none. Exceptions come back
    as outcomes. Needs committed data: a `transactional_db` test. Raises AssertionError when a thread is not done in
    time.
    """
    takes_number = getattr(getattr(fn, "__code__", None), "co_argcount", 0) > 0 and not hasattr(fn, "__self__")
    gate = threading.Barrier(n)
    outcomes: list[T | BaseException] = [AssertionError("this thread did not finish")] * n

    def run(number: int) -> None:
        try:
            gate.wait(seconds)
            outcomes[number] = fn(number) if takes_number else fn()
        except BaseException as error:  # noqa: BLE001 (an outcome, whatever it is)
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(number,), name=f"at-once-{number}", daemon=True) for number in range(n)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = [thread.name for thread in threads if thread.is_alive()]
    assert not late, f"not done after {seconds} s, a deadlock? {late}"
    return Outcomes(outcomes)


def wait_until(predicate: Callable[[], T], seconds: float = 10, *, every: float = 0.02) -> T:
    """Poll until `predicate` is true, and return what it said. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if found := predicate():
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"still not so after {seconds} s: {predicate}")
        time.sleep(every)
