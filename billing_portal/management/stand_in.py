"""The demo's stand-ins as processes: how one is started, whether it answers, and how it is spoken to."""

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
from billing_portal.settings.stand_ins import HOST, PayPalStandIn, StandIn, StripeStandIn, books
from payments.naming import provider_name

START_SECONDS = 20
# It is on this machine: a proxy of the environment has nothing to do with it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def command(known: StandIn) -> list[str]:
    """What runs it. The addresses that it posts to follow PORT; its books and its secrets stay."""
    arguments = {"data": books(settings.DATA_DIR, known), "port": known.port, **_own_arguments(known)}
    options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", f"billing_portal.sandbox.{known.name}", *options]


def _own_arguments(known: StandIn) -> dict[str, str]:
    payments = f"http://{HOST}:{settings.PORT}/api/payments"
    arguments = {"webhook": f"{payments}/{known.name}/webhook"}
    if isinstance(known, StripeStandIn):
        arguments["webhook-secret"] = known.webhook_secret
    elif isinstance(known, PayPalStandIn):
        arguments |= {
            "ipn": f"{payments}/paypal/ipn",
            "client-id": known.client_id,
            "client-secret": known.client_secret,
            "webhook-id": known.webhook_id,
            "merchant-id": known.merchant_id,
            "merchant-email": known.merchant_email,
        }
    return arguments


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
                raise CommandError(f"The stand-in for {provider_name(known.name)} did not start.")
            time.sleep(0.02)
        yield
    finally:
        stop(process, SIGTERM)
