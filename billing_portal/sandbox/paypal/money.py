"""PayPal's amounts: strings of major units, with as many decimals as PayPal gives the currency.

https://developer.paypal.com/api/rest/reference/currency-codes/: HUF, JPY and TWD have none there, all others two.
Inside the stand-in an amount is a whole number of the last decimal that PayPal writes.
"""

import re
from decimal import Decimal

_WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
_TWO = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD"
CURRENCIES = _WITHOUT_DECIMALS | frozenset(_TWO.split())
# Without a smaller unit in the world too (ISO 4217); the forint and the Taiwan dollar have one, which PayPal ignores.
_WITHOUT_MINOR_UNIT = frozenset({"JPY"})
_LARGEST = Decimal("999999999999999.99")
_NUMBER = re.compile(r"-?(?:[0-9]+|[0-9]*\.[0-9]+)")
# 3.49 % and a fixed part.
_FEE_PER_MYRIAD, _FIXED_FEE = 349, 49
_FIXED_FEES = {"HUF": 90, "JPY": 40, "TWD": 10}


def decimals(currency: str) -> int:
    """How many PayPal writes."""
    return 0 if currency in _WITHOUT_DECIMALS else 2


def is_number(text: str) -> bool:
    """Whether PayPal reads it as an amount at all."""
    return bool(_NUMBER.fullmatch(text))


def has_decimals_that_fit(text: str, currency: str) -> bool:
    """Whether the amount has no more decimals than its currency."""
    _, point, part = text.partition(".")
    return not point or 1 <= len(part) <= decimals(currency)


def is_too_large(text: str) -> bool:
    """Whether no amount of PayPal's can be that large."""
    return Decimal(text) > _LARGEST


def units(text: str, currency: str) -> int:
    """`29.00` → 2900; in JPY `1000` → 1000."""
    return int(Decimal(text).scaleb(decimals(currency)))


def written(amount: int, currency: str) -> str:
    """2900 → `29.00`."""
    places = decimals(currency)
    return f"{Decimal(amount).scaleb(-places):.{places}f}"


def of(amount: int, currency: str) -> dict[str, str]:
    """An amount as v2 has it."""
    return {"currency_code": currency, "value": written(amount, currency)}


def v1(amount: int, currency: str) -> dict[str, str]:
    """An amount as the sales of v1 have it."""
    return {"total": written(amount, currency), "currency": currency}


def smallest(amount: int, currency: str) -> int:
    """In the currency's smallest unit, as the log has it: 2500 forints → 250000."""
    return amount * (1 if currency in _WITHOUT_MINOR_UNIT else 10 ** (2 - decimals(currency)))


def from_smallest(amount: int, currency: str) -> int | None:
    """Back from the smallest unit; None when PayPal can't write it."""
    step = smallest(1, currency)
    return amount // step if amount % step == 0 else None


def fee(amount: int, currency: str) -> int:
    """What PayPal keeps of a payment."""
    return min(amount, (amount * _FEE_PER_MYRIAD + 5000) // 10_000 + _FIXED_FEES.get(currency, _FIXED_FEE))
