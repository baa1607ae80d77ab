"""The certificate behind a webhook: where it may come from, whom it must name, and that nobody else is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate

from billing_portal.sandbox.paypal import signing
from billing_portal.sandbox.paypal.app import ADDRESS
from payments.providers.errors import BadSignature, ProviderUnavailable
from payments.providers.facts import Topic
from payments.providers.paypal import certificates
from payments.providers.paypal.certificates import CertificateProblem, Certificates
from payments.providers.paypal.provider import PayPalProvider
from payments.tests.provider_paypal.adapter import URL, Delivered, PayPalAdapter, now, serve, signed

ASK = "POST /v1/notifications/verify-webhook-signature"
MODES = ("api", "offline", "auto")


@pytest.fixture(params=MODES)
def provider(request: pytest.FixtureRequest, paypal: PayPalAdapter, trusting: Certificates) -> PayPalProvider:
    return paypal.made_provider(mode=request.param, certificates=trusting)


@pytest.fixture
def offline(paypal: PayPalAdapter, trusting: Certificates) -> PayPalProvider:
    return paypal.made_provider(mode="offline", certificates=trusting)


GENUINE = "/v1/notifications/certs/CERT-360caa42-fca2a594-7a8abba8"


@pytest.mark.parametrize(
    "url",
    [
        f"http://api.sandbox.paypal.com{GENUINE}",
        f"https://api.paypal.com{GENUINE}",  # PayPal's own, of the other mode
        f"https://api.sandbox.paypal.com@evil.example{GENUINE}",
        f"https://user:pass@api.sandbox.paypal.com{GENUINE}",
        f"https://api.sandbox.paypal.com.evil.example{GENUINE}",
        f"https://evil-api.sandbox.paypal.com{GENUINE}",
        f"https://apixsandbox.paypal.com{GENUINE}",
        f"https://api.sandbox.paypal.com:8443{GENUINE}",
        f"https://api.sandbox.paypal.com{GENUINE}?next=https://evil.example",
        f"https://api.sandbox.paypal.com{GENUINE}#x",
        f"https://api.sandbox.paypal.com{GENUINE}/../../../oauth2/token",
        "https://api.sandbox.paypal.com/v1/notifications/certs/../CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-%2e%2e",
        f"https:\\\\api.sandbox.paypal.com{GENUINE}",
        f"https://API.SANDBOX.PAYPAL.COM{GENUINE}",
        f"//api.sandbox.paypal.com{GENUINE}",
        f"https://api.sandbox.paypal.com{GENUINE}\n",
        f"https://api.sandbox.paypal.com{GENUINE}ä",
        f"http://169.254.169.254{GENUINE}",
        "file:///etc/passwd",
        f"{ADDRESS}.evil.example{GENUINE}",
        f"{ADDRESS}@evil.example{GENUINE}",
        f"{ADDRESS}:80{GENUINE}",
        f"{ADDRESS.replace('.', 'x')}{GENUINE}",
        f"{ADDRESS}/__sandbox/log",
        f"https://api.sandbox.paypal.com{'/x' * 300}",
    ],
)
def test_a_certificate_from_anywhere_else_is_refused_and_nobody_is_asked(
    paypal: PayPalAdapter, provider: PayPalProvider, delivered: Delivered, url: str
) -> None:
    body, headers = delivered
    with pytest.raises(BadSignature):
        provider.verify(body, {**headers, URL: url}, now())
    assert paypal.wire.requests == []


@pytest.mark.parametrize("live", [True, False])
def test_paypals_own_addresses_are_known_and_a_stand_ins_only_in_the_sandbox(
    paypal: PayPalAdapter, authority: str, live: bool
) -> None:
    word = "" if live else ".sandbox"
    found = paypal.certificates(live=live, ca_file=authority)
    for name in ("api", "api-m"):
        found.refuse_address(f"https://{name}{word}.paypal.com{GENUINE}")
    if live:
        with pytest.raises(BadSignature):
            found.refuse_address(f"{ADDRESS}{GENUINE}")
    else:
        found.refuse_address(f"{ADDRESS}{GENUINE}")
        with pytest.raises(BadSignature):
            Certificates(live=False, ca_file=authority).refuse_address(f"{ADDRESS}{GENUINE}")


def test_without_its_authority_a_stand_in_signs_nothing_offline(paypal: PayPalAdapter, delivered: Delivered) -> None:
    with pytest.raises(BadSignature):
        paypal.made_provider(mode="offline").verify(*delivered, now())


def test_the_stand_ins_authority_means_nothing_in_live_mode(
    paypal: PayPalAdapter, authority: str, delivered: Delivered
) -> None:
    body, headers = delivered
    found = paypal.certificates(live=True, ca_file=authority)
    live = paypal.made_provider(live=True, mode="offline", certificates=found)
    text, key = leaf(paypal, name="messageverificationcerts.paypal.com")
    serve(paypal, httpx.Response(200, text=text))
    with pytest.raises(BadSignature):
        live.verify(body, signed(paypal, body, headers, key, **{URL: f"https://api.paypal.com{GENUINE}"}), now())
    assert len(paypal.wire.requests) == 1, "it was looked at"


def test_a_certificate_is_good_until_its_end(trusting: Certificates, delivered: Delivered) -> None:
    url = delivered[1][URL]
    trusting.key_for(url, now())
    for at in (datetime(2019, 12, 31, tzinfo=UTC), now() + timedelta(days=3_651)):
        with pytest.raises(CertificateProblem):
            trusting.key_for(url, at)


def leaf(paypal: PayPalAdapter, **how: Any) -> tuple[str, Any]:
    """Another certificate of the stand-in's authority, or of another, with its key."""
    key = how.pop("key", None) or signing.new_key()
    root = load_pem_x509_certificate(paypal.sandbox.root_pem.encode())
    facts = {"issuer": root, "issuer_key": paypal.sandbox.authority.root_key, **how}
    return signing.pem(signing.certificate(facts.pop("name", signing.HOST_NAME), key, **facts)), key


