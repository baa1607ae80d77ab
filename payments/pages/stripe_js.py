"""Pages that load Stripe.js: the one exception to a portal that loads nothing from another origin."""

from __future__ import annotations

from typing import TypeVar

from csp.constants import SELF
from django.conf import settings
from django.http.response import HttpResponseBase

from payments.pages.allowing import allow
from payments.pages.paying import takes_cards

_Response = TypeVar("_Response", bound=HttpResponseBase)

STRIPES_OWN = "https://js.stripe.com"
# What Stripe.js itself connects to and frames when it comes from there. Source: Stripe, "Integration security guide".
_BESIDE = {"connect-src": ["https://api.stripe.com"], "frame-src": ["https://hooks.stripe.com"]}


def takes_new_cards() -> bool:
    """Whether a card may be typed in: the provider is on, and its key for browsers is known."""
    return takes_cards() and bool(settings.STRIPE_PUBLISHABLE_KEY)


def js_facts() -> dict[str, str]:
    """For `payments/stripe_js.html`: where the script comes from, and the key that browsers may know."""
    return {"origin": settings.STRIPE_JS_ORIGIN, "key": settings.STRIPE_PUBLISHABLE_KEY}


def allow_stripe_js(response: _Response) -> _Response:
    """Let this answer's page load, frame and connect to Stripe.js' origin, if a card may be typed in at all.

    No card number enters the portal: it is typed into a frame of that origin, and what comes back is its id.
    """
    return allow(response, policy()) if takes_new_cards() else response


def policy() -> dict[str, list[str]]:
    """What such a page adds to the content security policy."""
    origin = settings.STRIPE_JS_ORIGIN
    beside = _BESIDE if origin == STRIPES_OWN else {}
    return {name: [SELF, origin, *beside.get(name, [])] for name in ("script-src", "frame-src", "connect-src")}
