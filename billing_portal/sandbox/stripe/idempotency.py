"""Idempotency keys as Stripe has them. https://docs.stripe.com/api/idempotent_requests

The first answer of a key is kept and repeated, errors and 500 too; other parameters or another endpoint are refused;
while the first is under way the second is told so. Keys are forgotten after 24 hours: then the same key acts again.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.stripe.books import Books
from billing_portal.sandbox.stripe.problems import Invalid, Problem, Refused

KEPT_SECONDS = 24 * 3600
LONGEST = 255


class Keys:
    """The keys in use and the answers kept."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    @contextmanager
    def claimed(self, key: str | None) -> Iterator[None]:
        """Hold the key until the answer has left. Raises Refused (409) while another request holds it."""
        if not key:
            yield
            return
        if len(key) > LONGEST:
            raise Invalid(f"Idempotency-Key must be at most {LONGEST} characters.")
        with self._lock:
            if key in self._under_way:
                raise Refused(
                    "There is currently another in-progress request using this Idempotent Key (that probably means you "
                    f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                    status=409,
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(key)

    def recall(self, key: str, request: Request) -> Answer | None:
        """The answer that this key had, if it is still known. Raises Problem when the key was for something else."""
        self._books.db.execute("DELETE FROM answers WHERE at <= ?", (self._books.now() - KEPT_SECONDS,))
        row = self._books.db.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        kept = json.loads(row[0])
        if kept["path"] != request.path:
            raise _reused(f"the same endpoint they were first used for ('{kept['path']}')", key)
        if kept["fingerprint"] != _fingerprint(request):
            raise _reused("the same parameters they were first used with", key)
        headers = {**kept["headers"], "Idempotent-Replayed": "true"}
        headers["Original-Request"] = headers.pop("Request-Id")  # this request has an id of its own
        return Answer(kept["status"], kept["body"].encode(), headers, replayed=True)

    def remember(self, key: str, request: Request, answer: Answer) -> None:
        """Keep the answer; in the same transaction as what it did."""
        kept = {
            "path": request.path,
            "fingerprint": _fingerprint(request),
            "status": answer.status,
            "body": answer.body.decode(),
            "headers": answer.headers,
        }
        self._books.db.execute("INSERT INTO answers VALUES (?, ?, ?)", (key, self._books.now(), json.dumps(kept)))


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(request.body).hexdigest()


def _reused(what: str, key: str) -> Problem:
    return Refused(
        f"Keys for idempotent requests can only be used with {what}. Try using a key other than '{key}' if you meant "
        "to execute a different request.",
        kind="idempotency_error",
    )
