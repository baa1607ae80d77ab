"""PayPal's webhook address: what PayPal did not send is 400 without a row, and without a request to anybody else."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.x509 import load_pem_x509_certificate
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing_portal.sandbox.paypal import signing
from billing_portal.sandbox.tests.test_paypal_webhooks import forge
from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import WEBHOOK_PATH, PayPalWorld
from payments.inbox.handling import handle_due
from payments.models import Payment, ProviderEvent
from payments.providers import breaker, registry
from payments.providers.paypal import provider as adapter
from payments.tests.paypal_payments import owner_of, paid

pytestmark = pytest.mark.django_db

ASK = "/v1/notifications/verify-webhook-signature"
GENUINE = "/v1/notifications/certs/CERT-360caa42-fca2a594-7a8abba8"
MODES = ("api", "offline", "auto")
ID, AT, SIG, URL, ALGORITHM = (
    f"PAYPAL-{name}" for name in ("TRANSMISSION-ID", "TRANSMISSION-TIME", "TRANSMISSION-SIG", "CERT-URL", "AUTH-ALGO")
)
Sent = tuple[bytes, dict[str, str]]


class Watched(httpx.BaseTransport):
    """Counts what the portal asks of anybody at all; `instead` may answer."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.asked: list[str] = []
        self.instead: Callable[[httpx.Request], httpx.Response | None] = lambda request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/oauth2/token"):
            self.asked.append(str(request.url))
        return self.instead(request) or self._inner.handle_request(request)


@pytest.fixture
def genuine(paypal: PayPalWorld) -> Sent:
    """A delivery of a capture that PayPal has signed and not sent; the portal knows its payment."""
    breaker.forget()
    paid(paypal, owner_of(world.subscribed(slug="acme")))
    event = next(each for each in paypal.objects("events") if each["event_type"] == "PAYMENT.CAPTURE.COMPLETED")
    message = paypal.sandbox.webhooks.message(event, 1)
    return message.body, dict(message.headers)


