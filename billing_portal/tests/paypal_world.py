"""PayPal for tests: the stand-in inside the process, the portal's own adapter, and the stand-in's books.

The fixture `paypal` (in the root conftest) turns PayPal on for a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from django.test import Client

from billing_portal.sandbox.paypal.app import PayPalSandbox
from billing_portal.sandbox.paypal.in_process import InProcessTransport

WEBHOOK_PATH = "/api/payments/paypal/webhook"
IPN_PATH = "/api/payments/paypal/ipn"


class PayPalWorld:
    """`sandbox` is PayPal. Webhooks and messages of its older channel queue there until a test says `deliver()`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.sandbox = PayPalSandbox(
            folder,
            webhook_url=f"http://testserver{WEBHOOK_PATH}",
            ipn_url=f"http://testserver{IPN_PATH}",
            send=self._post,
            send_ipn=self._post,
        )
        self.transport = InProcessTransport(self.sandbox)
        self._http = httpx.Client(transport=self.transport, base_url=self.sandbox.base_url, follow_redirects=False)

    def panel(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The stand-in's control panel. Answers its JSON."""
        answer = self._http.request(method, f"/__sandbox/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Any request that a browser or a script makes, and what is answered."""
        answer = self._http.request(method, path, headers=dict(headers), content=body)
        assert answer.status_code < 300, answer.text
        return answer.content

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """The stand-in's own books, oldest first."""
        return self.panel("GET", f"objects/{kind}")["data"]

    def taken(self) -> list[str]:
        """The amounts of every capture that is completed, as PayPal writes them."""
        return [each["amount"]["value"] for each in self.objects("captures") if each["status"] == "COMPLETED"]

    def fault(self, fault: str, path: str, *, method: str = "POST", **how: Any) -> None:
        """Let the next request of that kind go wrong."""
        self.panel("POST", "faults", {"method": method, "path": path, "fault": fault, **how})

    def approve(self, order_id: str) -> None:
        """What the payer does on PayPal's page."""
        self.panel("POST", "authenticate", {"id": order_id, "outcome": "succeeded"})

    def decides(self, page: str, decision: str) -> str:
        """What the payer presses on PayPal's page: `pay` or `cancel`. Where it leads."""
        answer = self._http.post(page, data={"decision": decision})
        assert answer.is_redirect, answer.text
        return answer.headers["Location"]

    def settle(self, reference: str, outcome: str, **how: Any) -> None:
        """End what takes days."""
        self.panel("POST", "settle", {"id": reference, "outcome": outcome, **how})

    def deliver(self) -> None:
        """Post what is queued to the portal."""
        self.sandbox.deliver()

    def close(self) -> None:
        self._http.close()
        self.sandbox.close()

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        content_type = sent.pop("HTTP_CONTENT_TYPE", "application/json")
        sent.pop("HTTP_CONTENT_LENGTH", None)
        path = IPN_PATH if url.endswith("/ipn") else WEBHOOK_PATH
        return Client().post(path, body, content_type=content_type, **sent).status_code


def turned_on(world: PayPalWorld, monkeypatch: Any, settings: Any) -> Callable[[], None]:
    """Make the portal use it; the call that is returned undoes what monkeypatch does not."""
    from payments.providers import breaker, registry
    from payments.providers.paypal import provider

    sandbox = world.sandbox
    settings.PAYPAL_CLIENT_ID, settings.PAYPAL_CLIENT_SECRET = sandbox.client_id, sandbox.client_secret
    settings.PAYPAL_WEBHOOK_ID, settings.PAYPAL_API_BASE = sandbox.webhook_id, sandbox.base_url
    settings.PAYPAL_WEBHOOK_CA_FILE = str(sandbox.root_file or "")
    settings.PAYPAL_MERCHANT_ID, settings.PAYPAL_MERCHANT_EMAIL = sandbox.merchant_id, sandbox.merchant_email
    settings.PROVIDER_ENVIRONMENT = "test"
    made = provider.from_settings(transport=world.transport)
    monkeypatch.setattr(provider, "from_settings", lambda: made)
    breaker.forget()
    registry.providers.cache_clear()
    return registry.providers.cache_clear
