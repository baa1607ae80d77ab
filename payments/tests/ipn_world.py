"""IPN messages for tests: those that PayPal's stand-in has sent, forged ones, and the line over which it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from django.test import Client
from django.utils import timezone

from billing_portal.sandbox.paypal import ipn
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.in_process import InProcessTransport
from billing_portal.tests.paypal_world import IPN_PATH, PayPalWorld
from payments.inbox.handling import handle_due
from payments.providers import registry
from payments.providers.paypal.ipn_channel import IpnChannel

FORM = "application/x-www-form-urlencoded"
CAPTURE = "4NM1234567890123A"


class Line(httpx.BaseTransport):
    """Keeps every question about a message. `instead` answers in the stand-in's place: (status, body), or an error."""

    def __init__(self, paypal: PayPalWorld) -> None:
        self._inner = InProcessTransport(paypal.sandbox)
        self.asked: list[httpx.Request] = []
        self.instead: tuple[int, bytes] | Exception | None = None
        self.headers: dict[str, str] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if isinstance(self.instead, Exception):
            raise self.instead
        if self.instead:
            return httpx.Response(self.instead[0], content=self.instead[1], headers=self.headers, request=request)
        return self._inner.handle_request(request)


def channel() -> IpnChannel:
    """The adapter in use."""
    found = registry.named("paypal", IpnChannel)
    assert found
    return found


def listened(paypal: PayPalWorld) -> Line:
    """From now on questions about messages go over this line."""
    line = Line(paypal)
    channel().account = replace(channel().account, transport=line)
    return line


def post(body: bytes | str, *, content_type: str = FORM, path: str = IPN_PATH, **more: Any) -> Any:
    return Client(enforce_csrf_checks=True).post(path, body, content_type=content_type, **more)


def sent(paypal: PayPalWorld) -> list[bytes]:
    """Every message that PayPal has sent or is about to, oldest first."""
    return [each["body"].encode() for each in paypal.sandbox.books.find("ipns")]


def genuine(paypal: PayPalWorld, kind: str = "express_checkout", **fields: str) -> bytes:
    """Another message of PayPal's."""
    known = {"txn_id": CAPTURE, "payment_status": "Completed", "mc_gross": "29.00", "mc_currency": "USD"}
    with paypal.sandbox.books.transaction():
        ipn._tell(Act(paypal.sandbox.books, paypal.sandbox.account), kind, **({} if fields else known), **fields)
    return sent(paypal)[-1]


def changed(body: bytes, **fields: str | None) -> bytes:
    """The same message with other fields; None takes one out."""
    whole = dict(parse_qsl(body.decode(), encoding=ipn.CHARSET)) | fields
    return urlencode({name: value for name, value in whole.items() if value is not None}, encoding=ipn.CHARSET).encode()


def handled(times: int = 1) -> None:
    """The worker's rounds, each late enough for what failed in the one before."""
    for each in range(times):
        handle_due(timezone.now() + timedelta(minutes=1 + 30 * each))
