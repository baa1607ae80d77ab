"""What goes over the wire in a comparison: the client, the stub of Stripe, and the events."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from billing_portal.bench.client import UnexpectedAnswer, post, timed
from billing_portal.bench.events import Events
from billing_portal.bench.servers import Web
from billing_portal.bench.stub import Stub
from payments.providers.stripe.events import verify


@pytest.fixture
def web():
    """A server that answers 201 and remembers what came, as the client of the comparisons sees it."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            got.append((self.path, self.headers["X-Number"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            """Silent."""

    class Server(HTTPServer):
        def process_request(self, request, client_address):
            threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True).start()

        def process_request_thread(self, request, client_address):
            self.finish_request(request, client_address)
            self.shutdown_request(request)

    class Here(Web):
        def cpu_seconds(self):
            return time.process_time()

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Here(None, server.server_port), got
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("connections", [1, 4])
def test_the_client_sends_every_request_and_waits_for_every_answer(web, connections):
    server, got = web
    requests = [post("/here", f"body {number}".encode(), {"X-Number": str(number)}) for number in range(10)]
    spent = timed(server, requests, status=201, connections=connections)
    assert sorted(got) == [("/here", str(number), f"body {number}".encode()) for number in range(10)]
    assert spent.seconds > 0 and spent.cpu_seconds >= 0


@pytest.mark.parametrize("connections", [1, 2])
def test_an_answer_that_was_not_meant_is_no_measurement(web, connections):
    server, _ = web
    with pytest.raises(UnexpectedAnswer, match="201 Created"):
        timed(server, [post("/here", b"", {"X-Number": "1"})] * 2, status=200, connections=connections)


def answered(stub, method, path, query=""):
    body = b"".join(
        stub({"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}, lambda status, headers: None)
    )
    return json.loads(body)


def test_the_stub_answers_about_any_payment_and_a_new_one_has_succeeded_when_it_is_read_again():
    stub = Stub()
    made = answered(stub, "POST", "/v1/payment_intents")
    assert made["status"] == "requires_action"
    read = answered(stub, "GET", f"/v1/payment_intents/{made['id']}", "expand[0]=latest_charge.balance_transaction")
    assert (read["id"], read["status"], read["amount"]) == (made["id"], "succeeded", 2_900)
    charge = read["latest_charge"]
    suffix = made["id"].removeprefix("pi_")
    assert (charge["id"], charge["payment_intent"]) == (f"ch_{suffix}", made["id"])
    assert answered(stub, "GET", f"/v1/charges/ch_{suffix}")["balance_transaction"] == f"txn_{suffix}"
    assert answered(stub, "GET", "/v1/refunds", f"payment_intent={made['id']}&limit=100")["data"] == []
    told = answered(stub, "GET", "/bench/event")
    assert told["type"] == "payment_intent.succeeded"


def test_events_differ_in_every_id_of_their_own_and_are_signed_for_the_portal(settings):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_of_this_test"]
    events = Events(answered(Stub(), "GET", "/bench/event"))
    seen = set()
    for request in (events.request("/hook"), events.request("/hook"), events.request("/hook", intent="pi_mine")):
        head, _, body = request.partition(b"\r\n\r\n")
        header = next(line for line in head.decode().split("\r\n") if line.startswith("Stripe-Signature: "))
        found = verify(
            body, header.removeprefix("Stripe-Signature: "), secrets=["whsec_of_this_test"], now=timezone.now()
        )
        seen |= {found.event_id, found.object_ref, found.payload["data"]["object"]["latest_charge"]}
    assert len(seen) == 9 and "pi_mine" in seen
