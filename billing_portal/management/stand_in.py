"""The demo's stand-in for Stripe as a process: how it is started, whether it answers, and how it is spoken to."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from signal import SIGTERM

from django.conf import settings
from django.core.management.base import CommandError

from billing_portal.embedded.child import dies_with_parent, stop
from billing_portal.settings.stand_ins import HOST, StandIn

WEBHOOK_PATH = "/api/payments/stripe/webhook"
START_SECONDS = 20
# It is on this machine: a proxy of the environment has nothing to do with it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def command(known: StandIn) -> list[str]:
    """What runs it. The address that it posts events to follows PORT; its books and its secret stay."""
    arguments = {
        "data": settings.DATA_DIR / "sandbox" / "stripe",
        "port": known.port,
        "webhook": f"http://{HOST}:{settings.PORT}{WEBHOOK_PATH}",
        "webhook-secret": known.webhook_secret,
    }
    options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "billing_portal.sandbox.stripe", *options]


def answers(known: StandIn) -> bool:
    """Whether it takes requests."""
    try:
        send(known, "GET", "/__sandbox/objects/disputes")
    except OSError:
        return False
    return True


def send(
    known: StandIn, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """One request to it; what it answers. Raises OSError when it does not answer, or refuses."""
    request = urllib.request.Request(  # noqa: S310 (our own address)
        known.url + path, body, dict(headers or {}), method=method
    )
    with _OPENER.open(request, timeout=10) as answer:
        return bytes(answer.read())


@contextmanager
def running(known: StandIn | None) -> Iterator[None]:
    """It runs for as long as this does, unless it ran before: then it is only borrowed; None: there is none to run.

    Raises CommandError.
    """
    if known is None or answers(known):
        yield
        return
    process = subprocess.Popen(
        command(known), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=dies_with_parent(SIGTERM)
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(known):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandError("The stand-in for Stripe did not start.")
            time.sleep(0.02)
        yield
    finally:
        stop(process, SIGTERM)
