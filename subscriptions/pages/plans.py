"""What can be bought, side by side: prices by cycle, what a seat includes, what a minute beyond costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_portal.kit.display.amounts import NONE, number_text, unit_price_text
from billing_portal.kit.display.counting import count_text
from billing_portal.tenants.models import Tenant
from subscriptions import queries
from subscriptions.models import PlanPrice, PlanVersion
from subscriptions.models.plan import BillingCycle
from subscriptions.pages.words import EACH, KINDS, UNITS, kind_title, plain


@dataclass(frozen=True, slots=True)
class PlanColumn:
    """One plan. `prices` are by cycle, in the cycles' order, None where it is not sold so; `rows` are label and value,
    the same labels for each plan beside it."""

    code: str
    name: str
    prices: list[dict[str, Any]]
    rows: list[tuple[str, str]]
    is_current: bool
    is_chosen: bool


def versions_for(tenant: Tenant, currency: str, current: PlanVersion | None = None) -> list[PlanVersion]:
    """What this tenant may choose from: what is sold in its currency, its own plan in the version that it is on."""
    sold = queries.offered(tenant, currency)
    if current is None:
        return sold
    if current.plan.code not in {each.plan.code for each in sold}:
        sold = [current, *sold]
    return [current if each.plan.code == current.plan.code else each for each in sold]


def currency_for(tenant: Tenant) -> str:
    """The tenant's own; before it has one, the first that something is sold in."""
    if tenant.currency:
        return tenant.currency
    sold = {price.currency for version in queries.offered(tenant) for price in version.prices.all()}
    return "usd" if "usd" in sold or not sold else min(sold)


def columns(
    versions: Sequence[PlanVersion], currency: str, *, current: str = "", chosen: str = "", trials: bool = False
) -> list[PlanColumn]:
    """`current` and `chosen` are codes; `trials`: whether a trial is still to be had."""
    labels = _labels(versions)
    return [
        PlanColumn(
            code=version.plan.code,
            name=version.plan.name,
            prices=[_price(version, cycle, currency) for cycle in BillingCycle.values],
            rows=[*_included(version, labels, currency), *_more(version, versions, currency, trials=trials)],
            is_current=version.plan.code == current,
            is_chosen=version.plan.code == chosen,
        )
        for version in versions
    ]


def cycle_words(versions: Sequence[PlanVersion], currency: str) -> list[dict[str, str]]:
    """The cycles that something is sold in; the longer one says what it saves: 'Yearly, 16% less'."""
    prices = [price for version in versions for price in version.prices.all() if price.currency == currency]
    sold = {price.billing_cycle for price in prices}
    saved = _saved(prices)
    words = {
        BillingCycle.MONTHLY.value: "Monthly",
        BillingCycle.YEARLY.value: f"Yearly, {saved}% less" if saved else "Yearly",
    }
    return [{"value": each, "word": words[each]} for each in BillingCycle.values if each in sold]


def price_in(version: PlanVersion, cycle: str, currency: str) -> PlanPrice | None:
    prices = (each for each in version.prices.all() if each.currency == currency)
    return next((each for each in prices if each.billing_cycle == cycle), None)


def included_rows(version: PlanVersion, seats: int, currency: str) -> list[tuple[str, str]]:
    """For one plan with its seats: '6,000 min', '12 × 500'."""
    rows = []
    for meter, rate_class in _keys([version]):
        allowance, price = _terms_of(version, meter, rate_class, currency)
        title, unit = kind_title(meter, rate_class), UNITS.get(meter, "")
        word = "minute" if unit == "min" else "unit"
        if allowance is None:
            rows.append((title, "no limit"))
        elif allowance:
            rows.append((f"{title}, a month", f"{number_text(allowance * seats)} {unit}".strip()))
            rows.append((f"Each {title.lower()} {word} beyond", price))
        else:
            rows.append((f"{title} {word}", price))
    return rows


