"""Whether PayPal sent an IPN message: its bytes are posted back to PayPal, which answers one of two words.

django-paypal would ask wherever the message itself says, without a limit of time, and take the word from an error page.
Source: PayPal, "Instant Payment Notification", the listener's request-response flow.
"""

from __future__ import annotations

import time

import httpx
from django.conf import settings

from payments.providers.errors import ProviderUnavailable
from payments.providers.paypal.client import LIVE, SANDBOX

OURS, NOT_OURS = b"VERIFIED", b"INVALID"
_ENDPOINTS = {
    True: "https://ipnpb.paypal.com/cgi-bin/webscr",
    False: "https://ipnpb.sandbox.paypal.com/cgi-bin/webscr",
}
_PATH = "/cgi-bin/webscr"
# Seconds to connect, to wait for a piece of the answer, and for all of it.
TIMEOUTS = httpx.Timeout(10, connect=3, pool=3)
PATIENCE = 15.0
_HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept-Encoding": "identity",
    "User-Agent": "billing-portal",
}


def endpoint() -> str:
    """By this installation's environment, whatever a message says; a stand-in's only in the sandbox."""
    live = settings.PAYPAL_ENVIRONMENT == "live"
    base = settings.PAYPAL_API_BASE
    return _ENDPOINTS[live] if live or base in ("", LIVE, SANDBOX) else f"{base}{_PATH}"


def ask_back(body: bytes, *, transport: httpx.BaseTransport | None = None) -> bytes:
    """`VERIFIED` or `INVALID`, as PayPal says of these bytes. Raises ProviderUnavailable for any other answer: nobody
    knows, and the message has to come again."""
    began = time.monotonic()
    word = b""
    try:
        with (
            httpx.Client(transport=transport, timeout=TIMEOUTS, follow_redirects=False) as http,
            http.stream("POST", endpoint(), content=b"cmd=_notify-validate&" + body, headers=_HEADERS) as answer,
        ):
            if answer.status_code != 200:
                raise ProviderUnavailable(f"PayPal answered {answer.status_code} about a message")
            for piece in answer.iter_bytes():
                word += piece
                if len(word) > len(OURS) or time.monotonic() - began > PATIENCE:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderUnavailable(f"PayPal can't be asked about a message: {type(error).__name__}") from error
    if word not in (OURS, NOT_OURS):
        raise ProviderUnavailable("PayPal did not say whether it has sent a message")
    return word
