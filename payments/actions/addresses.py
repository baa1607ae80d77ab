"""Where a provider's page leads its payer back to: only to hosts that somebody has put on the list."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings

from payments.actions.opening import MethodChoice
from payments.errors import ReturnUrlNotAllowed


def with_addresses(choice: MethodChoice) -> MethodChoice:
    """The choice with both addresses; what is not given is the portal's own page. Raises ReturnUrlNotAllowed.

    An address of somebody else's would make the provider's page a way to send our payers anywhere.
    """
    return replace(
        choice,
        return_url=_allowed(choice.return_url, "returnUrl") or settings.PAYPAL_RETURN_URL or _own("return"),
        cancel_url=_allowed(choice.cancel_url, "cancelUrl") or settings.PAYPAL_CANCEL_URL or _own("cancel"),
    )


def _own(page: str) -> str:
    return f"{settings.PUBLIC_URL}/payments/paypal/{page}"


def _allowed(url: str | None, name: str) -> str | None:
    """Whole and over HTTP, without a name or password in it, and of an origin that is known."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        origin, parts = "", urlsplit("")
    clean = url.isascii() and url.isprintable() and "\\" not in url and " " not in url
    if not clean or parts.username is not None or parts.password is not None or origin not in _origins():
        raise ReturnUrlNotAllowed(f"paymentMethod.{name}")
    return url


def _origins() -> set[str]:
    """The portal's own, those of the addresses that were set, and those whose pages may call the API."""
    own = (settings.PUBLIC_URL, settings.PAYPAL_RETURN_URL, settings.PAYPAL_CANCEL_URL)
    parts = [urlsplit(each) for each in (*own, *settings.CORS_ALLOWED_ORIGINS) if each]
    return {f"{each.scheme}://{each.hostname}{f':{each.port}' if each.port else ''}" for each in parts}
