"""A stand-in for PayPal in memory, and a client that speaks to it without a network.

What they say to each other is held against PayPal's own files when PAYPAL_SPECS_DIR names them.
"""

import itertools
import json
import os
from pathlib import Path

import httpx
import pytest

from billing_portal.sandbox.paypal.app import PayPalSandbox
from billing_portal.sandbox.paypal.checking import VARIABLE, CheckedTransport, Specs
from billing_portal.sandbox.paypal.in_process import InProcessTransport

RETURN, CANCEL = "http://portal.example/return", "http://portal.example/cancel"
CONTEXT = {"return_url": RETURN, "cancel_url": CANCEL}
WALLET = {
    "paypal": {
        "experience_context": {
            **CONTEXT,
            "brand_name": "Cloud Call Center",
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
        }
    }
}
EXAMPLE_PLAN = "P-5ML4271244454362WXNWU5NQ"
WHOLE = {"Prefer": "return=representation"}
HOOK, IPN = "http://portal.example/hook", "http://portal.example/ipn"


class PayPalReceiver:
    """What would stand at the webhook's and the IPN's address: it keeps everything and answers `status`."""

    def __init__(self):
        self.status = 200
        self.got = []

    def __call__(self, url, body, headers):
        self.got.append((url, body, headers))
        return self.status

    @property
    def events(self):
        return [json.loads(body) for url, body, _ in self.got if url == HOOK]

    @property
    def kinds(self):
        return [event["event_type"] for event in self.events]


class PayPalApi:
    """The API as a client sees it, with a token. Answers are httpx's; `ok` returns the content of a good one."""

    def __init__(self, sandbox, transport=None, timeout=8):
        self.sandbox = sandbox
        self._numbers = itertools.count(1)
        folder = os.environ.get(VARIABLE)
        inner = transport or InProcessTransport(sandbox)
        checked = CheckedTransport(inner, specs(folder)) if folder else inner
        self.http = httpx.Client(transport=checked, base_url=sandbox.base_url, timeout=timeout)
        self.sign_in()

    def sign_in(self):
        credentials = (self.sandbox.client_id, self.sandbox.client_secret)
        answer = self.http.post("/v1/oauth2/token", auth=credentials, data={"grant_type": "client_credentials"})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def ask(self, method, path, content=None, request_id=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if request_id:
            named["PayPal-Request-Id"] = request_id
        return self.http.request(method, path, json=content, headers=named)

    def ok(self, method, path, content=None, request_id=None, **headers):
        answer = self.ask(method, path, content, request_id, **{**WHOLE, **headers})
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def refused(self, method, path, content=None, request_id=None, **headers):
        """Status and issue of an error, whose sentence is PayPal's."""
        answer = self.ask(method, path, content, request_id, **headers)
        assert not answer.is_success, answer.text
        body = answer.json()
        assert body["debug_id"] == answer.headers["Paypal-Debug-Id"]
        issue = body["details"][0]["issue"] if body.get("details") else body["name"]
        return answer.status_code, issue

    def panel(self, method, path, content=None):
        answer = self.http.request(method, f"/__sandbox/{path}", json=content)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def objects(self, kind):
        return self.panel("GET", f"objects/{kind}")["data"]

    def effects(self):
        return [entry["effect"] for entry in self.panel("GET", "log") if entry["effect"]]

    def order(self, value="29.00", currency="USD", request_id=None, **unit):
        amount = {"currency_code": currency, "value": value}
        return self.ok(
            "POST",
            "/v2/checkout/orders",
            {"intent": "CAPTURE", "purchase_units": [{"amount": amount, **unit}], "payment_source": WALLET},
            request_id or f"make:{next(self._numbers)}",
        )

    def decide(self, order, decision="pay"):
        """What the payer does on the page."""
        return self.http.post(link(order, "payer-action", "approve"), data={"decision": decision})

    def capture(self, order, request_id=None, **headers):
        return self.ask("POST", f"/v2/checkout/orders/{order['id']}/capture", {}, request_id, **{**WHOLE, **headers})

    def paid(self, value="29.00", currency="USD", **unit):
        """A capture of an order that was approved."""
        order = self.order(value, currency, **unit)
        assert self.decide(order).status_code == 302
        answer = self.capture(order)
        assert answer.status_code == 201, answer.text
        return captured(answer.json())

    def refund(self, capture, value=None, currency="USD", request_id=None, **more):
        amount = {"amount": {"currency_code": currency, "value": value}} if value else {}
        path = f"/v2/payments/captures/{capture['id']}/refund"
        return self.ask("POST", path, {**amount, **more}, request_id, **WHOLE)

    def subscribed(self, **more):
        """A subscription whose payer has agreed."""
        asked = {"plan_id": EXAMPLE_PLAN, "application_context": CONTEXT, **more}
        made = self.ok("POST", "/v1/billing/subscriptions", asked)
        assert self.http.post(link(made, "approve"), data={"decision": "pay"}).status_code == 302
        return self.ok("GET", f"/v1/billing/subscriptions/{made['id']}")


def specs(folder):
    """The files, read once."""
    if folder not in _READ:
        _READ[folder] = Specs(Path(folder))
    return _READ[folder]


_READ = {}


def link(thing, *rels):
    return next(each["href"] for each in thing["links"] if each["rel"] in rels)


def captured(order):
    return order["purchase_units"][0]["payments"]["captures"][0]


@pytest.fixture
def hook():
    return PayPalReceiver()


@pytest.fixture
def paypal(hook):
    standin = PayPalSandbox(None, webhook_url=HOOK, ipn_url=IPN, send=hook, send_ipn=hook)
    yield standin
    standin.close()


@pytest.fixture
def api(paypal):
    return PayPalApi(paypal)
