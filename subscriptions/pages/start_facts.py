"""What the page that starts a subscription shows: the first invoice as a sum, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from billing_portal.kit.display.amounts import money_text, number_text
from billing_portal.kit.display.dates import long_text
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments import queries as money
from payments import tax
from payments.actions.invoicing import LineDraft
from payments.tax import Tax
from subscriptions import spans
from subscriptions.coupon_words import how_long, what_off
from subscriptions.discounts import discount_of
from subscriptions.drafting import period_lines
from subscriptions.models import Coupon, PlanPrice

NOW, TRIAL = "now", "trial"


def first_bill(
    tenant: Tenant, price: PlanPrice, seats: int, now: datetime, *, trial_days: int, coupon: Coupon | None = None
) -> dict[str, Any]:
    """`total` is the first invoice with tax, `due` what of it is left after the tenant's credit, `on` its day; `later`
    is the one after it."""
    on = now + timedelta(days=trial_days)
    period = spans.first_span(on, tenant.zone, price.billing_cycle)
    lines = period_lines(price, seats, period, discount_of(coupon, 1))
    taxes, total = _with_tax(tenant, lines)
    after = _with_tax(tenant, period_lines(price, seats, period, discount_of(coupon, 2)))[1]
    credit = min(total, max(0, money.credit_balance(tenant, price.currency).minor))
    due = Money(total - credit, price.currency)
    return {
        "lines": [{"title": each.title, "amount": Money(each.amount_minor, price.currency)} for each in lines],
        "taxes": [
            {
                "title": f"{each.name} {number_text(each.rate)}%",
                "note": f"on {money_text(Money(each.taxable_minor, price.currency))}",
                "amount": Money(each.amount_minor, price.currency),
            }
            for each in taxes
        ],
        "total": Money(total, price.currency),
        "later": Money(after, price.currency),
        "coupon": f"{coupon.code} takes {what_off(coupon)} {how_long(coupon)}." if coupon else "",
        "credit": Money(-credit, price.currency) if credit else None,
        "due": due,
        "on": on,
        "due_at": on + timedelta(days=tenant.payment_terms_days),
        "period": period,
        "in_trial": bool(trial_days),
        "button": _button(due, on, trial_days=trial_days),
    }


def _with_tax(tenant: Tenant, lines: Sequence[LineDraft]) -> tuple[list[Tax], int]:
    subtotal = sum(line.amount_minor for line in lines)
    taxes = tax.tax_lines(tenant, [line.amount_minor for line in lines]) if subtotal else []
    return taxes, subtotal + sum(each.amount_minor for each in taxes)


def _button(due: Money, on: datetime, *, trial_days: int) -> str:
    if trial_days:
        return f"Start the trial, free until {long_text(on).rpartition(',')[0]}"
    return f"Start for {money_text(due)}" if due.minor else "Start the subscription"
