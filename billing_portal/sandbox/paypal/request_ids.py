"""PayPal-Request-Id: the same id answers what it answered before, with 200, for as long as its API remembers.

https://developer.paypal.com/api/rest/reference/idempotency/: orders 6 hours, subscriptions 72, payments 45 days. Only
what was done is remembered: a request that was refused may be sent again under its id.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from billing_portal.sandbox.books import Books
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.problems import problem
from billing_portal.sandbox.paypal.routing import Route

HEADER = "paypal-request-id"
LONGEST = 108


class RequestIds:
    """The ids under way, and the answers kept."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    @contextmanager
    def claimed(self, request: Request) -> Iterator[None]:
        """Hold the id until the answer has left. Raises Problem (409) while another request holds it."""
        if request.method != "POST" or not request.headers.get(HEADER):
            yield
            return
        key = _key(request)
        with self._lock:
            if key in self._under_way:
                raise problem(request.path, 409, "PREVIOUS_REQUEST_IN_PROGRESS")
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(key)

    def recall(self, act: Act, request: Request, route: Route) -> Answer | None:
        """What this id was answered, if it is still known. Raises Problem: too long (400), for another body (422)."""
        given = request.headers.get(HEADER)
        if not given or not route.remembers:
            return None
        if len(given) > LONGEST:
            raise act.refuse(400, "INVALID_STRING_LENGTH")
        row = self._books.db.execute("SELECT at, body FROM answers WHERE key = ?", (_key(request),)).fetchone()
        if row is None or row[0] + route.remembers <= act.now:
            return None
        kept = json.loads(row[1])
        if kept["fingerprint"] != _fingerprint(request):
            raise act.refuse(422, "DUPLICATE_REQUEST_ID")
        return Answer(200, kept["body"].encode(), dict(kept["headers"]), replayed=True)

    def remember(self, act: Act, request: Request, answer: Answer) -> None:
        """Keep the answer; in the same transaction as what it did."""
        kept = {
            "fingerprint": _fingerprint(request),
            "body": answer.body.decode(),
            "headers": answer.headers,
        }
        self._books.db.execute(
            "INSERT INTO answers VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET at = excluded.at, body = excluded.body",
            (_key(request), act.now, json.dumps(kept)),
        )


def _key(request: Request) -> str:
    return f"{request.method} {request.path} {request.headers.get(HEADER)}"


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(request.body.strip() or b"{}").hexdigest()
