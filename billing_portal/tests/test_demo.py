"""The demo as a process: it gets to READY, every way of stopping it leaves nothing behind."""

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from billing_portal.embedded import child
from billing_portal.testing import wait_until

pytestmark = [pytest.mark.demo, pytest.mark.skipif(not child.LINUX, reason="looks into /proc")]
ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 90


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("the demo's data")


@pytest.fixture
def start(data, tmp_path):
    """Starts the demo without its seed, waits for READY; returns process, port and the file with its output."""
    started = []

    def run(port=None, *, ready=True):
        port = port or free_port()
        output = tmp_path / f"output-{len(started)}"
        clean = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DEMO", "DJANGO_SETTINGS_MODULE", "DATABASE_URL"}
        }
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "demo", "--no-seed"],
                cwd=ROOT,
                env={**clean, "DATA_DIR": str(data), "PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        started.append(process)
        if ready:
            wait_until(lambda: "READY" in output.read_text() or process.poll() is not None, SECONDS)
            assert process.poll() is None, output.read_text()
        return process, port, output

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def processes():
    """Every process that lives: pid → (parent's pid, command line)."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            if state != "Z":
                found[int(folder.name)] = int(parent), (folder / "cmdline").read_text()
    return found


def family(process):
    """The pids of everything that a process started, and what those started."""
    living, found = processes(), {process.pid}
    while more := {pid for pid, (parent, _) in living.items() if parent in found} - found:
        found |= more
    return found - {process.pid}


def all_gone(pids):
    return not pids & processes().keys()


def answer(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return json.loads(response.read())


def stand_in(data, name="stripe"):
    """What the folder knows of its stand-in."""
    return json.loads((data / f"stand_in_{name}.json").read_text())


def panel(data, kind, name="stripe"):
    """The stand-in's own books."""
    return answer(stand_in(data, name)["port"], f"/__sandbox/objects/{kind}")["data"]


def addresses(data):
    return {name: f"http://127.0.0.1:{stand_in(data, name)['port']}" for name in ("stripe", "paypal")}


def are_there(data):
    with suppress(OSError):
        return all(isinstance(panel(data, "disputes", name), list) for name in ("stripe", "paypal"))
    return False


def ask_paypal(data, path, body, **headers):
    """One request to PayPal's stand-in, as the portal makes it."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{stand_in(data, 'paypal')['port']}{path}", body, headers, method="POST"
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.loads(response.read())


def approve_order(data):
    """Somebody approves an order at PayPal, of which it tells the portal."""
    known = stand_in(data, "paypal")
    credentials = base64.b64encode(f"{known['client_id']}:{known['client_secret']}".encode()).decode()
    token = ask_paypal(
        data,
        "/v1/oauth2/token",
        b"grant_type=client_credentials",
        Authorization=f"Basic {credentials}",
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )["access_token"]
    unit = {"amount": {"currency_code": "USD", "value": "29.00"}}
    json_type = {"Content-Type": "application/json"}
    order = ask_paypal(
        data,
        "/v2/checkout/orders",
        json.dumps({"intent": "CAPTURE", "purchase_units": [unit]}).encode(),
        Authorization=f"Bearer {token}",
        **json_type,
    )["id"]
    agrees = json.dumps({"id": order, "outcome": "succeeded"}).encode()
    ask_paypal(data, "/__sandbox/authenticate", agrees, **json_type)


def make_customer(data):
    """Something happens at the stand-in, of which it tells the portal."""
    known = stand_in(data)
    request = urllib.request.Request(
        f"http://127.0.0.1:{known['port']}/v1/customers",
        b"email=bills%40acme.example",
        {"Authorization": f"Bearer {known['secret_key']}"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.loads(response.read())["id"]


def heard_of(data, customer):
    """Whether the portal has taken the event: its secret is right, and so is the address that it is posted to."""
    events = [each for each in panel(data, "events") if each["data"]["object"]["id"] == customer]
    return [each["pending_webhooks"] for each in events] == [0]


def asked_paypal(data):
    """Whether the portal has taken an event of PayPal's: it asks PayPal whether that has signed it."""
    log = answer(stand_in(data, "paypal")["port"], "/__sandbox/log")
    asked = [each["status"] for each in log if each["path"] == "/v1/notifications/verify-webhook-signature"]
    return 200 in asked


def is_ready(port):
    with suppress(OSError):
        return answer(port, "/readyz") == {"database": "ok", "broker": "ok", "migrations": "ok"}
    return False


def test_from_start_to_ready_and_every_way_to_the_end(start, data):
    process, port, output = start()
    assert answer(port, "/readyz") == {"database": "ok", "broker": "ok", "migrations": "ok"}
    told = json.loads((data / "demo.json").read_text())
    assert told["url"] == f"http://127.0.0.1:{port}"
    assert told["databaseUrl"].startswith("postgresql://")
    assert told["redisUrl"].startswith("redis+socket://")
    assert stat.S_IMODE((data / "demo.json").stat().st_mode) == 0o600
    known = stand_in(data)
    assert told["sandbox"] == addresses(data)
    assert told["webhookSecrets"] == {"stripe": known["webhook_secret"]}
    customer = make_customer(data)
    wait_until(lambda: heard_of(data, customer), 20)
    approve_order(data)
    wait_until(lambda: asked_paypal(data), 20)
    text = output.read_text()
    assert all(f"http://127.0.0.1:{port}{path}" in text for path in ("/", "/admin/", "/api/docs"))
    children = family(process)
    assert len(children) >= 6, "web, worker, database, broker, the stand-ins for Stripe and PayPal"

    # A second one on the same port says what to do, and does no harm to the first.
    refused, _, complaint = start(port, ready=False)
    assert refused.wait(SECONDS) == 1
    assert "Choose another with PORT" in complaint.read_text()
    assert answer(port, "/healthz") == {"status": "ok"}

    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    assert all_gone(children)

    process, _, output = start()
    assert "migrating" not in output.read_text(), "nothing is to be migrated the second time"
    children = family(process)
    process.kill()
    process.wait()
    wait_until(lambda: all_gone(children), 20)


def test_it_moves_and_starts_again_what_was_killed(start, data):
    process, _, _ = start()
    known, customer = stand_in(data), make_customer(data)
    process.send_signal(signal.SIGHUP)
    assert process.wait(SECONDS) == 0

    # On another port of the portal's, and with a stranger on the stand-in's own.
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", known["port"]))
        stranger.listen()
        process, port, output = start()
    assert stand_in(data) == {**known, "port": stand_in(data)["port"]} != known
    told = json.loads((data / "demo.json").read_text())
    assert told["sandbox"] == addresses(data)
    assert customer in [each["id"] for each in panel(data, "customers")], "the books are the same"
    later = make_customer(data)
    wait_until(lambda: heard_of(data, later), 20)
    another, _, complaint = start(ready=False)
    assert another.wait(SECONDS) == 1
    assert "A demo runs in" in complaint.read_text()

    # Whoever is killed is started again, and the portal is there all the same.
    killed = (
        ("celery", "worker ended"),
        ("valkey", "broker ended"),
        ("granian", "web ended"),
        ("sandbox.stripe", "stripe ended"),
        ("sandbox.paypal", "paypal ended"),
    )
    for name, told in killed:
        living = processes()
        victim = next(pid for pid in family(process) if living[pid][0] == process.pid and name in living[pid][1])
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda told=told: told in output.read_text(), 20)
        wait_until(lambda: is_ready(port), 30)
    wait_until(lambda: are_there(data), 20)
    assert process.poll() is None
    children = family(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 0
    wait_until(lambda: all_gone(children), 20)
