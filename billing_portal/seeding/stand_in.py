"""The stand-in for Stripe as the seed needs it: set its clock, keep its webhooks still, do what a payer's browser
does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from payments.models import Payment
from payments.providers.base import SetupResult

# Method, path, headers, body; the body of the answer. Raises OSError when it is not there, or refuses.
Send = Callable[[str, str, Mapping[str, str], bytes], bytes]


class StandIn:
    """`publishable_key`: what Stripe.js has."""

    def __init__(self, send: Send, publishable_key: str) -> None:
        self._send = send
        self._key = publishable_key

    @contextmanager
    def in_the_past(self) -> Iterator[None]:
        """Its clock follows `at`, and nobody is told of what happens: the seed asks for itself. Then it is as ever.

        What an interrupted seed left in its books is forgotten first, unless somebody has paid through it.
        """
        if not Payment.objects.filter(provider="stripe").exists():
            self._panel("reset", {})
        self._panel("webhooks", {"mode": "drop"})
        try:
            yield
        finally:
            self._panel("clock", {"now": None})
            self._panel("webhooks", {"mode": "normal"})

    def at(self, now: datetime) -> None:
        """What it does from here on happened at `now`."""
        self._panel("clock", {"now": now.isoformat()})

    def confirm(self, setup: SetupResult, token: str) -> str:
        """The payer confirms in the browser, as Stripe.js does; the method's id. `token`: one of Stripe's test
        methods."""
        form = {
            "key": self._key,
            "client_secret": setup.client_secret,
            "payment_method": token,
            "mandate_data[customer_acceptance][type]": "online",
            "mandate_data[customer_acceptance][online][infer_from_client]": "true",
        }
        path = f"/v1/setup_intents/{setup.provider_ref}/confirm"
        content = {"Content-Type": "application/x-www-form-urlencoded"}
        return str(json.loads(self._send("POST", path, content, urlencode(form).encode()))["payment_method"])

    def _panel(self, verb: str, content: dict[str, Any]) -> None:
        json_type = {"Content-Type": "application/json"}
        self._send("POST", f"/__sandbox/{verb}", json_type, json.dumps(content).encode())
