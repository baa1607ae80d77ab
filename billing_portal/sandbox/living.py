"""Refuse to run beside real money: a stand-in and live keys never share a machine's environment."""

from collections.abc import Mapping

_LIVE_PREFIXES = ("sk_live_", "rk_live_", "pk_live_")


class BesideLiveKeys(Exception):
    """The environment holds keys of real money. The text names the variable, never its value."""


def refuse_live_keys(environment: Mapping[str, str]) -> None:
    """Raise BesideLiveKeys when a variable holds a live Stripe key, or PayPal is said to be live."""
    for name, value in environment.items():
        if value.strip().startswith(_LIVE_PREFIXES):
            raise BesideLiveKeys(f"{name} holds a live key: the stand-in does not start beside it")
    if environment.get("PAYPAL_ENVIRONMENT", "").strip().lower() in ("live", "production"):
        raise BesideLiveKeys("PAYPAL_ENVIRONMENT is live: the stand-in does not start beside it")
