"""The log: one line for each act, in order."""

from datetime import UTC, datetime

from billing_portal.sandbox.books import Books, Json
from billing_portal.sandbox.exchange import Answer, Request


def instant(seconds: int) -> str:
    """`2026-11-01T00:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def entry(books: Books, request: Request, answer: Answer | None, effect: Json | None, *, key_header: str) -> Json:
    """One line; `answer` None when the connection was lost before anything happened. `key_header`: the name, in small
    letters, of the header that makes a request idempotent."""
    return {
        "at": instant(books.now()),
        "method": request.method,
        "path": request.path,
        "idempotencyKey": request.headers.get(key_header),
        "status": answer.status if answer else None,
        "effect": effect,
        "replayed": bool(answer and answer.replayed),
    }
