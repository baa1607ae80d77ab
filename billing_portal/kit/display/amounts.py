"""Amounts, prices and counts as people read them. Symbols come from the currency tables of babel, digits from ours."""

from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import get_currency_symbol

from billing_portal.kit.money import Money, exponent

LOCALE = "en_US"
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
NONE = "\N{EM DASH}"  # does not apply; zero is an amount

# A unit price keeps up to six digits after the point: $0.012 a minute.
PRICE_DIGITS = 6
# A quantity has at most six places.
QUANTITY_DIGITS = 6


def money_text(amount: Money, *, apart: bool = False) -> str:
    """'$398.99', '¥2,900', 'KWD 1.250', with a true minus. `apart` writes US$, where two kinds of dollars are shown."""
    return _with_symbol(amount.decimal(), amount.currency, exponent(amount.currency), apart=apart)


def unit_price_text(minor: Decimal, currency: str, *, apart: bool = False) -> str:
    """A price in smallest units, decimals and all: '$0.012', '$29.00'. Its currency's digits, up to six if needed."""
    price = minor.scaleb(-exponent(currency))
    digits = max(exponent(currency), min(PRICE_DIGITS, _places(price)))
    return _with_symbol(price, currency, digits, apart=apart)


def number_text(number: Decimal | int) -> str:
    """'7,412', '7,412.5': as many of up to six places as the number has."""
    exact = Decimal(number)
    return _digits(exact, min(QUANTITY_DIGITS, _places(exact)))


def talk_time_text(seconds: int) -> str:
    """'5:51', '1:02:03'."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _with_symbol(amount: Decimal, currency: str, digits: int, *, apart: bool) -> str:
    symbol = get_currency_symbol(currency.upper(), LOCALE)
    if apart and symbol == "$":
        symbol = "US$"
    gap = NBSP if symbol[-1].isalpha() else ""
    text = _digits(abs(amount), digits)
    return f"{MINUS if amount < 0 else ''}{symbol}{gap}{text}"


def _digits(number: Decimal, places: int) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{rounded:,f}".replace("-", MINUS)


def _places(number: Decimal) -> int:
    """Digits after the point without trailing zeros: 0.0120 has 3."""
    plain = f"{number:f}"
    return len(plain.partition(".")[2].rstrip("0"))