def foreign(paypal: PayPalAdapter) -> tuple[str, Any]:
    key = signing.new_key()
    root = signing.certificate("Another root", key)
    return leaf(paypal, issuer=root, issuer_key=key)


def self_signed(paypal: PayPalAdapter) -> tuple[str, Any]:
    key = signing.new_key()
    return signing.pem(signing.certificate(signing.HOST_NAME, key)), key


@pytest.mark.parametrize(
    "made",
    [
        lambda paypal: leaf(paypal, name="shop.example"),
        lambda paypal: leaf(paypal, name="messageverificationcerts.paypal.com"),
        lambda paypal: leaf(paypal, name="messageverificationcerts.sandbox.paypal.com.evil.example"),
        lambda paypal: leaf(paypal, until=now() - timedelta(days=1)),
        foreign,
        self_signed,
    ],
    ids=["another host", "the live host", "a look-alike", "expired", "another authority", "none at all"],
)
def test_a_certificate_that_is_not_paypals_signs_nothing(
    paypal: PayPalAdapter, trusting: Certificates, delivered: Delivered, made: Any
) -> None:
    body, headers = delivered
    text, key = made(paypal)
    serve(paypal, httpx.Response(200, text=text))
    sent = signed(paypal, body, headers, key)
    for mode in ("offline", "auto"):
        with pytest.raises(BadSignature):
            paypal.made_provider(mode=mode, certificates=trusting).verify(body, sent, now())
    assert ASK in paypal.wire.paths, "the second had PayPal's own word for it"


def test_a_right_certificate_with_another_kind_of_key_signs_nothing(
    paypal: PayPalAdapter, offline: PayPalProvider, delivered: Delivered
) -> None:
    text, _ = leaf(paypal, key=ec.generate_private_key(ec.SECP256R1()))
    serve(paypal, httpx.Response(200, text=text))
    with pytest.raises(BadSignature):
        offline.verify(*delivered, now())


@pytest.mark.parametrize(
    ("answer", "raises"),
    [
        (httpx.Response(302, headers={"Location": "http://evil.example/cert"}), BadSignature),
        (httpx.Response(404), BadSignature),
        (httpx.Response(200, text="-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"), BadSignature),
        (httpx.Response(200, content=b""), BadSignature),
        (httpx.Response(500), ProviderUnavailable),
        (httpx.ConnectError("refused"), ProviderUnavailable),
        (httpx.ReadTimeout("slow"), ProviderUnavailable),
    ],
)
def test_without_a_certificate_nothing_passes_but_by_paypals_own_word(
    paypal: PayPalAdapter, trusting: Certificates, delivered: Delivered, answer: Any, raises: type[Exception]
) -> None:
    serve(paypal, answer)
    with pytest.raises(raises):
        paypal.made_provider(mode="offline", certificates=trusting).verify(*delivered, now())
    assert len(paypal.wire.requests) == 1, "one fetch, and no redirect followed"
    auto = paypal.made_provider(mode="auto", certificates=trusting)
    assert auto.verify(*delivered, now()).topic is Topic.PAYMENT
    with pytest.raises(BadSignature):
        auto.verify(delivered[0].replace(b"29.00", b"99.00"), delivered[1], now())


def test_a_certificate_among_too_much_else_is_none(
    paypal: PayPalAdapter, offline: PayPalProvider, delivered: Delivered, authority: str
) -> None:
    text = paypal.sandbox.authority.leaf_pem
    serve(paypal, httpx.Response(200, text=text + "\n" * (64 * 1024 - len(text))))
    assert offline.verify(*delivered, now()).topic is Topic.PAYMENT
    other = paypal.made_provider(mode="offline", certificates=paypal.certificates(ca_file=authority))
    serve(paypal, httpx.Response(200, text=text + "\n" * (64 * 1024 + 1 - len(text))))
    with pytest.raises(BadSignature):
        other.verify(*delivered, now())


def test_a_certificate_that_trickles_is_not_waited_for(
    paypal: PayPalAdapter, offline: PayPalProvider, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(1_000))
    monkeypatch.setattr(certificates.time, "monotonic", lambda: float(next(times)))
    serve(paypal, httpx.Response(200, content=iter([b"-"] * 100)))
    with pytest.raises(ProviderUnavailable):
        offline.verify(*delivered, now())
    assert next(times) < 20


def test_the_certificate_is_fetched_once_an_hour_and_nothing_of_ours_is_sent_along(
    paypal: PayPalAdapter, offline: PayPalProvider, delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        offline.verify(*delivered, now())
    (fetch,) = paypal.wire.requests
    assert str(fetch.url) == delivered[1][URL]
    assert "Authorization" not in fetch.headers
    began = certificates.time.monotonic()
    monkeypatch.setattr(certificates.time, "monotonic", lambda: began + 3_601)
    offline.verify(*delivered, now())
    assert len(paypal.wire.requests) == 2
