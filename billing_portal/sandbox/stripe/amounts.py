"""Which amounts Stripe takes in which currency, and what it keeps as its fee. Amounts are in the smallest unit.

https://docs.stripe.com/currencies (minimums, zero- and three-decimal currencies), https://stripe.com/pricing
"""

from billing_portal.sandbox.stripe.params import Params, integer, required, text
from billing_portal.sandbox.stripe.problems import Invalid, Problem

LARGEST = 99_999_999
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# Without cents in the world, but written with two zeros at Stripe.
WHOLE_ONLY = frozenset(["isk", "ugx"])
_TWO_DECIMAL = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc "
    "cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd "
    "kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php "
    "pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs "
    "wst xcd yer zar zmw"
)
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_ONLY | frozenset(_TWO_DECIMAL.split())
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
CARD_FEE_PER_MILLE, ACH_FEE_PER_MILLE, ACH_FEE_MOST = 29, 8, 500
DISPUTE_FEE = 1500
# The fixed part of a card's fee, worth about thirty US cents.
FIXED = {"usd": 30, "eur": 25, "gbp": 20}


def chargeable(params: Params) -> tuple[int, str]:
    """`amount` and `currency` as given. Raises Invalid or Problem: missing, unknown, too small, too large."""
    required(params, "amount")
    currency = str(required(params, "currency")).lower()
    if currency not in CURRENCIES:
        raise Invalid(f"Invalid currency: {currency}.", param="currency")
    amount = integer(params, "amount") or 0
    check(amount, currency)
    return amount, currency


def check(amount: int, currency: str) -> None:
    """Raise Invalid when the amount can't be charged in the currency."""
    if amount < 1:
        raise Invalid(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if amount > LARGEST:
        raise Problem(
            f"Amount must be no more than {shown(LARGEST, currency)}", code="amount_too_large", param="amount"
        )
    if amount < MINIMUM.get(currency, 1):
        least = shown(MINIMUM[currency], currency)
        raise Problem(f"Amount must be at least {least}", code="amount_too_small", param="amount")
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_ONLY else 1
    if amount % step:
        raise Problem(f"Invalid amount: in {currency} it must be divisible by {step}", param="amount")


def shown(amount: int, currency: str) -> str:
    """`$29.00 usd`, as Stripe's sentences write it."""
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    whole, part = divmod(amount, 10**places)
    figure = f"{whole}.{part:0{places}d}" if places else str(whole)
    return f"${figure} usd" if currency == "usd" else f"{figure} {currency}"


def fee(amount: int, currency: str, method: str) -> int:
    """What Stripe keeps: 2.9 % and a fixed part of a card payment, 0.8 % but at most $5 of a bank debit."""
    if method == "us_bank_account":
        return min((amount * ACH_FEE_PER_MILLE + 500) // 1000, ACH_FEE_MOST)
    fixed = FIXED.get(currency, 300 if currency in THREE_DECIMAL else 30)
    return min(amount, (amount * CARD_FEE_PER_MILLE + 500) // 1000 + fixed)


def currency_of(params: Params) -> str | None:
    """The currency in small letters, or None."""
    return (text(params, "currency") or "").lower() or None
