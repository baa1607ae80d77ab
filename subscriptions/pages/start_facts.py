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
from subscriptions.pages.ways import Way

NOW, TRIAL = "now", "trial"
ANY, INVOICE, CHARGE = "any", "invoice", "charge"


def sums(
    tenant: Tenant, price: PlanPrice, seats: int, now: datetime, *, trial_days: int, coupon: Coupon | None = None
) -> list[dict[str, Any]]:
    """The first bill for each way to pay that makes it another: `by` names them, "invoice", "charge", or "any" where
    both come to the same. What a provider charges is its price: no tax of ours is in it, and no credit pays of it."""
    ours, theirs = (
        _first_bill(tenant, price, seats, now, trial_days=trial_days, coupon=coupon, by=by) for by in (INVOICE, CHARGE)
    )
    same = ours["lines"] == theirs["lines"] and all(ours[each] == theirs[each] for each in ("total", "due", "later"))
    return [ours | {"by": ANY}] if same else [ours, theirs]


def of_way(shown: Sequence[dict[str, Any]], pay_with: str) -> dict[str, Any]:
    """The sum that whoever pays so was shown. `pay_with` is a radio's value: "" is by invoice."""
    return next(each for each in shown if each["by"] in (ANY, CHARGE if pay_with else INVOICE))


def for_ways(shown: Sequence[dict[str, Any]], ways: Sequence[Way]) -> list[dict[str, Any]]:
    """Those that one of these ways to pay leads to."""
    wanted = [of_way(shown, each.value)["by"] for each in ways] if shown else []
    return [each for each in shown if each["by"] in wanted]


def _first_bill(
    tenant: Tenant, price: PlanPrice, seats: int, now: datetime, *, trial_days: int, coupon: Coupon | None, by: str
) -> dict[str, Any]:
    """`total` is the first bill with tax, `due` what of it is left after the tenant's credit, `on` its day; `later` is
    the one after it; `kept` the credit that stays."""
    on = now + timedelta(days=trial_days)
    period = spans.first_span(on, tenant.zone, price.billing_cycle)
    lines = period_lines(price, seats, period, discount_of(coupon, 1))
    taxes, total = _with_tax(tenant, lines, by)
    after = _with_tax(tenant, period_lines(price, seats, period, discount_of(coupon, 2)), by)[1]
    has = max(0, money.credit_balance(tenant, price.currency).minor)
    credit = min(total, has) if by == INVOICE else 0
    due = Money(total - credit, price.currency)
    return {
        "by": by,
        "field": "shown_charge" if by == CHARGE else "shown",
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
        "kept": Money(has, price.currency) if has and by == CHARGE else None,
        "due": due,
        "on": on,
        "due_at": on + timedelta(days=tenant.payment_terms_days),
        "period": period,
        "in_trial": bool(trial_days),
        "button": _button(due, on, trial_days=trial_days),
    }


def _with_tax(tenant: Tenant, lines: Sequence[LineDraft], by: str) -> tuple[list[Tax], int]:
    subtotal = sum(line.amount_minor for line in lines)
    taxes = tax.tax_lines(tenant, [line.amount_minor for line in lines]) if subtotal and by == INVOICE else []
    return taxes, subtotal + sum(each.amount_minor for each in taxes)


def _button(due: Money, on: datetime, *, trial_days: int) -> str:
    if trial_days:
        return f"Start the trial, free until {long_text(on).rpartition(',')[0]}"
    return f"Start for {money_text(due)}" if due.minor else "Start the subscription"
