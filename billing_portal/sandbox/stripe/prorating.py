"""What a part of a period costs, to the second. Pure arithmetic in the currency's smallest unit.

https://docs.stripe.com/billing/subscriptions/prorations. In flexible billing mode, the default since 2025-09-30.clover,
a credit is a part of what was debited, not of today's price; each debit that reaches beyond the instant has its own.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Debit:
    """What was charged for the time from `start` to `end`, after discounts."""

    amount: int
    start: int
    end: int
    price: str
    quantity: int


def half_up(value: Fraction) -> int:
    """A positive amount, rounded to the whole unit: a half goes up (0.5 → 1)."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def full(unit_amount_decimal: str, quantity: int) -> Fraction:
    """The price of a whole period, not rounded."""
    return Fraction(Decimal(unit_amount_decimal)) * quantity


def part(at: int, start: int, end: int) -> Fraction:
    """How much of the time from `start` to `end` is left at `at`: 1 at its start or before, 0 at its end."""
    return Fraction(max(0, end - max(at, start)), end - start)


def credit(debit: Debit, at: int) -> int:
    """What of a debit was not used yet at `at`, as a negative amount."""
    return -half_up(debit.amount * part(at, debit.start, debit.end))


def used_up_to(debit: Debit, at: int) -> Debit | None:
    """What is left of a debit after its unused time was credited; None when nothing is."""
    if at <= debit.start:
        return None
    return Debit(debit.amount + credit(debit, at), debit.start, at, debit.price, debit.quantity)


def read(kept: list[dict[str, Any]]) -> list[Debit]:
    """Debits as the books keep them."""
    return [Debit(**each) for each in kept]