@pytest.fixture
def turn(
    paypal: PayPalWorld, genuine: Sent, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> Iterator[Callable[..., Watched]]:
    """`turn("offline")`: the portal verifies that way, over a wire that is watched."""
    root = tmp_path / "root.pem"
    root.write_text(paypal.sandbox.root_pem)

    def turned(mode: str, **more: Any) -> Watched:
        settings.PAYPAL_WEBHOOK_VERIFICATION, settings.PAYPAL_WEBHOOK_CA_FILE = mode, str(root)
        for name, value in more.items():
            setattr(settings, name, value)
        wire = Watched(paypal.transport)
        monkeypatch.undo()  # the fixture's own adapter
        made = adapter.from_settings(transport=wire)
        monkeypatch.setattr(adapter, "from_settings", lambda: made)
        registry.providers.cache_clear()
        return wire

    yield turned
    paypal_books_agree(paypal)


def receive(body: bytes, headers: dict[str, str], *, address: str = "127.0.0.1") -> Any:
    sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    sent.pop("HTTP_CONTENT_TYPE", None)
    return Client(enforce_csrf_checks=True, REMOTE_ADDR=address).post(
        WEBHOOK_PATH, body, content_type="application/json", **sent
    )


def signed_by(key: Any, paypal: PayPalWorld, sent: Sent, **changed: str) -> Sent:
    """The same delivery with a signature by that key; `changed` headers first."""
    body, headers = sent[0], {**sent[1], **changed}
    text = signing.message(headers[ID], headers[AT], paypal.sandbox.webhook_id, body)
    return body, {**headers, SIG: base64.b64encode(key.sign(text, *signing._SCHEME)).decode()}


def refused(sent: Sent) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = receive(*sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert len(queries) == 0 and not ProviderEvent.objects.exists()


@pytest.mark.parametrize("mode", MODES)
def test_what_paypal_signed_is_stored_once_however_often_it_comes(
    turn: Callable[..., Watched], genuine: Sent, mode: str
) -> None:
    wire = turn(mode)
    assert [receive(*genuine).status_code for _ in range(3)] == [200, 200, 200]
    assert ProviderEvent.objects.get().kind == "PAYMENT.CAPTURE.COMPLETED"
    fetched = [url for url in wire.asked if "/certs/" in url]
    assert len(fetched) == (0 if mode == "api" else 1), "a certificate is kept"
    again = dict(genuine[1]) | {ID: "5e3a1b60-0000-11ee-8000-000000000000"}
    assert receive(genuine[0], again).status_code == 400, "nor under another transmission's name"


@pytest.mark.parametrize("mode", MODES)
def test_other_bytes_are_refused(turn: Callable[..., Watched], genuine: Sent, mode: str) -> None:
    turn(mode)
    body, headers = genuine
    content = json.loads(body)
    for wrong in (
        body.replace(b'"29.00"', b'"99.00"'),
        json.dumps(content).encode(),
        json.dumps(content, separators=(",", ":")).encode(),
        json.dumps(content, sort_keys=True).encode(),
        body + b"\n",
        b"{}",
        b"",
    ):
        refused((wrong, headers))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [ID, AT, SIG, URL, ALGORITHM])
def test_a_missing_header_is_refused_and_nobody_is_asked(
    turn: Callable[..., Watched], genuine: Sent, mode: str, name: str
) -> None:
    wire = turn(mode)
    refused((genuine[0], {key: value for key, value in genuine[1].items() if key != name}))
    assert wire.asked == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "url",
    [
        f"http://api.sandbox.paypal.com{GENUINE}",
        f"https://api.paypal.com{GENUINE}",
        f"https://api.sandbox.paypal.com.evil.example{GENUINE}",
        f"https://api.sandbox.paypal.com@evil.example{GENUINE}",
        f"https://paypal.com.evil.example{GENUINE}",
        f"https://api.sandbox.paypal.com:8443{GENUINE}",
        f"https://api.sandbox.paypal.com{GENUINE}?next=https://evil.example",
        f"https://api.sandbox.paypal.com{GENUINE}/../../oauth2/token",
        f"http://169.254.169.254{GENUINE}",
        "file:///etc/passwd",
        f"http://paypal.sandbox.evil.example{GENUINE}",
        "http://paypal.sandbox/__sandbox/log",
    ],
)
def test_a_certificate_of_another_host_is_refused_and_nobody_is_asked(
    paypal: PayPalWorld, turn: Callable[..., Watched], genuine: Sent, mode: str, url: str
) -> None:
    wire = turn(mode)
    refused(signed_by(signing.new_key(), paypal, genuine, **{URL: url}))
    refused(signed_by(paypal.sandbox.authority.leaf_key, paypal, genuine, **{URL: url}))
    assert wire.asked == []


def _leaf(paypal: PayPalWorld, kind: str) -> tuple[Any, str]:
    """(key, PEM) of another certificate: for another host, by an authority that nobody trusts, or of yesterday."""
    key, authority = signing.new_key(), paypal.sandbox.authority
    root, root_key = load_pem_x509_certificate(authority.root_pem.encode()), authority.root_key
    if kind == "another authority":
        root_key = signing.new_key()
        root = signing.certificate("Mine", root_key)
    name = "evil.example" if kind == "another host" else signing.HOST_NAME
    until = timezone.now().replace(microsecond=0) - timedelta(days=1) if kind == "expired" else None
    return key, signing.pem(signing.certificate(name, key, issuer=root, issuer_key=root_key, until=until))


@pytest.mark.parametrize("mode", ["offline", "auto"])
@pytest.mark.parametrize(
    "kind", ["another host", "another authority", "expired", "too large", "a redirect", "no certificate"]
)
def test_a_certificate_that_is_not_paypals_is_refused(
    paypal: PayPalWorld, turn: Callable[..., Watched], genuine: Sent, mode: str, kind: str
) -> None:
    wire = turn(mode)
    key, pem = _leaf(paypal, kind)
    answers = {
        "too large": httpx.Response(200, content=pem.encode() + b"\n" * 70_000),
        "a redirect": httpx.Response(302, headers={"Location": "https://evil.example/cert.pem"}),
        "no certificate": httpx.Response(200, content=b"hello"),
    }
    answer = answers.get(kind, httpx.Response(200, content=pem.encode()))
    wire.instead = lambda request: answer if "/certs/" in request.url.path else None
    refused(signed_by(key, paypal, genuine))
    assert not [url for url in wire.asked if "evil" in url]
    assert [ASK in url for url in wire.asked] == ([False, True] if mode == "auto" else [False]), "PayPal has said no"


