"""How many decimal places a currency has: by ISO 4217, and in what Stripe and PayPal are sent.

Sources: ISO 4217 list one; Stripe, "Supported currencies" (zero-decimal list, special cases UGX and ISK);
PayPal, "Currency codes" (HUF, JPY and TWD take no decimals).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Currency:
    """Exponents of ten between the main unit and what is counted; None where the provider doesn't take the currency."""

    code: str
    iso: int
    stripe: int | None
    paypal: int | None


_TWO_PLACES = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf cny cop
    crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr
    kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen
    pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd
    uyu uzs wst xcd yer zar zmw
""".split()  # noqa: SIM905 (a list this long reads better as text)
_NO_PLACES = """
    bif clp djf gnf isk jpy kmf krw pyg rwf ugx vnd vuv xaf xof xpf
""".split()  # noqa: SIM905
_THREE_PLACES = """
    bhd iqd jod kwd lyd omr tnd
""".split()  # noqa: SIM905

# Stripe counts these otherwise than ISO does: UGX and ISK in hundredths of which only whole units are allowed.
_STRIPE_OTHERWISE = {"ugx": 2, "isk": 2, "mga": 0}
_NOT_BY_STRIPE = {"iqd", "lyd"}
_BY_PAYPAL = """
    aud brl cad cny czk dkk eur hkd huf ils jpy myr mxn twd nzd nok php pln gbp sgd sek chf thb usd
""".split()  # noqa: SIM905
_PAYPAL_WHOLE_UNITS = {"huf", "jpy", "twd"}


def _build() -> dict[str, Currency]:
    table: dict[str, Currency] = {}
    for iso, codes in ((2, _TWO_PLACES), (0, _NO_PLACES), (3, _THREE_PLACES)):
        for code in codes:
            stripe = None if code in _NOT_BY_STRIPE else _STRIPE_OTHERWISE.get(code, iso)
            paypal = None if code not in _BY_PAYPAL else 0 if code in _PAYPAL_WHOLE_UNITS else iso
            table[code] = Currency(code, iso, stripe, paypal)
    return table


CURRENCIES: dict[str, Currency] = _build()
