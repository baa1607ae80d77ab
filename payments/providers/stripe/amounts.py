"""Amounts as Stripe counts them, which is not always how ISO does: UGX and ISK in hundredths, of which only whole
units."""

from __future__ import annotations

from billing_portal.kit.currencies import CURRENCIES
from billing_portal.kit.money import Money
from payments.providers.errors import ProviderRejected
from payments.providers.facts import AmountLimits


def to_stripe(amount: Money) -> int:
    """Raises ProviderRejected for a currency that Stripe does not take."""
    places = CURRENCIES[amount.currency].stripe
    if places is None:
        raise ProviderRejected(f"Stripe does not take {amount.currency.upper()}")
    return amount.in_exponent(places)


def from_stripe(counted: int, currency: str) -> Money:
    """Raises ProviderRejected for an amount that can't be told in our units: better nobody books it than wrongly."""
    known = CURRENCIES.get(currency)
    if known is None or known.stripe is None:
        raise ProviderRejected(f"Stripe answered in {currency!r}, which we don't know")
    shift = known.iso - known.stripe
    if shift >= 0:
        return Money(counted * 10**shift, currency)
    whole, rest = divmod(counted, 10**-shift)
    if rest:
        raise ProviderRejected(f"{counted} {currency} is no whole number of our units")
    return Money(whole, currency)


# In Stripe's units: docs.stripe.com/currencies, "Minimum and maximum charge amounts".
_MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip


# In Stripe's units, of whatever currency: docs.stripe.com/currencies.
_MOST = 99_999_999


def limits(currency: str) -> AmountLimits | None:
    """What Stripe charges in a currency; None for one that it does not take.

    Three places are counted, of which the last is always 0; and of a currency that Stripe counts in whole units only
    whole ones can be charged. Source: Stripe, "Supported currencies" and "Minimum and maximum charge amounts".
    """
    known = CURRENCIES.get(currency)
    if known is None or known.stripe is None:
        return None
    step = 10 if known.stripe == 3 else 10 ** max(0, known.iso - known.stripe)
    least = from_stripe(_MINIMUM[currency], currency) if currency in _MINIMUM else Money(step, currency)
    shift = known.iso - known.stripe
    most = _MOST * 10**shift if shift >= 0 else _MOST // 10**-shift
    return AmountLimits(least, Money(most - most % step, currency), step)
