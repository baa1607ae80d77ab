"""What comparisons run against: a PostgreSQL that loses no commit, a broker, web servers in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from billing_portal.bench.machine import cpu_seconds
from billing_portal.bench.places import HOST, PEER_DATABASE, PLAIN_PEER_DATABASE, free_port
from billing_portal.embedded import postgres, valkey
from billing_portal.embedded.child import dies_with_parent, stop

START_SECONDS = 60
# Said although it is the default: what is measured must not depend on anybody's postgresql.conf.
DURABLE = ("-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on")


class DidNotStart(Exception):
    """A server of the benchmarks did not come up; its text says where its output is."""


class Web:
    """A web server that runs, and whose CPU can be told: its own, its sessions' in PostgreSQL, and its broker's.

    `database` is an address. Sessions that end with their request take their CPU time along: then nobody `counts` it.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: int,
        *,
        database: str = "",
        broker: int | None = None,
        counts: bool = True,
    ) -> None:
        self.port, self.database = port, database
        self._process, self._broker, self._counts = process, broker, counts

    def count(self, table: str) -> int:
        """Rows of a table in its database."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        assert found
        return int(found[0])

    def cpu_seconds(self) -> float | None:
        """What was used so far; None where nobody can tell."""
        if not self._counts:
            return None
        pids = [self._process.pid, *_children_of(self._process.pid)]
        pids += _sessions_of(self.database) if self.database else []
        pids += [self._broker] if self._broker else []
        return cpu_seconds(pids)


class Bench:
    """The servers, each started when it is first asked for and stopped at the end. Use it from the main thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        (self.folder / "lines.log").unlink(missing_ok=True)  # of the run before; it would grow for ever
        server = postgres.start(self.folder, *DURABLE)
        if server is None:
            raise DidNotStart(f"A PostgreSQL runs in {self.folder} already: another run, or what one left behind.")
        self._stack.callback(stop, server)
        self._stack.callback(connections.close_all)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @cached_property
    def stub(self) -> Web:
        """A Stripe that answers at once, where the settings of both sides look for theirs."""
        port = int(os.environ["BENCH_STUB_PORT"])
        return Web(self._granian("stub", "billing_portal.bench.stub:application", port, threads=1), port)

    @cached_property
    def portal(self) -> Web:
        """The portal as production serves it, on an empty database, with its broker."""
        self._migrated()
        broker = valkey.start(self.folder)
        if broker is None:
            raise DidNotStart(f"A broker runs in {self.folder} already.")
        self._stack.callback(stop, broker, signal.SIGTERM)
        port = free_port()
        process = self._granian("portal", "billing_portal.wsgi:application", port)
        return Web(
            process, port, database=postgres.url(self.folder, settings.DATABASES["default"]["NAME"]), broker=broker.pid
        )

    @cached_property
    def peer(self) -> Web:
        """dj-stripe in a project of its own, with a pool of connections like the portal's."""
        return self._peer("peer", PEER_DATABASE, counts=True)

    @cached_property
    def plain_peer(self) -> Web:
        """The same as Django comes: a new connection to the database for each request."""
        return self._peer("plain-peer", PLAIN_PEER_DATABASE, counts=False)

    def _peer(self, name: str, database: str, *, counts: bool) -> Web:
        assert self.stub  # it asks Stripe while it answers
        self._fresh_database(database)
        port = free_port()
        process = self._granian(
            name,
            "billing_portal.bench.peer_wsgi:application",
            port,
            DJANGO_SETTINGS_MODULE="billing_portal.bench.peer_settings",
            BENCH_PEER_ENDPOINT=self.peer_endpoint,
            BENCH_PEER_DATABASE=database,
        )
        return Web(process, port, database=postgres.url(self.folder, database), counts=counts)

    @cached_property
    def peer_endpoint(self) -> str:
        """The id in the address of dj-stripe's webhook view."""
        return str(uuid4())

    def _migrated(self) -> None:
        connections.close_all()
        self._fresh_database(settings.DATABASES["default"]["NAME"])
        call_command("migrate", interactive=False, verbosity=0)

    def _fresh_database(self, name: str) -> None:
        with psycopg.connect(postgres.url(self.folder, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _granian(
        self, name: str, application: str, port: int, *, threads: int = 4, **environment: str
    ) -> subprocess.Popen[bytes]:
        """One worker, as the demo has it; its output goes to a file."""
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--workers", "1"]
        command += ["--blocking-threads", str(threads), "--host", HOST, "--port", str(port), application]
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )
        self._stack.callback(stop, process, signal.SIGTERM)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(f"The server {name!r} did not start; its output is in {log}.")
            time.sleep(0.05)
        return process


def _answers(port: int) -> bool:
    """Any answer will do, also one that says no."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"http://{HOST}:{port}/bench/event", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _sessions_of(database: str) -> list[int]:
    """The processes in which PostgreSQL works for the clients of the database at this address."""
    question = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    with psycopg.connect(database) as connection:
        return [pid for (pid,) in connection.execute(question)]


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found
