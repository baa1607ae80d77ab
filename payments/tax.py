"""What tax an invoice carries: none, or the tenant's percentage on top. A tax service can take this function's
place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing_portal.kit.money import round_half_up, split
from billing_portal.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Tax:
    """One rate: `rate` in percent, amounts in minor units, `per_line` summing to `amount_minor`."""

    name: str
    rate: Decimal
    taxable_minor: int
    amount_minor: int
    per_line: list[int]


def tax_lines(tenant: Tenant, line_amounts: Sequence[int]) -> list[Tax]:
    """Exclusive tax, rounded once per rate and spread over the lines by largest remainder."""
    if not tenant.tax_percent or not line_amounts:
        return []
    return [tax_of(tenant.tax_name or "Tax", tenant.tax_percent, line_amounts)]


def tax_of(name: str, rate: Decimal, line_amounts: Sequence[int]) -> Tax:
    """One rate, in percent, on top of these amounts."""
    taxable = sum(line_amounts)
    amount = round_half_up(Decimal(taxable) * rate / 100)
    return Tax(name=name, rate=rate, taxable_minor=taxable, amount_minor=amount, per_line=split(amount, line_amounts))
