"""Where the stand-in for Stripe keeps its truth, and the ids it gives."""

import secrets
import string
from pathlib import Path

from billing_portal.sandbox import books
from billing_portal.sandbox.books import Json as Json
from billing_portal.sandbox.books import shown as shown

FILE = "stripe.sqlite3"
_LETTERS = string.ascii_letters + string.digits


def random_id(prefix: str, length: int = 24) -> str:
    """An id in Stripe's alphabet: `pi_3Nq…`."""
    return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(length))


class Books(books.Books):
    """One file, whose signing secret outlives a reset."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(
            folder,
            FILE,
            indexed=("status", "customer", "payment_intent", "charge", "_waits"),
            kept=("webhook_secret",),
        )
