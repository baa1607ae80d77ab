"""The certificates that PayPal signs webhooks with: where they may come from, and whom they must name.

Nothing is fetched from an address that is not PayPal's own: the address comes with the request, from anybody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import certifi
import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from payments.providers.errors import BadSignature, ProviderMisconfigured

_PATH = r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,100}"
_HOSTS = {True: ("api.paypal.com", "api-m.paypal.com"), False: ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com")}
# Whom the certificate must be made out to: else any customer of the same authority could sign.
_NAMES = {
    True: "messageverificationcerts.paypal.com",
    False: "messageverificationcerts.sandbox.paypal.com",
}
MOST_BYTES = 64 * 1024
# Seconds for all of a fetch, and those that a certificate is kept.
PATIENCE, KEPT = 5.0, 3600.0
_MOST_KEPT = 32


class CertificateProblem(Exception):
    """No certificate to check with: not to be had now (`passing`), or none that may be trusted."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class _Kept(NamedTuple):
    until: float
    chain: list[x509.Certificate]


class Certificates:
    """`local_base`: where a stand-in is reached, which counts as PayPal's own address then; `ca_file`: its authority,
    instead of those that everybody trusts. Neither has a meaning in live mode."""

    def __init__(
        self,
        *,
        live: bool,
        ca_file: str | None = None,
        local_base: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._name = x509.DNSName(_NAMES[live])
        self._ca_file = None if live else ca_file
        self._transport = transport
        bases = [f"https://{host}" for host in _HOSTS[live]]
        if local_base and not live:
            bases.append(local_base.rstrip("/"))
        self._address = re.compile("|".join(f"{re.escape(base)}{_PATH}" for base in bases), re.ASCII)
        self._kept: dict[str, _Kept] = {}

    def refuse_address(self, url: str) -> None:
        """Raise BadSignature unless it is an address of PayPal's certificates, letter by letter."""
        if not self._address.fullmatch(url):
            raise BadSignature("its certificate is not at PayPal's address")

    def key_for(self, url: str, now: datetime, *, before_asking: Callable[[], None] = lambda: None) -> rsa.RSAPublicKey:
        """The key of the certificate at an address that was found good. Raises CertificateProblem, BadSignature."""
        self.refuse_address(url)
        kept = self._kept.get(url)
        if kept and time.monotonic() < kept.until:
            chain = kept.chain
        else:
            before_asking()
            chain = _read(self._fetch(url))
        key = self._trusted(chain, now)
        if kept is None or kept.chain is not chain:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[url] = _Kept(time.monotonic() + KEPT, chain)
        return key

    def _trusted(self, chain: list[x509.Certificate], now: datetime) -> rsa.RSAPublicKey:
        verifier = (
            PolicyBuilder()
            .store(self._roots)
            .time(now.astimezone(UTC).replace(tzinfo=None))
            .build_server_verifier(self._name)
        )
        try:
            verifier.verify(chain[0], chain[1:])
        except VerificationError as error:
            raise CertificateProblem("its certificate is not PayPal's, or not of now") from error
        key = chain[0].public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise CertificateProblem("its certificate has another kind of key")
        return key

    @cached_property
    def _roots(self) -> Store:
        try:
            return Store(x509.load_pem_x509_certificates(Path(self._ca_file or certifi.where()).read_bytes()))
        except (OSError, ValueError) as error:
            raise ProviderMisconfigured("PAYPAL_WEBHOOK_CA_FILE holds no certificates") from error

    def _fetch(self, url: str) -> bytes:
        """No redirects, 64 KB, five seconds for all of it, and nothing of ours sent along."""
        began, body = time.monotonic(), b""
        try:
            with (
                httpx.Client(transport=self._transport, timeout=PATIENCE, follow_redirects=False) as http,
                http.stream("GET", url) as response,
            ):
                if response.status_code != 200:
                    passing = response.status_code >= 500 or response.status_code == 429
                    raise CertificateProblem(f"its certificate: {response.status_code}", passing=passing)
                for part in response.iter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise CertificateProblem("its certificate is too large")
                    if time.monotonic() - began > PATIENCE:
                        raise CertificateProblem("its certificate takes too long", passing=True)
        except httpx.RequestError as error:
            raise CertificateProblem("its certificate can't be had", passing=True) from error
        return body


def _read(body: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(body)
    except ValueError as error:
        raise CertificateProblem("its certificate is none") from error
