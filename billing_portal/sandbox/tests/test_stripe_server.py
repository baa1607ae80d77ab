"""The stand-in as a process: over real HTTP, through `kill -9`, never beside live keys."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe

from billing_portal.sandbox.tests.conftest import AUTOMATIC, KEY

SECRET = "whsec_test"


class Server:
    """The process, and an SDK that speaks to it."""

    def __init__(self, folder, *more, **environment):
        command = [sys.executable, "-m", "billing_portal.sandbox.stripe", "--data", str(folder), *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
        self.url = self.process.stdout.readline().split()[-1]
        self.client = stripe.StripeClient(
            KEY, base_addresses={"api": self.url}, http_client=stripe.RequestsClient(timeout=5), max_network_retries=0
        )

    def panel(self, path, content):
        request = urllib.request.Request(f"{self.url}/__sandbox/{path}", json.dumps(content).encode(), method="POST")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.stdout.close()
        return self.process.wait(10)


@pytest.fixture
def hook():
    """A receiver over HTTP: its address, and what it got, as it comes."""
    got = []
    came = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET).type)
            self.send_response(200)
            self.end_headers()
            if got[-1] == "payment_intent.succeeded":
                came.set()

        def log_message(self, *_):
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got, came
    server.shutdown()
    server.server_close()


def test_pay_lose_the_answer_die_and_remember(tmp_path, hook):
    url, got, came = hook
    params = {
        "amount": 2900,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "automatic_payment_methods": AUTOMATIC,
    }
    first = Server(tmp_path, "--webhook", url, "--webhook-secret", SECRET)
    first.panel("faults", {"path": "/v1/payment_intents", "fault": "drop_after"})
    with pytest.raises(stripe.APIConnectionError):
        first.client.v1.payment_intents.create(params, {"idempotency_key": "pay:1"})
    assert came.wait(10) and "charge.succeeded" in got
    first.panel("faults", {"path": "/v1/payment_intents", "fault": "html_500"})
    with pytest.raises(stripe.APIError):
        first.client.v1.payment_intents.list()
    assert first.end(signal.SIGKILL) == -signal.SIGKILL

    second = Server(tmp_path, "--webhook", url, "--webhook-secret", SECRET)
    replayed = second.client.v1.payment_intents.create(params, {"idempotency_key": "pay:1"})
    assert replayed.status == "succeeded" and replayed.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(second.client.v1.charges.list().data) == 1
    assert second.end() == 0


def test_a_subscription_outlives_the_process_and_renews_when_its_time_comes(tmp_path):
    first = Server(tmp_path)
    first.panel("clock", {"now": "2027-01-31T00:00:00Z"})
    v1 = first.client.v1
    customer = v1.customers.create({"payment_method": "pm_card_visa"}).id
    card = v1.customers.payment_methods.list(customer).data[0].id
    product = v1.products.create({"name": "Professional"}).id
    terms = {"product": product, "currency": "usd", "unit_amount": 4900, "recurring": {"interval": "month"}}
    items = [{"price": v1.prices.create(terms).id}]
    v1.subscriptions.create({"customer": customer, "items": items, "default_payment_method": card})
    assert first.end(signal.SIGKILL) == -signal.SIGKILL

    second = Server(tmp_path)
    assert second.panel("clock", {"now": "2027-03-01T00:00:00Z"})["settled"] == 1
    renewed, _ = second.client.v1.invoices.list().data
    assert (renewed.amount_paid, renewed.lines.data[0].period.start) == (4900, 1803772800)
    assert second.end() == 0


def test_it_does_not_start_beside_live_keys(tmp_path):
    command = [sys.executable, "-m", "billing_portal.sandbox.stripe", "--data", str(tmp_path)]
    live = {**os.environ, "STRIPE_SECRET_KEY": "sk_live_" + "a" * 24}
    ended = subprocess.run(command, env=live, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "STRIPE_SECRET_KEY holds a live key" in ended.stderr and "aaaa" not in ended.stderr