@pytest.mark.parametrize("mode", MODES)
def test_an_event_for_another_webhook_is_refused(turn: Callable[..., Watched], genuine: Sent, mode: str) -> None:
    turn(mode, PAYPAL_WEBHOOK_ID="8PT597110X687430L")
    refused(genuine)


@pytest.mark.parametrize("mode", MODES)
def test_without_a_webhook_id_nothing_is_taken(turn: Callable[..., Watched], genuine: Sent, mode: str) -> None:
    wire = turn(mode, PAYPAL_WEBHOOK_ID=" ")
    assert receive(*genuine).status_code == 503
    assert wire.asked == [] and not ProviderEvent.objects.exists()


@pytest.mark.parametrize("fault", ["drop_before", "status", "html_500", "rate_limit"])
def test_while_paypal_can_not_say_it_is_asked_to_send_again(
    paypal: PayPalWorld, turn: Callable[..., Watched], genuine: Sent, fault: str
) -> None:
    wire = turn("api")
    paypal.fault(fault, ASK)
    answer = receive(*genuine)
    assert (answer.status_code, bool(answer["Retry-After"])) == (503, True)
    assert not ProviderEvent.objects.exists()
    assert len(wire.asked) == 1
    assert receive(*genuine).status_code == 200


def test_a_body_forged_under_the_same_checksum_is_a_hint_and_no_more(
    turn: Callable[..., Watched], genuine: Sent, paypal: PayPalWorld
) -> None:
    """The signature is over a checksum that anybody can meet. What is booked was fetched."""
    body, headers = genuine
    for number, mode in enumerate(MODES):
        turn(mode)
        forged = body.replace(b'"29.00"', b'"99999.00"').replace(b'"id":"WH-', f'"id":"WH-{number}'.encode())
        forged = forged.replace(b"PAYMENT.CAPTURE.COMPLETED", b"PAYMENT.CAPTURE.REFUNDED") if number else forged
        assert receive(forge(forged, zlib.crc32(body)), headers).status_code == 200
    handle_due(timezone.now() + timedelta(seconds=1))
    assert set(ProviderEvent.objects.values_list("status", flat=True)) == {"handled"}
    payment = Payment.objects.get()
    assert (payment.status, payment.amount_minor, payment.refunds.count()) == ("succeeded", 2_900, 0)


@pytest.mark.parametrize("mode", MODES)
def test_one_address_makes_us_ask_paypal_only_so_often(turn: Callable[..., Watched], genuine: Sent, mode: str) -> None:
    cache.clear()
    wire, (body, headers) = turn(mode, THROTTLE_RATES={"webhook": "2/day"}), genuine
    # Whoever forges one needs no key for that: it names another certificate of PayPal's each time.
    forged = [
        {**headers, URL: f"{headers[URL]}{number}", SIG: base64.b64encode(b"forged" * 40).decode()}
        for number in range(5)
    ]
    answers = [receive(body, each) for each in forged]
    refused = answers[-1]
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert int(refused["Retry-After"]) > 0
    assert len(wire.asked) == 2
    assert receive(body, forged[0], address="198.51.100.8").status_code != 429
    assert receive(b"{}", {}).status_code == 400, "what nobody would be asked about is not counted"


def test_what_is_verified_without_asking_is_taken_in_any_burst(turn: Callable[..., Watched], genuine: Sent) -> None:
    cache.clear()
    wire, (body, headers) = turn("offline", THROTTLE_RATES={"webhook": "1/day"}), genuine
    assert {receive(body, headers).status_code for _ in range(5)} == {200}
    assert len(wire.asked) == 1, "the certificate, once"
