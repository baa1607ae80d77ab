"""The stand-in as a WSGI application: which part answers, and the faults that befall a connection."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from billing_portal.sandbox.deliveries import Delivery, Send, send_over_http
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.faults import Faults
from billing_portal.sandbox.panel import PREFIX
from billing_portal.sandbox.serving import hang_up, wait
from billing_portal.sandbox.stripe import pages, recurring
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.api import Api, idempotency_key, log_entry
from billing_portal.sandbox.stripe.books import Books
from billing_portal.sandbox.stripe.idempotency import Keys
from billing_portal.sandbox.stripe.pages import Pages
from billing_portal.sandbox.stripe.panel import Panel
from billing_portal.sandbox.stripe.problems import Problem
from billing_portal.sandbox.stripe.webhooks import Webhooks

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "authorization, content-type, stripe-version, idempotency-key",
    "Access-Control-Expose-Headers": "Request-Id",
}
# Under this path the log has what happened by itself.
_CLOCK = Request("POST", f"{PREFIX}clock", "", {}, b"", "")
StartResponse = Callable[..., Any]


class StripeSandbox:
    """A Stripe account in test mode, its books in `folder` (None: in memory).

    `webhook_secret`: what events are signed with; without one the books make their own and keep it.
    `send`: how a webhook is posted, by default over HTTP.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        send: Send = send_over_http,
    ) -> None:
        self.books = Books(folder)
        self.webhook_secret: str = webhook_secret or self._own_secret()
        self.faults = Faults()
        self.webhooks = Webhooks(self.books, webhook_url, self.webhook_secret, send)
        self._keys = Keys(self.books)
        self._api = Api(self.books, self._keys)
        self._panel = Panel(self.books, self.faults, self.webhooks)
        self._pages = Pages(self.books)

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. Raises ConnectionAbortedError when a fault hangs up."""
        request = Request.read(environ)
        if request.path.startswith(PREFIX):
            answer = self._panel.answer(request)
        elif request.path.startswith(("/v3", pages.THREE_D_SECURE)):
            answer = self._pages.answer(request)
        elif request.method == "OPTIONS":
            answer = Answer(204)
        else:
            answer = self._provider(request, environ)
        self.webhooks.deliver(only_first=True)
        if not request.path.startswith(PREFIX):
            answer.headers |= _CORS
        headers = {**answer.headers, "Content-Length": str(len(answer.body))}
        start_response(answer.line, list(headers.items()))
        return [answer.body]

    def deliver(self) -> list[Delivery]:
        """Send every webhook that waits, once."""
        return self.webhooks.deliver()

    def tick(self) -> None:
        """What happens by itself as time goes by: debits settle, periods end, webhooks that are due are sent."""
        with self.books.transaction():
            act = Act(self.books, {})
            recurring.run_due(act)
            for effect in act.effects:
                self.books.write_log(log_entry(self.books, _CLOCK, Answer(200), effect))
        self.webhooks.deliver(due_by=time.time())

    def close(self) -> None:
        """Let go of the books."""
        self.books.close()

    def _provider(self, request: Request, environ: Mapping[str, Any]) -> Answer:
        fault = self.faults.take(request.method, request.path)
        if fault and fault.fault == "drop_before":
            with self.books.transaction():
                self.books.write_log(log_entry(self.books, request, None, None))
            hang_up(environ)
        try:
            with self._keys.claimed(idempotency_key(request)):
                answer = self._api.answer(request, fault)
                # Before the answer leaves, and while its key is still held.
                self.webhooks.deliver(only_first=True)
                if fault and fault.fault == "delay":
                    wait(environ, fault.seconds)
        except Problem as problem:
            answer = self._api.refuse(request, problem)
        if fault and fault.fault == "drop_after":
            hang_up(environ)
        if fault and fault.fault == "garbage":
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    def _own_secret(self) -> str:
        kept = self.books.noted("webhook_secret")
        if not kept:
            kept = f"whsec_{secrets.token_hex(16)}"
            self.books.note("webhook_secret", kept)
        return str(kept)
