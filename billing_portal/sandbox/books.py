"""A stand-in's own truth: one SQLite file, every act one transaction, all of it there again after a restart.

One lock guards one connection: acts happen one after the other, as if the provider locked every object an act
touches. Keys that begin with an underscore are the stand-in's own notes on an object; `shown` leaves them out. An
object without an `id` of its own is kept under its note `_key`.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_DELIVERIES = """
CREATE TABLE IF NOT EXISTS {table} (
  seq INTEGER PRIMARY KEY, event TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL DEFAULT 0, last_status INTEGER);
"""
_TABLES = ("objects", "log", "answers")


def shown(thing: Json) -> Json:
    """An object as the provider would show it: without the stand-in's notes."""
    return {key: value for key, value in thing.items() if not key.startswith("_")}


class Books:
    """Objects by kind and id, the log, stored answers, webhook deliveries, and notes (clock, modes, secrets)."""

    def __init__(
        self,
        folder: Path | None,
        file: str,
        *,
        indexed: tuple[str, ...] = (),
        queues: tuple[str, ...] = ("deliveries",),
        kept: tuple[str, ...] = (),
    ) -> None:
        """Books in `file` of `folder`, which is made when missing; None keeps them in memory.

        `indexed`: fields that objects are found by; `queues`: tables of deliveries; `kept`: notes that outlive a
        reset.
        """
        self._queues, self._kept = queues, kept
        if folder:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock = threading.RLock()
        self._depth = 0
        self.db = sqlite3.connect(
            folder / file if folder else ":memory:", check_same_thread=False, isolation_level=None
        )
        # WAL survives a killed process without waiting for the disk at each act.
        self.db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")
        self.db.executescript(_SCHEMA)
        for field in indexed:
            self.db.execute(
                f"CREATE INDEX IF NOT EXISTS objects_by_{field} ON objects (kind, json_extract(body, '$.{field}'))"
            )
        for table in queues:
            self.db.executescript(_DELIVERIES.format(table=table))
            # What a killed process was about to send.
            self.db.execute(f"UPDATE {table} SET state = 'pending' WHERE state IN ('sending', 'first')")  # noqa: S608

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time; may be nested, and then undoes only its own part."""
        with self.lock:
            name = f"s{self._depth}"
            self.db.execute("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                self.db.execute("ROLLBACK" if self._depth == 0 else f"ROLLBACK TO {name}")
                raise
            self._depth -= 1
            self.db.execute("COMMIT" if self._depth == 0 else f"RELEASE {name}")

    def put(self, kind: str, thing: Json) -> Json:
        """Store an object, new or changed, and hand it back."""
        with self.lock:
            self.db.execute(
                "INSERT INTO objects (kind, id, body) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (kind, thing.get("_key") or thing["id"], json.dumps(thing)),
            )
        return thing

    def get(self, kind: str, identifier: Any) -> Json | None:
        """The object, or None."""
        with self.lock:
            row = self.db.execute(
                "SELECT body FROM objects WHERE kind = ? AND id = ?", (kind, str(identifier))
            ).fetchone()
        return json.loads(row[0]) if row else None

    def find(self, kind: str, **equal: Any) -> list[Json]:
        """Objects of a kind, oldest first, whose fields equal what is given."""
        where = "".join(f" AND json_extract(body, '$.{field}') IS ?" for field in equal)
        with self.lock:
            rows = self.db.execute(
                f"SELECT body FROM objects WHERE kind = ?{where} ORDER BY seq",  # noqa: S608 (names are ours)
                (kind, *equal.values()),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def kinds(self) -> set[str]:
        """The kinds of which there is at least one object."""
        with self.lock:
            return {row[0] for row in self.db.execute("SELECT DISTINCT kind FROM objects")}

    def note(self, name: str, value: Any) -> None:
        """Keep a small fact."""
        with self.lock:
            self.db.execute(
                "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, json.dumps(value)),
            )

    def noted(self, name: str, default: Any = None) -> Any:
        """The small fact, or `default`."""
        with self.lock:
            row = self.db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def write_log(self, entry: Json) -> None:
        """Append one act."""
        with self.lock:
            self.db.execute("INSERT INTO log (body) VALUES (?)", (json.dumps(entry),))

    def read_log(self) -> list[Json]:
        """Every act, in order."""
        with self.lock:
            return [json.loads(row[0]) for row in self.db.execute("SELECT body FROM log ORDER BY seq").fetchall()]

    def now(self) -> int:
        """Seconds since 1970 by the stand-in's clock: it stands still where it was set, else it is the real one."""
        frozen = self.noted("clock")
        return int(time.time()) if frozen is None else int(frozen)

    def forget(self) -> None:
        """Empty the books; what was said to be kept stays, or webhooks could not be verified any more."""
        with self.transaction():
            for table in (*_TABLES, *self._queues):
                self.db.execute(f"DELETE FROM {table}")  # noqa: S608 (names are ours)
            for (name,) in self.db.execute("SELECT name FROM notes").fetchall():
                if name not in self._kept:
                    self.db.execute("DELETE FROM notes WHERE name = ?", (name,))

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self.db.close()
