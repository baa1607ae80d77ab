"""The stand-in as a process: over real HTTP, through `kill -9`, never beside live settings."""

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from billing_portal.sandbox.tests.paypal_fixtures import PayPalApi, captured, link

COMMAND = [sys.executable, "-m", "billing_portal.sandbox.paypal", "--data"]
IDENTITY = ["--client-id", "client", "--client-secret", "secret", "--webhook-id", "8PT597110X687430L"]


class Server:
    """The process, and a client over real HTTP."""

    client_id, client_secret = "client", "secret"

    def __init__(self, folder, *more):
        self.process = subprocess.Popen([*COMMAND, str(folder), *IDENTITY, *more], stdout=subprocess.PIPE, text=True)
        self.base_url = self.process.stdout.readline().split()[-1]
        self.api = PayPalApi(self, httpx.HTTPTransport(), timeout=5)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.stdout.close()
        return self.process.wait(10)


@pytest.fixture
def listener():
    """A receiver of webhooks and IPN: its address, what it got, and when it has three."""
    came = threading.Event()
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, body, self.headers))
            self.send_response(200)
            self.end_headers()
            if len(got) >= 3:
                came.set()

        def log_message(self, *_):
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got, came
    server.shutdown()
    server.server_close()


def test_pay_lose_the_answer_die_and_remember(tmp_path, listener):
    url, got, came = listener
    more = ("--webhook", f"{url}/hook", "--ipn", f"{url}/ipn")
    first = Server(tmp_path, *more)
    api = first.api
    order = api.order(request_id="order:1")
    assert link(order, "payer-action").startswith(first.base_url)
    api.decide(order)
    api.panel("POST", "faults", {"path": "*/capture", "fault": "drop_after"})
    with pytest.raises(httpx.TransportError):
        api.capture(order, "cap:1")
    assert came.wait(10)
    assert sorted(path for path, _, _ in got) == ["/hook", "/hook", "/ipn"]
    assert first.end(signal.SIGKILL) == -signal.SIGKILL

    second = Server(tmp_path, *more)
    api = second.api
    replayed = api.capture(order, "cap:1")
    assert replayed.status_code == 200
    assert [each["id"] for each in api.objects("captures")] == [captured(replayed.json())["id"]]
    ipn = next(body for path, body, _ in got if path == "/ipn")
    answer = api.http.post("/cgi-bin/webscr", content=b"cmd=_notify-validate&" + ipn)
    assert answer.text == "VERIFIED"
    body, headers = next((body, headers) for path, body, headers in got if b"CAPTURE.COMPLETED" in body)
    names = ("AUTH-ALGO", "CERT-URL", "TRANSMISSION-ID", "TRANSMISSION-SIG", "TRANSMISSION-TIME")
    facts = {name.lower().replace("-", "_"): headers[f"PAYPAL-{name}"] for name in names}
    asked = json.dumps({**facts, "webhook_id": "8PT597110X687430L"}).encode()[:-1] + b',"webhook_event":' + body + b"}"
    said = api.http.post(
        "/v1/notifications/verify-webhook-signature", content=asked, headers={"Content-Type": "application/json"}
    )
    assert said.json() == {"verification_status": "SUCCESS"}
    assert (tmp_path / "paypal-root.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert second.end() == 0


def test_it_says_what_the_portal_needs_to_know(tmp_path):
    process = subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    assert process.wait(10) == 0
    assert lines[0].startswith("The stand-in for PayPal listens on http://127.0.0.1:")
    assert [line.partition("=")[0] for line in lines[1:]] == [
        "PAYPAL_CLIENT_ID",
        "PAYPAL_CLIENT_SECRET",
        "PAYPAL_WEBHOOK_ID",
        "PAYPAL_WEBHOOK_CA_FILE",
    ]
    helped = subprocess.run([*COMMAND[:-1], "--help"], capture_output=True, text=True, timeout=20, check=True)
    assert "--webhook-id" in helped.stdout and "--ipn" in helped.stdout


@pytest.mark.parametrize("live", [{"PAYPAL_ENVIRONMENT": "live"}, {"STRIPE_SECRET_KEY": "sk_live_" + "a" * 24}])
def test_it_does_not_start_beside_live_settings(tmp_path, live):
    ended = subprocess.run(
        [*COMMAND, str(tmp_path)], env={**os.environ, **live}, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1 and next(iter(live)) in ended.stderr and "aaaa" not in ended.stderr
    assert not list(tmp_path.iterdir())
