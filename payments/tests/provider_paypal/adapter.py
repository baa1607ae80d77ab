"""PayPal's adapter for its own tests: it speaks to the stand-in inside the process, over a wire that can be watched.

Every request and answer is held against PayPal's OpenAPI files when PAYPAL_SPECS_DIR names them.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from billing_portal.kit.money import Money
from billing_portal.sandbox.paypal import signing
from billing_portal.sandbox.paypal.app import ADDRESS, PayPalSandbox
from billing_portal.sandbox.paypal.checking import VARIABLE, CheckedTransport
from billing_portal.sandbox.paypal.in_process import InProcessTransport
from billing_portal.sandbox.tests.paypal_fixtures import specs
from payments.providers.contract_approval import approval_request
from payments.providers.facts import RefundRequest
from payments.providers.paypal.certificates import Certificates
from payments.providers.paypal.client import PayPalClient
from payments.providers.paypal.provider import PayPalProvider
from payments.providers.paypal.verifying import Verifier

HOOK = "http://portal.example/hook"
SIG, AT, URL = "PAYPAL-TRANSMISSION-SIG", "PAYPAL-TRANSMISSION-TIME", "PAYPAL-CERT-URL"
Delivered = tuple[bytes, dict[str, str]]
Answering = Callable[[httpx.Request], httpx.Response | None]


class Wire(httpx.BaseTransport):
    """Keeps every request. `refuse` of the next find nobody, `headers` are added to each, `instead` may answer."""

    def __init__(self, sandbox: PayPalSandbox) -> None:
        inner = InProcessTransport(sandbox)
        folder = os.environ.get(VARIABLE)
        self._inner = CheckedTransport(inner, specs(folder)) if folder else inner
        self._lock = threading.Lock()
        self.requests: list[httpx.Request] = []
        self.refuse = 0
        self.headers: dict[str, str] = {}
        self.instead: Answering = lambda request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        is_token = request.url.path == "/v1/oauth2/token"
        with self._lock:
            self.requests.append(request)
            refused = self.refuse > 0 and not is_token
            self.refuse -= refused
        if refused:
            raise httpx.ConnectError("Connection refused", request=request)
        request.headers.update(self.headers)
        return self.instead(request) or self._inner.handle_request(request)

    @property
    def paths(self) -> list[str]:
        """`POST /v2/checkout/orders`, tokens left out."""
        found = [f"{each.method} {each.url.path}" for each in self.requests]
        return [each for each in found if "/oauth2/" not in each]


class PayPalAdapter:
    """The stand-in, the wire and the portal's adapter, with what payers, banks and the dashboard do."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.sandbox = PayPalSandbox(None, webhook_url=HOOK, send=self._receive)
        self.wire = Wire(self.sandbox)
        self.pauses: list[float] = []
        self.client = self.made_client()
        self.provider = self.made_provider()

    def made_client(self, *, secret: str | None = None) -> PayPalClient:
        return PayPalClient(
            self.sandbox.client_id,
            secret or self.sandbox.client_secret,
            api_base=ADDRESS,
            transport=self.wire,
            pause=self.pauses.append,
        )

    def made_provider(
        self,
        *,
        client: PayPalClient | None = None,
        environment: str = "test",
        mode: str = "api",
        webhook_id: str | None = None,
        live: bool = False,
        certificates: Certificates | None = None,
    ) -> PayPalProvider:
        client = client or self.client
        verifier = Verifier(
            client,
            certificates or self.certificates(live=live),
            webhook_id=self.sandbox.webhook_id if webhook_id is None else webhook_id,
            mode=mode,
        )
        return PayPalProvider(client, verifier, environment=environment, livemode=live, brand_name="Call Center")

    def certificates(self, *, live: bool = False, ca_file: str | None = None) -> Certificates:
        return Certificates(live=live, ca_file=ca_file, local_base=ADDRESS, transport=self.wire)

    def panel(self, method: str, path: str, content: Any = None) -> Any:
        with httpx.Client(transport=InProcessTransport(self.sandbox), base_url=ADDRESS) as http:
            answer = http.request(method, f"/__sandbox/{path}", json=content)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return self.panel("GET", f"objects/{kind}")["data"]

    def moved(self, kind: str) -> list[int]:
        """The amounts of the stand-in's own log, in the currency's smallest unit."""
        acts = [entry["effect"] for entry in self.panel("GET", "log") if entry["effect"]]
        return [act["amount"] for act in acts if act["kind"] == kind and act["state"] == "COMPLETED"]

    def fault(self, fault: str, path: str, *, method: str = "POST", **how: Any) -> None:
        self.panel("POST", "faults", {"method": method, "path": path, "fault": fault, **how})

    def approve(self, reference: str) -> None:
        self.panel("POST", "authenticate", {"id": reference, "outcome": "succeeded"})

    def settle(self, reference: str, outcome: str, **how: Any) -> None:
        self.panel("POST", "settle", {"id": reference, "outcome": outcome, **how})

    def clock(self, now: str | None) -> None:
        self.panel("POST", "clock", {"now": now})

    def agreed(self, minor: int = 2_900, currency: str = "usd") -> str:
        """An order whose payer has agreed."""
        reference = str(self.provider.begin(approval_request(minor=minor, currency=currency)).provider_ref)
        self.approve(reference)
        return reference

    def paid(self, minor: int = 2_900, currency: str = "usd") -> str:
        """The capture of an order that was paid."""
        reference = self.agreed(minor, currency)
        return str(self.provider.capture(reference, key=f"cap:{reference}").capture_ref)

    def mock(self, issue: str) -> None:
        """PayPal's own way to have an error answered."""
        self.wire.headers = {"PayPal-Mock-Response": json.dumps({"mock_application_codes": issue})}

    def deliveries(self) -> list[tuple[bytes, dict[str, str]]]:
        """What was sent to the webhook: bytes and headers."""
        self.sandbox.deliver()
        return self.got

    def close(self) -> None:
        self.sandbox.close()

    def _receive(self, url: str, body: bytes, headers: Any) -> int:
        self.got.append((body, dict(headers)))
        return 200


def refund_request(capture_ref: str, minor: int, currency: str = "usd", **facts: Any) -> RefundRequest:
    refund_id = facts.pop("refund_id", "5b1c2a7e-7a55-4f0d-9d51-0c2c4fb3b9a1")
    return RefundRequest(
        capture_ref,
        Money(minor, currency),
        facts.pop("key", f"refund:{refund_id}"),
        {"refund_id": refund_id, "payment_id": "2a7e5b1c-7a55-4f0d-9d51-0c2c4fb3b9a1"},
    )


def now() -> datetime:
    """The real time: a delivery is stamped with it."""
    return datetime.now(UTC)


def signed(
    paypal: PayPalAdapter, body: bytes, headers: dict[str, str], key: Any = None, **changed: str
) -> dict[str, str]:
    """The headers with a signature that fits them, by the stand-in's own key or another."""
    facts = {**headers, **changed}
    text = signing.message(facts["PAYPAL-TRANSMISSION-ID"], facts[AT], paypal.sandbox.webhook_id, body)
    signature = (key or paypal.sandbox.authority.leaf_key).sign(text, *signing._SCHEME)
    return {**facts, SIG: base64.b64encode(signature).decode()}


def serve(paypal: PayPalAdapter, answer: httpx.Response | Exception) -> None:
    """What is found where the certificate should be."""

    def instead(request: httpx.Request) -> httpx.Response | None:
        if "/certs/" not in request.url.path:
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    paypal.wire.instead = instead
