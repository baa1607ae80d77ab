"""A Stripe that answers at once: what our stand-in said the first time, with the ids of who asks.

The stand-in keeps books, which takes milliseconds; here each kind of question is put to it once, about one succeeded
payment, and the answer is served again under any other id. A new payment waits for its payer, and has succeeded when
it is read again. Run as a WSGI application; both sides of a comparison speak to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.in_process import ADDRESS, call

EVENT_PATH = "/bench/event"
# Which the stand-in has none of: dj-stripe asks once whose key it is.
_ACCOUNT = {
    "id": "acct_bench",
    "object": "account",
    "type": "standard",
    "business_profile": {},
    "charges_enabled": True,
    "country": "US",
    "default_currency": "usd",
    "details_submitted": True,
    "email": "billing@bench.example",
    "metadata": {},
    "payouts_enabled": True,
    "settings": {},
}
_HEADERS = {"Authorization": "Bearer sk_test_" + "b" * 24, "Content-Type": "application/x-www-form-urlencoded"}
_PAY = "amount=2900&currency=usd&confirm=true&automatic_payment_methods[enabled]=true"
_PAY += "&automatic_payment_methods[allow_redirects]=never"
_ASKED = re.compile(r"\b(?:pi|ch|txn)_([0-9A-Za-z]{24,})")


class Stub:
    """Answers as WSGI does. The ids of one payment and of what belongs to it share what follows their prefix."""

    def __init__(self) -> None:
        self._sandbox = StripeSandbox(None)
        customer = self._ask("POST", "/v1/customers", "name=Bench&email=billing@bench.example")["id"]
        paid = self._ask("POST", "/v1/payment_intents", f"{_PAY}&customer={customer}&payment_method=pm_card_visa")
        self._waiting = self._ask(
            "POST", "/v1/payment_intents", f"{_PAY}&payment_method=pm_card_authenticationRequired"
        )
        charge = self._ask("GET", f"/v1/charges/{paid['latest_charge']}")
        self._known = {"pi": paid["id"], "ch": charge["id"], "txn": charge["balance_transaction"]}
        self._frozen = {"/v1/account?": json.dumps(_ACCOUNT).encode()}

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = self._answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, method: str, path: str, query: str) -> bytes:
        if path == EVENT_PATH:
            return json.dumps(self._event()).encode()
        if method == "POST":
            return json.dumps(self._waiting).replace(self._waiting["id"], f"pi_{uuid4().hex[:24]}").encode()
        asked = _ASKED.search(path) or _ASKED.search(query)
        suffix = asked[1] if asked else ""
        question = f"{path}?{query}"
        for prefix, known in self._known.items():
            question = question.replace(f"{prefix}_{suffix}", known) if suffix else question
        if question not in self._frozen:
            self._frozen[question] = json.dumps(self._ask("GET", question)).encode()
        return self._renamed(self._frozen[question], suffix)

    def _renamed(self, body: bytes, suffix: str) -> bytes:
        if suffix:
            for prefix, known in self._known.items():
                body = body.replace(known.encode(), f"{prefix}_{suffix}".encode())
        return body

    def _event(self) -> dict[str, Any]:
        """The event that told of the payment's success, as the stand-in would post it."""
        told = self._ask("GET", "/v1/events?type=payment_intent.succeeded")["data"]
        return next(each for each in told if each["data"]["object"]["id"] == self._known["pi"])

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        status, _, answer = call(self._sandbox, method, f"{ADDRESS}{path}", _HEADERS, body)
        if status >= 300:
            raise LookupError(f"The stand-in does not know {method} {path}: {answer.decode()}")
        return json.loads(answer)


application = Stub()
