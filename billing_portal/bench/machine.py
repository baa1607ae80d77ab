"""What was measured on: the machine and its programs; and the CPU time of processes."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psycopg

from billing_portal.embedded.child import LINUX

_PACKAGES = ("Django", "granian", "psycopg", "dj-stripe", "stripe")
_PROCESS_CLOCK = 2  # CPUCLOCK_SCHED: user and system time of all threads, those that ended too


def cpu_seconds(pids: Iterable[int]) -> float | None:
    """CPU seconds that these processes have used, to the nanosecond; None where the system does not tell.

    Source: clock_getcpuclockid(3), whose clock ids Linux derives from the process id. A process that is gone counts
    nothing. /proc/<pid>/stat says the same in hundredths of a second, too coarse for one round.
    """
    if not LINUX:
        return None
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            total += time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)
    return total


def describe(database_url: str) -> dict[str, str]:
    """What a reader must know to compare with a machine of his own, in words."""
    with psycopg.connect(database_url) as connection:
        database = {name: _shown(connection, name) for name in ("server_version", "fsync", "synchronous_commit")}
    minute, *_ = os.getloadavg()
    return {
        "CPU": f"{_model()}, {os.cpu_count()} cores",
        "Python": platform.python_version(),
        "PostgreSQL": f"{database['server_version'].split()[0]}, fsync {database['fsync']}, "
        f"synchronous_commit {database['synchronous_commit']}",
        "Packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "Load before": f"{minute:.1f}",
    }


def _shown(connection: psycopg.Connection, name: str) -> str:
    found = connection.execute(f"SHOW {name}").fetchone()
    assert found
    return str(found[0])


def _model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
