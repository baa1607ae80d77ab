"""Deliver events, signed as Stripe signs them, again and again until they are taken.

https://docs.stripe.com/webhooks (signature scheme v1, retries for up to three days). In tests nothing is sent until
`deliver` is called; the server calls it again and again.
"""

import hashlib
import hmac
import http.client
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from billing_portal.sandbox.stripe.books import Books, Json
from billing_portal.sandbox.stripe.problems import Problem

MODES = ("normal", "hold", "drop", "duplicate", "shuffle", "before_response")
# Seconds until the next try; the last one repeats until three days are over.
RETRY_AFTER = (1, 5, 30, 120, 600, 3600)
MOST_ATTEMPTS = 77
TIMEOUT = 10

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


def signature(secret: str, body: bytes, at: int) -> str:
    """The Stripe-Signature header: HMAC-SHA256 over `<at>.<body>`."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Stripe follows no redirect: it is a failure like any other."""

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


class Webhooks:
    """The queue of deliveries, towards one endpoint."""

    def __init__(self, books: Books, url: str | None, secret: str, send: Send = send_over_http) -> None:
        self._books = books
        self._url = url
        self._secret = secret
        self._send = send

    def set_mode(self, mode: str, copies: int | None = None) -> Json:
        """How events are delivered from now on; `copies` for duplicate (exactly) and shuffle (at most)."""
        if mode not in MODES:
            raise Problem(f"mode must be one of {', '.join(MODES)}", param="mode")
        usual = 2 if mode == "duplicate" else 1
        if copies is not None and (not isinstance(copies, int) or copies < 1):
            raise Problem("copies is a number from 1", param="copies")
        chosen = {"mode": mode, "copies": copies or usual}
        self._books.note("webhook_mode", chosen)
        return chosen

    def release(self) -> int:
        """Let go of what was held. Returns how many deliveries."""
        with self._books.transaction():
            return self._books.db.execute("UPDATE deliveries SET state = 'pending' WHERE state = 'held'").rowcount

    def resend(self, event_id: str) -> None:
        """Queue an event once more, whatever the mode. Raises Problem when there is no such event."""
        if self._books.get("events", event_id) is None:
            raise Problem(f"No such event: '{event_id}'", status=404, code="resource_missing", param="eventId")
        with self._books.transaction():
            self._books.db.execute("INSERT INTO deliveries (event, state) VALUES (?, 'pending')", (event_id,))

    def waiting(self) -> int:
        """How many deliveries wait to be sent."""
        with self._books.lock:
            rows = self._books.db.execute("SELECT count(*) FROM deliveries WHERE state IN ('pending', 'first')")
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
                f"SELECT seq, event, attempts FROM deliveries WHERE state IN {states} AND due <= ? ORDER BY seq",  # noqa: S608
                (due_by if due_by is not None else float("inf"),),
            ).fetchall()
            self._books.db.executemany("UPDATE deliveries SET state = 'sending' WHERE seq = ?", [(r[0],) for r in rows])
        return [(int(seq), str(event), int(attempts)) for seq, event, attempts in rows]

    def _deliver_one(self, url: str, seq: int, event_id: str, attempts: int) -> Delivery:
        event = self._books.get("events", event_id)
        if event is None:  # a reset came between
            return Delivery(event_id, "", 0)
        body = json.dumps(event, indent=2).encode()
        # The signature's time is the real one, wherever the stand-in's clock stands: the receiver compares it to its
        # own.
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(self._secret, body, int(time.time())),
        }
        delivery = Delivery(event_id, event["type"], self._send(url, body, headers))
        attempts += 1
        wait = RETRY_AFTER[min(attempts, len(RETRY_AFTER)) - 1]
        state = "delivered" if delivery.taken else "pending" if attempts < MOST_ATTEMPTS else "failed"
        with self._books.transaction():
            self._books.db.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, due = ?, last_status = ? WHERE seq = ?",
                (state, attempts, time.time() + wait, delivery.status, seq),
            )
            if delivery.taken and (fresh := self._books.get("events", event_id)):
                self._books.put("events", {**fresh, "pending_webhooks": 0})
        return delivery
