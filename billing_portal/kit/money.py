"""An amount of money: an integer of the currency's smallest unit, and the currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import total_ordering

from billing_portal.kit.currencies import CURRENCIES

# What a JSON number and a JavaScript client hold exactly; far below PostgreSQL's bigint.
MAX_MINOR = 2**53 - 1


class MixedCurrencies(ValueError):
    """Two amounts of different currencies met in one sum or comparison."""


class NotRepresentable(ValueError):
    """An amount has more places than the asked exponent can hold: HUF 25.50 in whole forints."""


def exponent(currency: str) -> int:
    """Decimal places of `currency` by ISO 4217: usd 2, jpy 0, kwd 3. Raises KeyError for an unknown code."""
    return CURRENCIES[currency].iso


def round_half_up(amount: Decimal | Fraction) -> int:
    """The nearest integer, halves away from zero, as every invoice line is rounded once."""
    if isinstance(amount, Fraction):
        sign = -1 if amount < 0 else 1
        return sign * ((abs(amount.numerator) * 2 + amount.denominator) // (2 * amount.denominator))
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """`minor` counts the currency's smallest unit (2900 is $29.00 or ¥2,900); `currency` is ISO 4217, lower case."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money is counted in integers, not {type(self.minor).__name__}")
        if self.currency not in CURRENCIES:
            raise ValueError(f"unknown currency {self.currency!r}")

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency}")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, factor: int) -> Money:
        return Money(self.minor * factor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.decimal_text()} {self.currency.upper()}"

    def decimal(self) -> Decimal:
        """The amount in main units: Decimal('29.00')."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def decimal_text(self) -> str:
        """The amount in main units with the currency's own places: '29.00', '2900' for yen."""
        return f"{self.decimal():.{exponent(self.currency)}f}"

    def in_exponent(self, places: int) -> int:
        """The same amount counted with `places` decimals, as a provider wants it. Raises NotRepresentable."""
        shift = places - exponent(self.currency)
        if shift >= 0:
            return self.minor * 10**shift
        whole, rest = divmod(self.minor, 10**-shift)
        if rest:
            raise NotRepresentable(f"{self} in {places} decimal places")
        return whole


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Parts of `total` in proportion to `weights`, summing to it exactly: the largest-remainder method.

    Ties go to the earlier part. With weights that are all zero, the first part takes everything.
    """
    if not weights:
        raise ValueError("nothing to split over")
    whole = sum(weights)
    if whole == 0:
        return [total, *([0] * (len(weights) - 1))]
    sign = -1 if total < 0 else 1
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(abs(total) * weight, whole)
        parts.append(part)
        remainders.append(remainder)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: abs(total) - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]
