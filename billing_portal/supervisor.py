"""Run several processes as one: their output prefixed, a death noticed, and none left behind.

Each child leads a process group of its own, so that Ctrl-C reaches the supervisor alone and what a child started ends
with it. The kernel tells a child when the supervisor is gone (Linux), even after `kill -9`.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from billing_portal.embedded.child import dies_with_parent

STOP_SECONDS = 10
# What dies this often within a minute will die again: then the demo says so and ends.
MANY_DEATHS, WITHIN = 5, 60.0


class Stopped(Exception):
    """INT, TERM or HUP came while something else was going on."""


class ChildDied(Exception):
    """A child ended by itself, at its start or again and again. Its text names the child and its status."""


class Deaths:
    """How often somebody died of late, so that one that was killed is started again, and one that can't live is not."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def note(self, name: str, status: int) -> None:
        """Say that `name` ended and is started again. Raises ChildDied when it did too often."""
        times = self._times.setdefault(name, deque(maxlen=MANY_DEATHS))
        times.append(time.monotonic())
        if len(times) == MANY_DEATHS and times[-1] - times[0] < WITHIN:
            raise ChildDied(f"{name} ended by itself with status {status}, {MANY_DEATHS} times within a minute")
        say(f"{name} ended by itself with status {status}: starting it again")


class Supervisor:
    """Starts children, watches them, stops them. Use it from the main thread, which must outlive its children."""

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._orders: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {}
        self._deaths = Deaths()
        self._pumps: list[threading.Thread] = []
        self._stopping = False

    def handle_signals(self) -> None:
        """INT, TERM and HUP raise Stopped in the main thread, once.

        Set explicitly: a process that was started with `&` from a script begins with INT ignored.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a child; each line that it writes appears with `name` before it."""
        child = subprocess.Popen(
            command,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=dies_with_parent(signal.SIGTERM),
        )
        self._children[name], self._orders[name] = child, (command, environment)
        assert child.stdout  # a pipe was asked for
        pump = threading.Thread(target=_pump, args=(name, child.stdout), name=f"output of {name}", daemon=True)
        pump.start()
        self._pumps.append(pump)

    def check(self) -> None:
        """Raise ChildDied when a child has ended by itself."""
        for name, child in self._children.items():
            if (status := child.poll()) is not None:
                raise ChildDied(f"{name} ended by itself with status {status}")

    def revive(self) -> None:
        """Start each child again that has ended by itself. Raises ChildDied for one that keeps dying."""
        for name, child in list(self._children.items()):
            if (status := child.poll()) is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)  # what it left of its group would stand in the way
                self._deaths.note(name, status)
                self.start(name, *self._orders[name])

    def wait_for(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Poll until `ready`. Raises ChildDied, Stopped, or TimeoutError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"not ready after {seconds} s")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask every child to end, all at once, and insist after a while; then whatever a child left of its group."""
        self._stopping = True
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for pump in self._pumps:
            pump.join(1)

    def _ask_to_stop(self, number: int, frame: object) -> None:
        if not self._stopping:  # a second Ctrl-C must not interrupt the stopping
            self._stopping = True
            raise Stopped(signal.Signals(number).name)


def say(line: str) -> None:
    """Print a line at once. A terminal that was closed must not keep anything from stopping."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _pump(name: str, output: IO[bytes]) -> None:
    for line in output:  # until the child and all it started have closed it
        say(f"{name:>7} | {line.decode(errors='replace').rstrip()}")
