"""Amounts as PayPal writes them: strings of main units, with as many decimals as PayPal gives the currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing_portal.kit.currencies import CURRENCIES
from billing_portal.kit.money import MAX_MINOR, Money, NotRepresentable, exponent
from payments.providers.errors import ProviderRejected
from payments.providers.facts import AmountLimits

# Source: PayPal's OpenAPI files, the pattern of `money.value` without its sign; 32 characters at most.
_VALUE = re.compile(r"[0-9]{1,31}|[0-9]{0,28}\.[0-9]{1,3}", re.ASCII)


def to_paypal(amount: Money) -> dict[str, str]:
    """`{"currency_code": "USD", "value": "29.00"}`; forints, yen and Taiwan dollars have no decimals there.

    Raises ProviderRejected for a currency that PayPal does not take, for 25.50 forints, and for nothing at all.
    Source: PayPal, "Currency codes".
    """
    places = CURRENCIES[amount.currency].paypal
    if places is None:
        raise ProviderRejected(f"PayPal does not take {amount.currency.upper()}")
    if amount.minor <= 0:
        raise ProviderRejected(f"PayPal takes no {amount}")
    try:
        counted = amount.in_exponent(places)
    except NotRepresentable as error:
        raise ProviderRejected(f"PayPal can't write {amount}") from error
    return {
        "currency_code": amount.currency.upper(),
        "value": f"{Decimal(counted).scaleb(-places):.{places}f}",
    }


def from_paypal(money: Mapping[str, Any]) -> Money:
    """Raises ProviderRejected for an amount that can't be told in our units: better nobody books it than wrongly."""
    code, value = money.get("currency_code"), money.get("value")
    currency = code.lower() if isinstance(code, str) else ""
    if currency not in CURRENCIES or CURRENCIES[currency].paypal is None:
        raise ProviderRejected(f"PayPal answered in {code!r}, which we don't know")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ProviderRejected(f"PayPal answered {value!r} {code}, which is no amount")
    minor = Decimal(value).scaleb(exponent(currency))
    if minor != minor.to_integral_value() or minor > MAX_MINOR:
        raise ProviderRejected(f"{value} {code} is no whole number of our units")
    return Money(int(minor), currency)


def limits(currency: str) -> AmountLimits | None:
    """One unit of what PayPal counts, and steps of it; None for a currency that it does not take."""
    known = CURRENCIES.get(currency)
    if known is None or known.paypal is None:
        return None
    step = 10 ** max(0, known.iso - known.paypal)
    return AmountLimits(Money(step, currency), step=step)
