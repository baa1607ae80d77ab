"""The SDK's client, with the version, the timeouts and the retries that money needs."""

from __future__ import annotations

import stripe

# What this adapter was written against. The account's own default version does not matter then.
API_VERSION = "2026-08-26.dahlia"

# Seconds to connect and to wait for an answer. With one retry a request of ours stays inside a web server's patience.
WEB_TIMEOUTS = (3, 8)

# The most that Stripe puts on a page.
PAGE = 100


def build_client(
    secret_key: str, *, api_base: str | None = None, http_client: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """One for each process, made when it is first needed.

    The SDK retries 409, 5xx and lost connections under the same idempotency key, but only when told how often.
    """
    return stripe.StripeClient(
        secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=1,
        http_client=http_client or stripe.RequestsClient(timeout=WEB_TIMEOUTS),
    )


def once(key: str | None = None) -> stripe.RequestOptions:
    """What moves money is sent once: of two tries the second may be refused while the first had been taken, and then
    nobody could say that nothing moved. Who asks later asks under the same key; without one, twice is once by itself.
    """
    return {"idempotency_key": key, "max_network_retries": 0} if key else {"max_network_retries": 0}
