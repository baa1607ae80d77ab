"""Events on their way, signed as Stripe signs them.

https://docs.stripe.com/webhooks (signature scheme v1, retries for up to three days)
"""

import hashlib
import hmac
import json
import time

from billing_portal.sandbox.deliveries import Deliveries, Message, Send, send_over_http
from billing_portal.sandbox.stripe.books import Books, Json


def signature(secret: str, body: bytes, at: int) -> str:
    """The Stripe-Signature header: HMAC-SHA256 over `<at>.<body>`."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


class Webhooks(Deliveries):
    """The queue of deliveries, towards one endpoint."""

    def __init__(self, books: Books, url: str | None, secret: str, send: Send = send_over_http) -> None:
        super().__init__(books, url, send)
        self._secret = secret

    def message(self, event: Json, seq: int) -> Message:
        """The event as it stands in the books. The signature's time is the real one, wherever the stand-in's clock
        stands: the receiver compares it to its own."""
        body = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(self._secret, body, int(time.time())),
        }
        return Message(event["type"], body, headers)

    def taken(self, event: Json) -> None:
        """No delivery of it is pending any more."""
        self._books.put("events", {**event, "pending_webhooks": 0})
