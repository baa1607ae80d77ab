"""Whether PayPal sent a webhook: by each way to find out, with everything that somebody else might send instead."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from billing_portal.kit.money import Money
from billing_portal.sandbox.tests.test_paypal_webhooks import forge
from payments.providers.errors import BadSignature, ProviderMisconfigured, ProviderUnavailable
from payments.providers.facts import Topic
from payments.providers.paypal.certificates import Certificates
from payments.providers.paypal.provider import PayPalProvider
from payments.tests.provider_paypal.adapter import AT, SIG, URL, Delivered, PayPalAdapter, now, serve, signed

ASK = "POST /v1/notifications/verify-webhook-signature"
MODES = ("api", "offline", "auto")


@pytest.fixture(params=MODES)
def provider(request: pytest.FixtureRequest, paypal: PayPalAdapter, trusting: Certificates) -> PayPalProvider:
    return paypal.made_provider(mode=request.param, certificates=trusting)


def test_a_genuine_event_passes_and_tells_what_it_is_about(
    paypal: PayPalAdapter, provider: PayPalProvider, delivered: Delivered
) -> None:
    body, headers = delivered
    event = provider.verify(body, headers, now())
    (capture,) = paypal.objects("captures")
    assert (event.kind, event.topic) == ("PAYMENT.CAPTURE.COMPLETED", Topic.PAYMENT)
    assert event.object_ref == paypal.objects("orders")[0]["id"] != capture["id"]
    assert (event.event_id[:3], event.livemode, event.api_version) == ("WH-", False, "2.0")
    assert abs(now() - event.occurred_at) < timedelta(minutes=5)
    assert event.payload == json.loads(body)
    lower = {name.lower(): value for name, value in headers.items()}
    assert provider.verify(body, lower, now()) == event, "a copy passes too: the inbox keeps each event once"


def test_the_question_has_the_very_bytes(paypal: PayPalAdapter, delivered: Delivered) -> None:
    paypal.provider.verify(*delivered, now())
    assert paypal.wire.paths == [ASK]
    assert delivered[0] in paypal.wire.requests[-1].content


def test_other_bytes_are_refused(provider: PayPalProvider, delivered: Delivered) -> None:
    body, headers = delivered
    content = json.loads(body)
    for wrong in (
        body.replace(b"29.00", b"99.00"),
        json.dumps(content).encode(),
        json.dumps(content, separators=(",", ":")).encode(),
        json.dumps(content, indent=2).encode(),
        json.dumps(content, sort_keys=True).encode(),
        body + b"\n",
        b" " + body,
        b"\xef\xbb\xbf" + body,
    ):
        with pytest.raises(BadSignature):
            provider.verify(wrong, headers, now())


@pytest.mark.parametrize("mode", MODES)
def test_another_webhooks_events_are_refused(
    paypal: PayPalAdapter, trusting: Certificates, delivered: Delivered, mode: str
) -> None:
    other = paypal.made_provider(mode=mode, certificates=trusting, webhook_id="8PT597110X687430L")
    with pytest.raises(BadSignature):
        other.verify(*delivered, now())


@pytest.mark.parametrize(
    "changed",
    [
        {SIG: ""},
        {SIG: "no-base64!"},
        {SIG: "ä" * 40},
        {SIG: base64.b64encode(bytes(256)).decode()},
        {SIG: base64.b64encode(bytes(10)).decode()},
        {SIG: "A" * 600},
        {"PAYPAL-TRANSMISSION-ID": ""},
        {"PAYPAL-TRANSMISSION-ID": "5e3a1b60-0000-11ee-8000-000000000000"},
        {"PAYPAL-TRANSMISSION-ID": "x" * 51},
        {"PAYPAL-AUTH-ALGO": ""},
        {"PAYPAL-AUTH-ALGO": "SHA1withRSA"},
        {"PAYPAL-AUTH-ALGO": "none"},
        {"PAYPAL-AUTH-ALGO": "sha256withrsa"},
        {AT: ""},
        {AT: "yesterday"},
        {AT: "2026-02-31T00:00:00Z"},
        {URL: ""},
    ],
)
def test_a_header_that_is_missing_or_of_another_shape_is_refused(
    provider: PayPalProvider, delivered: Delivered, changed: dict[str, str]
) -> None:
    body, headers = delivered
    with pytest.raises(BadSignature):
        provider.verify(body, {**headers, **changed}, now())
    (name,) = changed
    with pytest.raises(BadSignature):
        provider.verify(body, {key: value for key, value in headers.items() if key != name}, now())


def test_bars_can_not_move_parts_of_the_signed_text(
    paypal: PayPalAdapter, provider: PayPalProvider, delivered: Delivered
) -> None:
    body, headers = delivered
    moved = f"{headers['PAYPAL-TRANSMISSION-ID']}|{headers[AT]}"
    for changed in ({"PAYPAL-TRANSMISSION-ID": moved}, {AT: f"{headers[AT]}|{paypal.sandbox.webhook_id}"}):
        with pytest.raises(BadSignature):
            provider.verify(body, {**headers, **changed}, now())


@pytest.mark.parametrize(
    ("age", "passes"),
    [
        (timedelta(days=3, hours=23), True),
        (timedelta(minutes=-50), True),
        (timedelta(days=4, minutes=1), False),
        (timedelta(days=7), False),
        (timedelta(hours=-2), False),
    ],
)
def test_what_was_signed_too_long_ago_or_not_yet_is_refused(
    paypal: PayPalAdapter, provider: PayPalProvider, delivered: Delivered, age: timedelta, passes: bool
) -> None:
    body, headers = delivered
    sent = signed(paypal, body, headers, **{AT: (now() - age).strftime("%Y-%m-%dT%H:%M:%SZ")})
    if passes:
        assert provider.verify(body, sent, now()).topic is Topic.PAYMENT
    else:
        with pytest.raises(BadSignature):
            provider.verify(body, sent, now())


def test_an_instant_without_a_zone_is_none(
    paypal: PayPalAdapter, provider: PayPalProvider, delivered: Delivered
) -> None:
    body, headers = delivered
    sent = signed(paypal, body, headers, **{AT: now().strftime("%Y-%m-%dT%H:%M:%S")})
    with pytest.raises(BadSignature):
        provider.verify(body, sent, now())


@pytest.mark.parametrize("mode", ["api", "auto"])
def test_while_paypal_can_not_say_it_is_sent_again(paypal: PayPalAdapter, delivered: Delivered, mode: str) -> None:
    provider = paypal.made_provider(mode=mode)
    body, headers = delivered
    for fault in ("drop_after", "status", "html_500", "rate_limit"):
        paypal.wire.requests.clear()
        paypal.fault(fault, "/v1/notifications/verify-webhook-signature")
        serve(paypal, httpx.ConnectError("refused"))
        with pytest.raises(ProviderUnavailable):
            provider.verify(body, headers, now())
        assert paypal.wire.paths.count(ASK) == 1, "a question without a request id is not sent twice"


@pytest.mark.parametrize(
    ("answer", "raises"),
    [
        (httpx.Response(200, json={"verification_status": "MAYBE"}), ProviderUnavailable),
        (httpx.Response(200, json={}), ProviderUnavailable),
        (httpx.Response(200, json={"verification_status": "FAILURE"}), BadSignature),
        (httpx.Response(400, json={"name": "VALIDATION_ERROR", "message": "Invalid data provided"}), BadSignature),
        (httpx.Response(404, json={"name": "INVALID_RESOURCE_ID", "message": "None"}), ProviderMisconfigured),
        (httpx.Response(403, json={"name": "NOT_AUTHORIZED", "message": "No"}), ProviderMisconfigured),
    ],
)
def test_only_success_is_one(
    paypal: PayPalAdapter, delivered: Delivered, authority: str, answer: httpx.Response, raises: type[Exception]
) -> None:
    provider = paypal.made_provider(certificates=paypal.certificates(ca_file=authority))
    paypal.wire.instead = lambda request: answer if request.url.path.endswith("signature") else None
    with pytest.raises(raises) as raised:
        provider.verify(*delivered, now())
    assert type(raised.value) is raises


@pytest.mark.parametrize("webhook_id", ["", "   "])
def test_without_a_webhook_id_nothing_is_verified(paypal: PayPalAdapter, delivered: Delivered, webhook_id: str) -> None:
    for mode in MODES:
        with pytest.raises(ProviderMisconfigured):
            paypal.made_provider(mode=mode, webhook_id=webhook_id).verify(*delivered, now())
    assert paypal.wire.requests == []


def test_an_unknown_mode_or_authority_does_not_fail_open(
    paypal: PayPalAdapter, delivered: Delivered, tmp_path: Path
) -> None:
    with pytest.raises(ProviderMisconfigured):
        paypal.made_provider(mode="none")
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "missing.pem"):
        found = paypal.certificates(ca_file=str(tmp_path / name))
        with pytest.raises(ProviderMisconfigured):
            paypal.made_provider(mode="offline", certificates=found).verify(*delivered, now())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b"[]",
        b"not json",
        b"\xff\xfe",
        b"{}",
        b'{"id": "WH-1", "event_type": "X"}',
        b'{"id": 1, "event_type": "X", "create_time": "2026-11-01T00:00:00Z"}',
        b'{"id": "WH-1", "event_type": "X", "create_time": "2026-11-01T00:00:00"}',
        b'{"id": "WH-1\\u0000", "event_type": "X", "create_time": "2026-11-01T00:00:00Z"}',
        b'{"id": "WH-1", "event_type": "X", "create_time": "2026-11-01T00:00:00Z", "n": NaN}',
        b'{"id": "WH-1", "event_type": "X", "create_time": "2026-11-01T00:00:00Z", "n": ' + b"9" * 5_000 + b"}",
        b'{"id": "WH-1", "event_type": "X", "create_time": "2026-11-01T00:00:00Z"}, "webhook_id": "mine"',
        b'{"id": "WH-1", "event_type": "X", "create_time": "2026-11-01T00:00:00Z", "n": ' + b"[" * 100_000,
        b'{"id": "WH-1", "event_type": "X", "create_time": "2026-11-01T00:00:00Z", "n": "' + b"x" * 1_000_000 + b'"}',
    ],
)
def test_what_is_no_event_is_refused_and_nobody_is_asked(
    paypal: PayPalAdapter, provider: PayPalProvider, delivered: Delivered, body: bytes
) -> None:
    sent = signed(paypal, body, delivered[1])
    with pytest.raises(BadSignature):
        provider.verify(body, sent, now())
    assert paypal.wire.requests == []


def test_a_body_forged_under_the_same_checksum_passes_and_what_is_read_is_the_truth(
    paypal: PayPalAdapter, provider: PayPalProvider, delivered: Delivered
) -> None:
    """Nobody can tell: PayPal says so itself. That is why no amount and no state is taken from an event."""
    body, headers = delivered
    forged = forge(body.replace(b'"29.00"', b'"99999.00"'), zlib.crc32(body))
    event = provider.verify(forged, headers, now())
    assert event.payload["resource"]["amount"]["value"] == "99999.00"
    assert provider.look_up(event.object_ref).amount == Money(2_900, "usd")
