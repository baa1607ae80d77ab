"""Money is integers of the smallest unit; currencies know their places; splits lose nothing."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_portal.kit.currencies import CURRENCIES
from billing_portal.kit.money import MixedCurrencies, Money, NotRepresentable, round_half_up, split


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(2900, "usd", "29.00"), (2900, "jpy", "2900"), (2900, "kwd", "2.900"), (-5, "usd", "-0.05"), (0, "eur", "0.00")],
)
def test_main_units_have_the_currencys_own_places(minor: int, currency: str, text: str) -> None:
    assert Money(minor, currency).decimal_text() == text


@pytest.mark.parametrize(
    ("code", "iso", "stripe", "paypal"),
    [
        ("usd", 2, 2, 2),
        ("jpy", 0, 0, 0),
        ("kwd", 3, 3, None),
        ("huf", 2, 2, 0),
        ("twd", 2, 2, 0),
        ("isk", 0, 2, None),
        ("ugx", 0, 2, None),
    ],
)
def test_iso_stripe_and_paypal_count_differently(code: str, iso: int, stripe: int, paypal: int | None) -> None:
    currency = CURRENCIES[code]
    assert (currency.iso, currency.stripe, currency.paypal) == (iso, stripe, paypal)


def test_an_amount_is_sent_as_the_provider_counts_or_not_at_all() -> None:
    assert Money(2900, "usd").in_exponent(2) == 2900
    assert Money(100, "isk").in_exponent(2) == 10_000
    assert Money(250_000, "huf").in_exponent(0) == 2_500
    with pytest.raises(NotRepresentable):
        Money(250_050, "huf").in_exponent(0)


def test_currencies_are_never_added_up_or_compared() -> None:
    with pytest.raises(MixedCurrencies):
        Money(1, "usd") + Money(1, "eur")
    with pytest.raises(MixedCurrencies):
        _ = Money(1, "usd") < Money(1, "eur")


@pytest.mark.parametrize("wrong", [1.0, True, Decimal(1), "1"])
def test_money_is_counted_in_integers(wrong: object) -> None:
    with pytest.raises(TypeError):
        Money(wrong, "usd")  # type: ignore[arg-type]


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, "xxx")


@pytest.mark.parametrize(("amount", "rounded"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("-0.5", -1), ("0.4999", 0)])
def test_halves_round_away_from_zero(amount: str, rounded: int) -> None:
    assert round_half_up(Decimal(amount)) == round_half_up(Fraction(amount)) == rounded


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_a_split_sums_to_the_whole_and_no_part_is_off_by_one_unit_or_more(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    if sum(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(Fraction(part) - Fraction(total * weight, sum(weights))) < 1
