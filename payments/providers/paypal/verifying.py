"""Whether PayPal sent these bytes: asked of PayPal, or checked by its certificate.

The signature is over a CRC32 of the body, for which another body can be made in a moment. So it says that something
happened, and never what: whatever is booked is read again. Source: PayPal, "Verify webhook signatures".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from payments.providers.errors import (
    BadSignature,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    UnknownReference,
)
from payments.providers.paypal.certificates import CertificateProblem, Certificates
from payments.providers.paypal.client import PayPalClient
from payments.providers.paypal.errors import translated
from payments.providers.paypal.reading import instant

API, OFFLINE, AUTO = "api", "offline", "auto"
MODES: Final = (API, OFFLINE, AUTO)
ALGORITHM = "SHA256withRSA"
# PayPal tries for three days. What keeps a copy from being acted on twice is the event's id, not its age.
OLDEST, AHEAD = timedelta(days=4), timedelta(hours=1)
_URL = "/v1/notifications/verify-webhook-signature"
# Without bars: the signed text is put together of these with bars between.
_SHAPES = {
    "transmission_id": re.compile(r"[A-Za-z0-9-]{1,50}", re.ASCII),
    "transmission_time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:?[0-9]{2})", re.ASCII),
    "transmission_sig": re.compile(r"[A-Za-z0-9+/]{4,498}={0,2}", re.ASCII),
    "cert_url": re.compile(r"[!-~]{1,500}", re.ASCII),
    "auth_algo": re.compile(ALGORITHM, re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Transmission:
    """What the headers say of one delivery."""

    transmission_id: str
    transmission_time: str
    transmission_sig: str
    cert_url: str
    auth_algo: str

    @classmethod
    def read(cls, headers: Mapping[str, str], now: datetime) -> Transmission:
        """Raises BadSignature for what is missing, in another shape, or of another time."""
        given = {name.lower(): value for name, value in headers.items()}
        facts = {name: given.get(f"paypal-{name.replace('_', '-')}", "") for name in _SHAPES}
        if wrong := [name for name, shape in _SHAPES.items() if not shape.fullmatch(facts[name])]:
            raise BadSignature(f"not signed: {', '.join(wrong)}")
        try:
            at = instant(facts["transmission_time"])
        except ValueError as error:
            raise BadSignature("signed at no instant") from error
        if not now - OLDEST <= at <= now + AHEAD:
            raise BadSignature("signed too long ago, or not yet")
        return cls(**facts)

    def fits(self, key: rsa.RSAPublicKey, webhook_id: str, body: bytes) -> bool:
        """Whether the key's owner has signed these bytes for this webhook."""
        text = f"{self.transmission_id}|{self.transmission_time}|{webhook_id}|{zlib.crc32(body)}"
        try:
            signature = base64.b64decode(self.transmission_sig, validate=True)
            key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error):
            return False
        return True


class Verifier:
    """`mode`: `api` asks PayPal, `offline` checks by the certificate, `auto` does that first and asks PayPal when the
    certificate is the trouble; a signature that does not fit is refused in each."""

    def __init__(self, client: PayPalClient, certificates: Certificates, *, webhook_id: str, mode: str = API) -> None:
        if mode not in MODES:
            raise ProviderMisconfigured(f"PAYPAL_WEBHOOK_VERIFICATION is {mode!r}: write one of {', '.join(MODES)}")
        self._client, self._certificates = client, certificates
        self._webhook_id, self._mode = webhook_id.strip(), mode

    def check(
        self,
        body: bytes,
        headers: Mapping[str, str],
        now: datetime,
        *,
        before_asking: Callable[[], None] = lambda: None,
    ) -> None:
        """`body` is one JSON object, without blanks around it: it is asked about as it stands. `before_asking` is
        called before PayPal is asked for a certificate or a verdict: anybody can write headers that are worth it.

        Raises BadSignature, ProviderUnavailable while nobody can say, ProviderMisconfigured without a webhook id. What
        is refused by its headers alone costs no call to anybody.
        """
        if not self._webhook_id:
            raise ProviderMisconfigured("PAYPAL_WEBHOOK_ID is not set: nothing can be verified")
        sent = Transmission.read(headers, now)
        self._certificates.refuse_address(sent.cert_url)
        if self._mode == API or not self._checked_offline(sent, body, now, before_asking):
            before_asking()
            self._ask(sent, body)

    def _checked_offline(
        self, sent: Transmission, body: bytes, now: datetime, before_asking: Callable[[], None]
    ) -> bool:
        """False when only PayPal can say, and may be asked."""
        try:
            key = self._certificates.key_for(sent.cert_url, now, before_asking=before_asking)
        except CertificateProblem as problem:
            if self._mode == AUTO:
                return False
            raise (ProviderUnavailable if problem.passing else BadSignature)(str(problem)) from problem
        if not sent.fits(key, self._webhook_id, body):
            raise BadSignature("signed by PayPal, but not this")
        return True

    def _ask(self, sent: Transmission, body: bytes) -> None:
        """The event goes into the question byte by byte: parsed and written again it would be another."""
        facts = {name: getattr(sent, name) for name in _SHAPES} | {"webhook_id": self._webhook_id}
        question = json.dumps(facts).encode()[:-1] + b',"webhook_event":' + body + b"}"
        try:
            with translated(moves_money=False):
                status = self._client.ask(_URL, question).content.get("verification_status")
        except UnknownReference as error:
            raise ProviderMisconfigured("PayPal does not know this PAYPAL_WEBHOOK_ID") from error
        except ProviderRejected as error:
            raise BadSignature("PayPal can't make sense of it") from error
        if status == "FAILURE":
            raise BadSignature("PayPal has not signed this")
        if status != "SUCCESS":
            raise ProviderUnavailable("PayPal did not say whether it has signed this")
