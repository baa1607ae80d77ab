"""Stripe for tests: the stand-in inside the process, the portal's own adapter with the real SDK, the stand-in's books.

The fixture `stripe` (in the root conftest) turns Stripe on for a test.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.test import Client
from django.test.client import ClientHandler

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.checking import checked
from billing_portal.sandbox.stripe.in_process import ADDRESS, InProcessClient, call
from payments.providers.stripe.client import build_client
from payments.providers.stripe.provider import StripeProvider

SECRET_KEY = "sk_test_" + "a" * 24
PUBLISHABLE_KEY = "pk_test_" + "a" * 24
WEBHOOK_SECRET = "whsec_of_the_tests"
WEBHOOK_PATH = "/api/payments/stripe/webhook"


class StripeWorld:
    """`sandbox` is Stripe, `provider` the adapter that speaks to it; every request is checked by the SDK's own types.

    Webhooks queue in the stand-in and reach the portal's endpoint when a test says `deliver()`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.sandbox = StripeSandbox(
            folder, webhook_url=f"http://testserver{WEBHOOK_PATH}", webhook_secret=WEBHOOK_SECRET, send=self._post
        )
        self.wire = InProcessClient(self.sandbox)
        client = build_client(SECRET_KEY, api_base=ADDRESS, http_client=self.wire)
        self.provider = StripeProvider(checked(client), webhook_secrets=[WEBHOOK_SECRET], environment="test")
        # One for all deliveries: a handler of its own for each would look for every static file again.
        self._handler = ClientHandler(enforce_csrf_checks=False)
        # A client beside the portal's: what a browser or the dashboard does.
        self.api = build_client(SECRET_KEY, api_base=ADDRESS, http_client=self.wire).v1

    def panel(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The stand-in's control panel: `panel("POST", "faults", {...})`. Answers its JSON."""
        content = json.dumps(body) if body is not None else None
        status, _, answer = call(
            self.sandbox, method, f"{ADDRESS}/__sandbox/{path}", {"Content-Type": "application/json"}, content
        )
        assert status < 300, answer
        return json.loads(answer) if answer else None

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """The stand-in's own books, oldest first."""
        return self.panel("GET", f"objects/{kind}")["data"]

    def taken(self) -> list[int]:
        """The amounts of every charge that succeeded."""
        return [each["amount"] for each in self.objects("charges") if each["status"] == "succeeded"]

    def fault(self, fault: str, path: str = "/v1/payment_intents*", *, method: str = "POST", **how: Any) -> None:
        """Let the next request of that kind go wrong; the SDK tries again once, so `times=2` loses both."""
        self.panel("POST", "faults", {"method": method, "path": path, "fault": fault, **how})

    def clock(self, now: datetime | None) -> None:
        self.panel("POST", "clock", {"now": now.isoformat().replace("+00:00", "Z") if now else None})

    def authenticate(self, reference: str, outcome: str = "succeeded") -> None:
        """What the payer does on the bank's page."""
        self.panel("POST", "authenticate", {"id": reference, "outcome": outcome})

    def settle(self, reference: str, outcome: str, code: str | None = None) -> None:
        """End what takes days."""
        self.panel("POST", "settle", {"id": reference, "outcome": outcome, **({"code": code} if code else {})})

    def deliver(self) -> None:
        """Post what is queued to the portal's webhook endpoint."""
        self.sandbox.deliver()

    def saved_method(self, customer: str, method: str = "pm_card_visa") -> str:
        """A card of that customer, saved as Stripe.js would; its id."""
        return self.api.payment_methods.attach(method, {"customer": customer}).id

    def bank_account(self, customer: str, method: str = "pm_usBankAccount_success") -> str:
        """A bank account with its mandate, saved through a SetupIntent; its id."""
        intent = self.api.setup_intents.create(
            {
                "customer": customer,
                "confirm": True,
                "payment_method": method,
                "usage": "off_session",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "mandate_data": {"customer_acceptance": {"type": "offline"}},
            }
        )
        return str(intent.payment_method)

    def close(self) -> None:
        self.sandbox.close()

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        content_type = sent.pop("HTTP_CONTENT_TYPE", "application/json")
        client = Client()
        client.handler = self._handler
        return client.post(WEBHOOK_PATH, body, content_type=content_type, **sent).status_code


def turned_on(world: StripeWorld, monkeypatch: Any, settings: Any) -> Callable[[], None]:
    """Make the portal use it; the call that is returned undoes what monkeypatch does not."""
    from payments.providers import breaker, registry
    from payments.providers.stripe import provider

    breaker.forget()  # what the tests before broke
    settings.STRIPE_SECRET_KEY, settings.STRIPE_PUBLISHABLE_KEY = SECRET_KEY, PUBLISHABLE_KEY
    settings.STRIPE_WEBHOOK_SECRETS, settings.STRIPE_JS_ORIGIN = [WEBHOOK_SECRET], ADDRESS
    settings.STRIPE_API_BASE, settings.PROVIDER_ENVIRONMENT = ADDRESS, "test"
    monkeypatch.setattr(provider, "from_settings", lambda: world.provider)
    registry.providers.cache_clear()
    return registry.providers.cache_clear
