"""The next invoice as a sum: what the month so far, and its pace, would bill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from billing_portal.kit.display.amounts import number_text, unit_price_text
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments import queries as money
from payments import tax
from usage import queries
from usage.actions.closing import lines_of
from usage.pages.words import about
from usage.summary import ClassSoFar, MonthSoFar


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    note: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Forecast:
    """`total` is expected by the month's end, `so_far` is with the calls so far, both with tax; `credit` pays of it."""

    rows: list[Row]
    taxes: list[Row]
    total: Money
    so_far: Money
    credit: Money

    @property
    def to_pay(self) -> Money:
        return self.total - self.credit


def forecast(tenant: Tenant, so_far: MonthSoFar) -> Forecast | None:
    """None for a tenant that has no plan, and so no next invoice."""
    currency = so_far.currency
    if currency is None or so_far.terms is None:
        return None
    rows = [_row(each, currency) for each in so_far.classes if each.pace_amount]
    late = _adjustments(tenant, so_far, currency)
    paced = [row.amount.minor for row in [*rows, *late]]
    now = [each.amount for each in so_far.classes if each.amount] + [row.amount.minor for row in late]
    taxes = [
        Row(f"{each.name} {number_text(each.rate)}%", "", Money(each.amount_minor, currency))
        for each in tax.tax_lines(tenant, paced)
    ]
    total = Money(sum(paced) + sum(row.amount.minor for row in taxes), currency)
    return Forecast(
        rows=[*rows, *late],
        taxes=taxes,
        total=total,
        so_far=Money(sum(now) + sum(each.amount_minor for each in tax.tax_lines(tenant, now)), currency),
        credit=min(money.credit_balance(tenant, currency), total),
    )


def _row(each: ClassSoFar, currency: str) -> Row:
    name = f"{each.title} over the allowance" if each.has_allowance else each.title
    price = unit_price_text(each.unit_amount, currency)
    certain = each.pace == each.used
    quantity = number_text(each.overage) if certain else f"about {about(max(each.pace_overage, Decimal(1)))}"
    return Row(name, f"{quantity} min × {price}", Money(each.pace_amount, currency))


def _adjustments(tenant: Tenant, so_far: MonthSoFar, currency: str) -> list[Row]:
    """What came late for closed months stands on the next invoice already."""
    if not queries.late_months(tenant, so_far.month.label):
        return []
    return [
        Row(
            line.title,
            f"{number_text(line.quantity)} min × {unit_price_text(line.unit_amount, currency)}",
            Money(line.amount_minor, currency),
        )
        for line in lines_of(tenant, so_far.month)
        if line.derivation.get("kind") == "adjustment"
    ]
