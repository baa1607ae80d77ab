"""The stand-ins for Stripe and PayPal as the seed needs them: set their clocks, keep their messages still, do what a
payer's browser does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from payments.models import Payment, ProviderCustomer
from payments.providers.facts import SetupResult
from subscriptions.models import PlanPriceRef

# Method, path, headers, body; the body of the answer. Raises OSError when it is not there, or refuses.
Send = Callable[[str, str, Mapping[str, str], bytes], bytes]

# Rows that hold a provider's own references.
_KNOW_OF_IT = (Payment, ProviderCustomer, PlanPriceRef)


class StandIn:
    """Its clock stands where `at` has put it; whatever was due by then has happened there."""

    name: ClassVar[str]

    def __init__(self, send: Send) -> None:
        self._send = send

    @contextmanager
    def in_the_past(self) -> Iterator[None]:
        """Its clock follows `at`, and nobody is told of what happens: the seed asks for itself. Then it is as ever.

        What an interrupted seed left in its books is forgotten first, unless ours know something of it.
        """
        if not any(rows.objects.filter(provider=self.name).exists() for rows in _KNOW_OF_IT):
            self._panel("reset", {})
        self._tell("drop")
        try:
            yield
        finally:
            self._tell("normal")
            self._panel("clock", {"now": None})

    def at(self, now: datetime) -> None:
        """What it does from here on happened at `now`."""
        self._panel("clock", {"now": now.isoformat()})

    def _tell(self, mode: str) -> None:
        self._panel("webhooks", {"mode": mode})

    def _panel(self, verb: str, content: dict[str, Any]) -> None:
        json_type = {"Content-Type": "application/json"}
        self._send("POST", f"/__sandbox/{verb}", json_type, json.dumps(content).encode())


class StripeStandIn(StandIn):
    """`publishable_key`: what Stripe.js has."""

    name = "stripe"

    def __init__(self, send: Send, publishable_key: str) -> None:
        super().__init__(send)
        self._key = publishable_key

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


class PayPalStandIn(StandIn):
    """Its older channel, IPN, is kept as still as its webhooks."""

    name = "paypal"

    def approve(self, reference: str) -> None:
        """The payer agrees on PayPal's page."""
        self._panel("authenticate", {"id": reference, "outcome": "succeeded"})

    def _tell(self, mode: str) -> None:
        super()._tell(mode)
        self._panel("ipn", {"mode": mode})


@dataclass(frozen=True, slots=True)
class StandIns:
    """Those that there are: nobody's real account is written into."""

    stripe: StripeStandIn | None = None
    paypal: PayPalStandIn | None = None

    def __iter__(self) -> Iterator[StandIn]:
        return iter([each for each in (self.stripe, self.paypal) if each])

    @contextmanager
    def in_the_past(self) -> Iterator[None]:
        """All of them."""
        with ExitStack() as stack:
            for each in self:
                stack.enter_context(each.in_the_past())
            yield
