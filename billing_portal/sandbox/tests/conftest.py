"""A stand-in for Stripe with its books in a folder of the test's own, and the real SDK that talks to it in process."""

import json

import pytest
import stripe

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.checking import checked
from billing_portal.sandbox.stripe.in_process import ADDRESS, InProcessClient, call
from billing_portal.sandbox.tests.paypal_fixtures import api, hook, paypal  # noqa: F401 (fixtures)
from billing_portal.sandbox.tests.stripe_billing import clock, price, subscribe, with_card  # noqa: F401 (fixtures)

KEY = "sk_test_" + "a" * 24
AUTOMATIC = {"enabled": True, "allow_redirects": "never"}


class Receiver:
    """What would stand at the webhook's address: it keeps everything and answers `status`."""

    def __init__(self):
        self.status = 200
        self.got = []

    def __call__(self, url, body, headers):
        self.got.append((url, body, headers))
        return self.status

    @property
    def kinds(self):
        return [json.loads(body)["type"] for _, body, _ in self.got]


class Panel:
    """The control panel, as a script uses it. `ask` returns the content of a good answer."""

    def __init__(self, sandbox):
        self._sandbox = sandbox

    def raw(self, method, path, content=None, headers=None):
        body = None if content is None else json.dumps(content)
        status, _, answer = call(self._sandbox, method, f"{ADDRESS}/__sandbox/{path}", headers, body)
        return status, json.loads(answer)

    def ask(self, method, path, content=None):
        status, answer = self.raw(method, path, content)
        assert status == 200, answer
        return answer

    def objects(self, kind):
        return self.ask("GET", f"objects/{kind}")["data"]

    def log(self):
        return self.ask("GET", "log")


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def sandbox(tmp_path, receiver):
    standin = StripeSandbox(tmp_path / "stripe", webhook_url="http://portal.example/hook", send=receiver)
    yield standin
    standin.close()


@pytest.fixture
def panel(sandbox):
    return Panel(sandbox)


def connect(sandbox, key=KEY, retries=0, timeout=8):
    """The SDK, whose every request is checked against its own types before it is sent."""
    return checked(
        stripe.StripeClient(
            key,
            http_client=InProcessClient(sandbox, timeout=timeout),
            base_addresses={"api": ADDRESS},
            max_network_retries=retries,
        )
    )


@pytest.fixture
def client(sandbox):
    return connect(sandbox)


@pytest.fixture
def customer(client):
    return client.v1.customers.create({"email": "owner@acme.example", "metadata": {"tenant_id": "acme"}})


@pytest.fixture
def pay(client, customer):
    """Create and confirm a payment of 29 dollars by the customer."""

    def pay(method="pm_card_visa", key=None, **more):
        params = {
            "amount": 2900,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": method,
            "confirm": True,
            "automatic_payment_methods": AUTOMATIC,
            "metadata": {"payment_id": "p1"},
            **more,
        }
        return client.v1.payment_intents.create(params, {"idempotency_key": key} if key else None)

    return pay


@pytest.fixture
def save(client, customer):
    """Save a method for later by a SetupIntent; the panel passes its 3-D Secure when it is asked for."""

    def save(method, panel=None):
        accepted = {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "test"}}
        intent = client.v1.setup_intents.create(
            {
                "customer": customer.id,
                "payment_method": method,
                "confirm": True,
                "usage": "off_session",
                "automatic_payment_methods": AUTOMATIC,
                **({"mandate_data": {"customer_acceptance": accepted}} if "BankAccount" in method else {}),
            }
        )
        if intent.status == "requires_action":
            panel.ask("POST", "authenticate", {"id": intent.id, "outcome": "succeeded"})
        return intent.payment_method

    return save