def _saved(prices: Sequence[PlanPrice]) -> int:
    """Whole per cent by which a year is cheaper than twelve months, at least, over all plans that have both."""
    by_plan: dict[Any, dict[str, int]] = {}
    for price in prices:
        by_plan.setdefault(price.version_id, {})[price.billing_cycle] = price.per_seat_minor
    both = [each for each in by_plan.values() if len(each) == len(BillingCycle.values) and each["monthly"]]
    return max(0, min((100 - each["yearly"] * 100 // (each["monthly"] * 12) for each in both), default=0))


def _price(version: PlanVersion, cycle: str, currency: str) -> dict[str, Any]:
    price = price_in(version, cycle, currency)
    return {"cycle": cycle, "each": EACH[cycle], "minor": price.per_seat_minor if price else None}


def _keys(versions: Sequence[PlanVersion]) -> list[tuple[str, str]]:
    """(meter, rate class) of all that is included or priced in one of them."""
    found = set()
    for version in versions:
        found |= {(each.meter, each.rate_class) for each in version.allowances.all()}
        found |= {(each.meter, each.rate_class) for each in version.overage_prices.all()}
    order = list(KINDS)
    return sorted(found, key=lambda key: (order.index(key[1]) if key[1] in KINDS else len(order), key))


def _labels(versions: Sequence[PlanVersion]) -> list[tuple[str, str, bool]]:
    """(meter, rate class, whether one of them counts it against an allowance)."""
    counted = {
        (each.meter, each.rate_class) for version in versions for each in version.allowances.all() if each.per_seat
    }
    return [(*key, key in counted) for key in _keys(versions)]


def _included(version: PlanVersion, labels: Sequence[tuple[str, str, bool]], currency: str) -> list[tuple[str, str]]:
    rows = []
    for meter, rate_class, is_counted in labels:
        allowance, price = _terms_of(version, meter, rate_class, currency)
        title, unit = kind_title(meter, rate_class), UNITS.get(meter, "")
        is_free = allowance is None
        if is_counted:
            counted = f"{number_text(allowance)} {unit}".strip() if allowance else "none"
            amount = "no limit" if is_free else counted
            rows.append((f"{title} included", amount))
            rows.append(("Each minute beyond" if unit == "min" else "Each beyond", NONE if is_free else price))
        else:
            label = f"{title} minute" if unit == "min" and not is_free else title
            rows.append((title if is_free else label, "no limit" if is_free else price))
    return rows


def _terms_of(version: PlanVersion, meter: str, rate_class: str, currency: str) -> tuple[Decimal | None, str]:
    """(per seat: None without limit, 0 for nothing; the price of a unit beyond, as text)."""
    key = meter, rate_class
    included = {(each.meter, each.rate_class): each.per_seat for each in version.allowances.all()}
    prices = {
        (each.meter, each.rate_class): each.unit_amount
        for each in version.overage_prices.all()
        if each.currency == currency
    }
    text = unit_price_text(prices[key], currency) if key in prices else NONE
    return included.get(key, Decimal(0)), text


def _more(
    version: PlanVersion, versions: Sequence[PlanVersion], currency: str, *, trials: bool
) -> list[tuple[str, str]]:
    """Rows that stand only where the plans differ in them, or have them at all."""
    rows = []
    least = {each: _least(each, currency) for each in versions}
    if set(least.values()) != {1}:
        rows.append(("Starts at", count_text(least[version], "seat")))
    if any(each.features for each in versions):
        rows.append(("Turned on", ", ".join(map(plain, version.features)) or NONE))
    if not all(each.by_invoice for each in versions):
        rows.append(("Paid by check or wire", "yes" if version.by_invoice else "no"))
    if trials and any(each.trial_days for each in versions):
        rows.append(("Trial", count_text(version.trial_days, "day") if version.trial_days else "none"))
    return rows


def _least(version: PlanVersion, currency: str) -> int:
    return min((each.minimum_seats for each in version.prices.all() if each.currency == currency), default=1)
