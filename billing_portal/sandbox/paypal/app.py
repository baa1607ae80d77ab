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
from billing_portal.sandbox.paypal import ids, pages, plans, settling, signing
from billing_portal.sandbox.paypal.acts import Account, Act
from billing_portal.sandbox.paypal.api import Api, log_entry
from billing_portal.sandbox.paypal.books import Books
from billing_portal.sandbox.paypal.ipn import Ipn
from billing_portal.sandbox.paypal.pages import Pages
from billing_portal.sandbox.paypal.panel import Panel
from billing_portal.sandbox.paypal.problems import Problem
from billing_portal.sandbox.paypal.request_ids import RequestIds
from billing_portal.sandbox.paypal.webhooks import Webhooks
from billing_portal.sandbox.serving import hang_up, wait

ADDRESS = "http://paypal.sandbox"
ROOT_FILE = "paypal-root.pem"
_MERCHANT_EMAIL = "merchant@callcenter.example"
_PAYER = {
    "email_address": "payer@paypal.example",
    # Written differently in windows-1252 and UTF-8, so that IPN has something to be read rightly.
    "name": {"given_name": "Zoë", "surname": "Tester"},
}
# Under this path the log has what happened by itself.
_CLOCK = Request("POST", f"{PREFIX}clock", "", {}, b"", "")
StartResponse = Callable[..., Any]


class PayPalSandbox:
    """A PayPal business account in the sandbox, its books in `folder` (None: in memory).

    `webhook_url`, `ipn_url`: where events and notifications are posted; None: nowhere. `client_id`, `client_secret`,
    `webhook_id`, `merchant_id`, `merchant_email`: what the portal is set up with; the books make their own and keep
    them. `base_url`: where the stand-in is reached, for its links and its certificate. `send`, `send_ipn`: how they are
    posted, by default over HTTP.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        webhook_url: str | None = None,
        ipn_url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        webhook_id: str | None = None,
        merchant_id: str | None = None,
        merchant_email: str | None = None,
        base_url: str = ADDRESS,
        send: Send = send_over_http,
        send_ipn: Send = send_over_http,
    ) -> None:
        self.books = Books(folder)
        self.client_id = self._kept("client_id", client_id, lambda: f"A{secrets.token_hex(39)}")
        self.client_secret = self._kept("client_secret", client_secret, lambda: f"E{secrets.token_hex(39)}")
        self.webhook_id = self._kept("webhook_id", webhook_id, ids.transaction)
        self.merchant_id = self._kept("merchant", merchant_id, ids.account)
        self.merchant_email = self._kept("merchant_email", merchant_email, lambda: _MERCHANT_EMAIL)
        self._payer = {**_PAYER, "payer_id": self._kept("payer", None, ids.account)}
        self.books.note("webhook_url", webhook_url)
        self.authority = signing.authority(self.books, shared=folder is None)
        # What the portal is told to trust (PAYPAL_WEBHOOK_CA_FILE).
        self.root_pem = self.authority.root_pem
        self.root_file = folder / ROOT_FILE if folder else None
        if self.root_file:
            self.root_file.write_text(self.root_pem)
        plans.seed(self.books)
        self.faults = Faults()
        self.webhooks = Webhooks(
            self.books,
            webhook_url,
            send,
            authority=self.authority,
            webhook_id=self.webhook_id,
            base_url=base_url,
        )
        self.ipn = Ipn(self.books, ipn_url, send_ipn)
        self._request_ids = RequestIds(self.books)
        self._api = Api(self.books, self._request_ids)
        self._pages = Pages(self.books)
        self._panel = Panel(self.books, self.faults, self.webhooks, self.ipn, lambda: self.account)

    @property
    def base_url(self) -> str:
        """Where the stand-in is reached. A server sets it once it knows its port."""
        return self.webhooks.base_url

    @base_url.setter
    def base_url(self, address: str) -> None:
        self.webhooks.base_url = address

    @property
    def account(self) -> Account:
        """Whose account this is."""
        return Account(self.base_url, self.merchant_id, self.merchant_email, self._payer)

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. Raises ConnectionAbortedError when a fault hangs up."""
        request = Request.read(environ)
        if request.path.startswith(PREFIX):
            answer = self._panel.answer(request)
        elif pages.is_one(request.path):
            answer = self._pages.answer(request, self.account)
        else:
            answer = self._provider(request, environ)
        self.webhooks.deliver(only_first=True)
        start_response(answer.line, list({**answer.headers, "Content-Length": str(len(answer.body))}.items()))
        return [answer.body]

    def deliver(self) -> list[Delivery]:
        """Send every webhook that waits, then every IPN, once."""
        return [*self.webhooks.deliver(), *self.ipn.deliver()]

    def tick(self) -> None:
        """What happens by itself as time goes by: what is due ends, messages that are due are sent."""
        with self.books.transaction():
            act = Act(self.books, self.account)
            settling.settle_due(act)
            for effect in act.effects:
                self.books.write_log(log_entry(self.books, _CLOCK, Answer(200), effect))
        self.webhooks.deliver(due_by=time.time())
        self.ipn.deliver(due_by=time.time())

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
            with self._request_ids.claimed(request):
                answer = self._api.answer(request, self.account, fault)
                # Before the answer leaves, and while its id is still held.
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

    def _kept(self, name: str, given: str | None, fresh: Callable[[], str]) -> str:
        value = given or self.books.noted(name) or fresh()
        self.books.note(name, value)
        return str(value)
