"""PayPal's own page, on which a payer agrees: which payments wait there, where it is, and what may lead there."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http.response import HttpResponseBase

from payments.models import Attempt, Payment
from payments.pages.allowing import allow
from payments.pages.paying import takes_paypal

_Response = TypeVar("_Response", bound=HttpResponseBase)

# Source: PayPal Orders v2, the link `payer-action` of an order, live and in the sandbox.
_PAGES = {True: "https://www.paypal.com", False: "https://www.sandbox.paypal.com"}
_ASKS_FOR_ANOTHER = ("INSTRUMENT_DECLINED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING")


def is_at_paypal(payment: Payment) -> bool:
    return payment.method == Payment.Method.PAYPAL


def holder(payment: Payment) -> str:
    """Who holds the payer's money, in the middle of a sentence."""
    return "PayPal" if is_at_paypal(payment) else "your bank"


def page_of(payment: Payment) -> str:
    """The page that PayPal itself named for this payment while it waits for its payer; "" otherwise."""
    is_waiting = is_at_paypal(payment) and payment.status == Payment.Status.REQUIRES_ACTION
    return theirs(payment.approval_url) if is_waiting else ""


def theirs(url: str | None) -> str:
    """This address where PayPal's pages are; "" for any other: whatever was read or stands in a row, nobody is sent
    elsewhere."""
    return url if url and _origin(url) in _origins() else ""


def was_refused(payment: Payment) -> bool:
    """Whether its payer has approved it already, and PayPal could not take it from the card or account chosen there.

    PayPal then asks for another one, on the same page. Source: PayPal Orders v2, INSTRUMENT_DECLINED.
    """
    last = payment.attempts.filter(operation="capture").first()
    return last is not None and last.outcome == Attempt.Outcome.REFUSED and last.code in _ASKS_FOR_ANOTHER


def allow_paypal(response: _Response) -> _Response:
    """Let the form of this answer's page end on PayPal's: browsers follow a form's redirect only where the policy lets
    the form itself go."""
    return allow(response, {"form-action": sorted(_origins())}) if takes_paypal() else response


def _origins() -> set[str]:
    """PayPal's own, and that of the stand-in where one answers in its place."""
    own = {_PAGES[settings.PAYPAL_LIVEMODE]}
    return own | {_origin(settings.PAYPAL_API_BASE)} if _is_elsewhere() else own


def _is_elsewhere() -> bool:
    return bool(settings.PAYPAL_API_BASE) and not settings.PAYPAL_LIVEMODE


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    is_plain = parts.scheme in ("http", "https") and parts.username is None and "\\" not in url
    return f"{parts.scheme}://{parts.hostname}{port}" if is_plain else ""
