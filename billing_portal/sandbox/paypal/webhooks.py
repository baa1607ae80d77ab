"""Events on their way, signed as PayPal signs them.

https://developer.paypal.com/api/rest/webhooks/: up to 25 tries over three days until the receiver answers 2xx.
"""

import json
import time

from billing_portal.sandbox.books import Books, Json
from billing_portal.sandbox.deliveries import Deliveries, Message, Send, send_over_http
from billing_portal.sandbox.paypal import ids, signing
from billing_portal.sandbox.paypal.acts import stamp


def written(event: Json) -> bytes:
    """The body, always the same bytes for an event: a blank after commas and none after colons, as no serialiser writes
    by itself. Whoever parses it and writes it again has other bytes, and a signature that fits no more."""
    return json.dumps(event, separators=(", ", ":"), ensure_ascii=False).encode()


class Webhooks(Deliveries):
    """The queue of deliveries, towards one endpoint. `base_url` is where the certificate is to be had."""

    most_attempts = 25

    def __init__(
        self,
        books: Books,
        url: str | None,
        send: Send = send_over_http,
        *,
        authority: signing.Authority,
        webhook_id: str,
        base_url: str,
    ) -> None:
        super().__init__(books, url, send)
        self.base_url = base_url
        self._authority = authority
        self._webhook_id = webhook_id

    @property
    def certificate_url(self) -> str:
        """The value of PAYPAL-CERT-URL."""
        return f"{self.base_url}/v1/notifications/certs/{self._authority.certificate_id}"

    def message(self, event: Json, seq: int) -> Message:
        """Signed anew at each try; the transmission's id stays. Its time is the real one, wherever the clock stands."""
        body = written(event)
        transmission, at = ids.delivery(event["id"], seq), stamp(int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "PayPal/AUHD-214.0-58118601",
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": at,
            "PAYPAL-TRANSMISSION-SIG": self._authority.sign(transmission, at, self._webhook_id, body),
            "PAYPAL-CERT-URL": self.certificate_url,
            "PAYPAL-AUTH-ALGO": signing.ALGORITHM,
            "PAYPAL-AUTH-VERSION": "v2",
        }
        return Message(event["event_type"], body, headers)
