"""The month so far against the plan, and where it is heading at this pace: what pages and the API show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from subscriptions import pricing_terms
from subscriptions.terms import Terms
from usage import queries
from usage.meters import METERS, RATE_CLASS_TITLES
from usage.models import UsageMonth
from usage.rating import Rated, Used, rate_segment, total


@dataclass(frozen=True, slots=True)
class ClassSoFar:
    """One (meter, rate class), over all segments of the month, in shown units. `included` None: without limit.

    `pace` is the use expected by the month's end when it goes on as so far, `pace_amount` what its overage would cost.
    """

    meter: str
    rate_class: str
    title: str
    unit: str
    used: Decimal
    records: int
    included: Decimal | None
    overage: Decimal
    unit_amount: Decimal
    amount: int
    pace: Decimal
    pace_overage: Decimal
    pace_amount: int

    @property
    def has_allowance(self) -> bool:
        """Minutes are counted against something: neither without limit nor charged from the first."""
        return bool(self.included)


@dataclass(frozen=True, slots=True)
class MonthSoFar:
    """Amounts are minor units of `currency`, which is None for a tenant that was never billed."""

    month: UsageMonth
    currency: str | None
    segments: tuple[Terms, ...]
    classes: list[ClassSoFar]

    @property
    def terms(self) -> Terms | None:
        """The last ones of the month."""
        return self.segments[-1] if self.segments else None

    @property
    def main(self) -> ClassSoFar | None:
        """What one figure is about: outbound when it has an allowance, else what has one, else what is used."""
        counted = [each for each in self.classes if each.has_allowance]
        used = [each for each in self.classes if each.used]
        for choice in (counted, used, self.classes):
            if choice:
                return next((each for each in choice if each.rate_class == "outbound"), choice[0])
        return None

    @property
    def overage_total(self) -> int:
        return sum(each.amount for each in self.classes)

    @property
    def projected_total(self) -> int:
        return sum(each.pace_amount for each in self.classes)

    def money(self, minor: int) -> Money | None:
        return Money(minor, self.currency) if self.currency else None


def month_so_far(tenant: Tenant, month: UsageMonth, now: datetime) -> MonthSoFar:
    """Every class that the plan names or that was used, the counted ones first."""
    return months_so_far(tenant, [month], now)[0]


def months_so_far(tenant: Tenant, months: Sequence[UsageMonth], now: datetime) -> list[MonthSoFar]:
    """The same for several months, in the order given, by as many queries as for one."""
    if not months:
        return []
    first, last = min(month.starts_at for month in months), max(month.ends_at for month in months)
    segments = pricing_terms.terms_between(tenant, first, last)
    totals = queries.totals_by_month(tenant, [month.label for month in months])
    return [_month(tenant, month, _within(month, segments), totals.get(month.label, {}), now) for month in months]


def _within(month: UsageMonth, segments: Sequence[Terms]) -> list[Terms]:
    cut = [
        replace(terms, starts_at=max(terms.starts_at, month.starts_at), ends_at=min(terms.ends_at, month.ends_at))
        for terms in segments
    ]
    return [terms for terms in cut if terms.starts_at < terms.ends_at]


def _month(
    tenant: Tenant, month: UsageMonth, segments: list[Terms], totals: queries.Totals, now: datetime
) -> MonthSoFar:
    rated: list[Rated] = []
    paced: list[Rated] = []
    for terms in segments:
        use = _with_unused(terms, totals.get(terms.effective_from, {}))
        rated += rate_segment(terms, use, month.seconds)
        paced += rate_segment(terms, _at_this_pace(terms, use, now), month.seconds)
    keys = sorted({(each.meter, each.rate_class) for each in rated}, key=_order(rated))
    classes = [_sum(meter, rate_class, rated, paced) for meter, rate_class in keys]
    return MonthSoFar(month, tenant.currency, tuple(segments), classes)


def this_month(tenant: Tenant, now: datetime) -> MonthSoFar:
    return month_so_far(tenant, queries.month_at(tenant, now), now)


def _with_unused(terms: Terms, use: Mapping[tuple[str, str], Used]) -> dict[tuple[str, str], Used]:
    """What the plan includes or prices shows with a zero, so that a reader sees what there is."""
    return {**{key: Used() for key in (*terms.allowances, *terms.prices)}, **use}


def _at_this_pace(terms: Terms, use: Mapping[tuple[str, str], Used], now: datetime) -> dict[tuple[str, str], Used]:
    """Use stretched from the time gone to the whole segment; a segment that is over stays as it is."""
    whole = (terms.ends_at - terms.starts_at).total_seconds()
    gone = min((now - terms.starts_at).total_seconds(), whole)
    if gone <= 0 or gone == whole:
        return dict(use)
    stretch = Decimal(int(whole)) / Decimal(max(1, int(gone)))
    return {
        key: Used(used.quantity, (used.billable * stretch).quantize(Decimal(1), ROUND_HALF_UP), used.records)
        for key, used in use.items()
    }


def _order(rated: list[Rated]) -> Callable[[tuple[str, str]], tuple[bool, tuple[str, str]]]:
    counted = {(each.meter, each.rate_class) for each in rated if each.included}
    return lambda key: (key not in counted, key)


def _sum(meter: str, rate_class: str, rated: list[Rated], paced: list[Rated]) -> ClassSoFar:
    mine = [each for each in rated if (each.meter, each.rate_class) == (meter, rate_class)]
    ahead = [each for each in paced if (each.meter, each.rate_class) == (meter, rate_class)]
    limits = [each.included for each in mine]
    return ClassSoFar(
        meter=meter,
        rate_class=rate_class,
        title=RATE_CLASS_TITLES.get(rate_class, rate_class),
        unit=METERS[meter].unit,
        used=sum((each.used for each in mine), Decimal(0)),
        records=sum(each.records for each in mine),
        included=None if None in limits else sum((limit for limit in limits if limit is not None), Decimal(0)),
        overage=sum((each.overage for each in mine), Decimal(0)),
        unit_amount=mine[-1].unit_amount,
        amount=total(mine),
        pace=sum((each.used for each in ahead), Decimal(0)),
        pace_overage=sum((each.overage for each in ahead), Decimal(0)),
        pace_amount=total(ahead),
    )
