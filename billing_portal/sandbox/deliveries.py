"""Deliver what happened to one address, as well or as badly as a test wants, again and again until it is taken.

In tests nothing is sent until `deliver` is called; a server calls it again and again. A stand-in says how a message
looks and is signed; this module keeps the queue.
"""

import http.client
import random
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from billing_portal.sandbox.books import Books, Json
from billing_portal.sandbox.misuse import Misused

MODES = ("normal", "hold", "drop", "duplicate", "shuffle", "before_response")
# Seconds until the next try; the last one repeats.
RETRY_AFTER = (1, 5, 30, 120, 600, 3600)
TIMEOUT = 10
SHUFFLE_SECONDS = 2.0

Send = Callable[[str, bytes, Mapping[str, str]], int]


@dataclass(frozen=True)
class Delivery:
    """One try. `status` is the receiver's, 0 when it could not be reached."""

    event_id: str
    kind: str
    status: int

    @property
    def taken(self) -> bool:
        """Whether the receiver said it has it: 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Message:
    """What is posted for an event. `kind` is its type."""

    kind: str
    body: bytes
    headers: Mapping[str, str]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Providers follow no redirect: it is a failure like any other."""

    def redirect_request(self, *_: Any) -> None:
        """Stay."""


# The receiver is on this machine: a proxy of the environment has nothing to do with it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())


def send_over_http(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post it. Returns the status; 0 when nobody answers."""
    request = urllib.request.Request(url, body, dict(headers), method="POST")  # noqa: S310 (the address is our caller's)
    try:
        with _OPENER.open(request, timeout=TIMEOUT) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 0


def queue(books: Books, event_id: str) -> None:
    """Queue an event's delivery as the panel's mode says: held, dropped, once, several times, in any order, or before
    the answer."""
    chosen = books.noted("webhook_mode", {"mode": "normal", "copies": 1})
    mode, copies = chosen["mode"], chosen["copies"]
    state = {"hold": "held", "drop": "dropped", "before_response": "first"}.get(mode, "pending")
    shuffled = mode == "shuffle"
    for _ in range(random.randint(1, copies) if shuffled else copies):  # noqa: S311 (no secret)
        due = time.time() + random.random() * SHUFFLE_SECONDS if shuffled else 0  # noqa: S311
        books.db.execute("INSERT INTO deliveries (event, state, due) VALUES (?, ?, ?)", (event_id, state, due))


class Deliveries(ABC):
    """The queue in one table, towards one address. A stand-in adds `message`."""

    events = "events"
    table = "deliveries"
    most_attempts = 77

    def __init__(self, books: Books, url: str | None, send: Send = send_over_http) -> None:
        self._books = books
        self._url = url
        self._send = send

    @abstractmethod
    def message(self, event: Json, seq: int) -> Message:
        """What is posted for this event, signed now. `seq` is the delivery's own number, the same at each try."""

    def taken(self, event: Json) -> None:  # noqa: B027 (a stand-in may have nothing to add)
        """The receiver has it; inside a transaction."""

    def set_mode(self, mode: str, copies: int | None = None) -> Json:
        """How events are delivered from now on; `copies` for duplicate (exactly) and shuffle (at most)."""
        if mode not in MODES:
            raise Misused(f"mode must be one of {', '.join(MODES)}", param="mode")
        usual = 2 if mode == "duplicate" else 1
        if copies is not None and (not isinstance(copies, int) or copies < 1):
            raise Misused("copies is a number from 1", param="copies")
        chosen = {"mode": mode, "copies": copies or usual}
        self._books.note("webhook_mode", chosen)
        return chosen

    def release(self) -> int:
        """Let go of what was held. Returns how many deliveries."""
        with self._books.transaction():
            return self._books.db.execute(
                f"UPDATE {self.table} SET state = 'pending' WHERE state = 'held'"  # noqa: S608 (the name is ours)
            ).rowcount

    def resend(self, event_id: str) -> None:
        """Queue an event once more, whatever the mode. Raises Misused (404) when there is no such event."""
        if self._books.get(self.events, event_id) is None:
            raise Misused(f"No such event: '{event_id}'", status=404, code="resource_missing", param="eventId")
        with self._books.transaction():
            self._books.db.execute(f"INSERT INTO {self.table} (event, state) VALUES (?, 'pending')", (event_id,))  # noqa: S608

    def waiting(self) -> int:
        """How many deliveries wait to be sent."""
        with self._books.lock:
            rows = self._books.db.execute(f"SELECT count(*) FROM {self.table} WHERE state IN ('pending', 'first')")  # noqa: S608
            return int(rows.fetchone()[0])

    def deliver(self, *, due_by: float | None = None, only_first: bool = False) -> list[Delivery]:
        """Send what waits, once each. `due_by`: only what is due by then, else all; `only_first`: what must arrive
        before the answer that caused it."""
        if self._url is None:
            return []
        claimed = self._claim(due_by, only_first=only_first)
        if self._books.noted("webhook_mode", {"mode": "normal"})["mode"] == "shuffle":
            random.shuffle(claimed)
        return [self._deliver_one(self._url, *each) for each in claimed]

    def _claim(self, due_by: float | None, *, only_first: bool) -> list[tuple[int, str, int]]:
        states = "('first')" if only_first else "('pending', 'first')" if due_by is None else "('pending')"
        with self._books.transaction():
            rows = self._books.db.execute(
                f"SELECT seq, event, attempts FROM {self.table} WHERE state IN {states} AND due <= ? ORDER BY seq",  # noqa: S608
                (due_by if due_by is not None else float("inf"),),
            ).fetchall()
            self._books.db.executemany(
                f"UPDATE {self.table} SET state = 'sending' WHERE seq = ?",  # noqa: S608
                [(row[0],) for row in rows],
            )
        return [(int(seq), str(event), int(attempts)) for seq, event, attempts in rows]

    def _deliver_one(self, url: str, seq: int, event_id: str, attempts: int) -> Delivery:
        event = self._books.get(self.events, event_id)
        if event is None:  # a reset came between
            return Delivery(event_id, "", 0)
        message = self.message(event, seq)
        delivery = Delivery(event_id, message.kind, self._send(url, message.body, message.headers))
        attempts += 1
        wait = RETRY_AFTER[min(attempts, len(RETRY_AFTER)) - 1]
        state = "delivered" if delivery.taken else "pending" if attempts < self.most_attempts else "failed"
        with self._books.transaction():
            self._books.db.execute(
                f"UPDATE {self.table} SET state = ?, attempts = ?, due = ?, last_status = ? WHERE seq = ?",  # noqa: S608
                (state, attempts, time.time() + wait, delivery.status, seq),
            )
            if delivery.taken and (fresh := self._books.get(self.events, event_id)):
                self.taken(fresh)
        return delivery
