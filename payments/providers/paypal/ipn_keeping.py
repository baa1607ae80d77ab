"""An IPN message that PayPal has sent, through django-paypal's own view, into its table.

The view asks PayPal in the middle of its work, and its row and ours must be one transaction: so PayPal is asked before,
and the view is told.
"""

from __future__ import annotations

import io
import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.handlers.wsgi import WSGIRequest

from payments.providers.paypal import ipn_asking


@dataclass(slots=True)
class _Asked:
    """That PayPal was asked about the message in hand, and the row that django-paypal made of it."""

    row: Any = None


_asked: ContextVar[_Asked | None] = ContextVar("ipn_asked", default=None)


def keep(body: bytes, *, address: str) -> None:
    """One row of django-paypal's, flagged where the package finds the message odd. Inside the caller's transaction,
    which a failure ends."""
    from paypal.standard.ipn.views import ipn  # noqa: PLC0415 (its models come after the apps)

    asked = _Asked()
    token = _asked.set(asked)
    try:
        ipn(_request(body, address))
    finally:
        _asked.reset(token)
    row = asked.row
    row.response = ipn_asking.OURS.decode()  # a message that does not fit its form was not asked about there
    row.save(update_fields=["response", "updated_at"])


def answered(row: Any) -> bytes:
    """In place of `PayPalIPN._postback`: what PayPal has said already, else what it says now."""
    asked = _asked.get()
    return ipn_asking.OURS if asked else ipn_asking.ask_back(row.query.encode("ascii"))


def noted(sender: Any, **_: Any) -> None:
    """For the package's two signals, whose receivers must neither raise nor work: by then the row is written, and what
    failed here would make the next copy a duplicate."""
    if asked := _asked.get():
        asked.row = sender


def _request(body: bytes, address: str) -> WSGIRequest:
    """Made here: the real one may carry `?secret=`, for which the package would not ask PayPal at all."""
    return WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "SERVER_NAME": "portal",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": _address(address),
            "wsgi.input": io.BytesIO(body),
        }
    )


def _address(text: str) -> str:
    """Empty for what is no address, as behind a socket file."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
