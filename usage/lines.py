"""Rated use as invoice lines: the words, and the derivation that lets a reader do the sum again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal, localcontext
from typing import Any

from billing_portal.kit.display.dates import month_text
from billing_portal.kit.fields import quantity_text
from billing_portal.kit.money import round_half_up
from payments.actions.invoicing import LineDraft
from usage.meters import METERS, RATE_CLASS_TITLES
from usage.models import UsageMonth
from usage.rating import Rated


def overage_lines(month: UsageMonth, rated: Iterable[Rated]) -> list[LineDraft]:
    """One line for each class that went beyond what was included, at a price."""
    return [
        LineDraft(
            title=_title(each),
            quantity=each.overage,
            unit_amount=each.unit_amount,
            amount_minor=each.amount,
            unit=METERS[each.meter].unit,
            meter=each.meter,
            period_start=each.terms.starts_at,
            period_end=each.terms.ends_at,
            derivation=derivation(month, each),
        )
        for each in rated
        if each.amount
    ]


def adjustment_lines(month: UsageMonth, before: Iterable[Rated], after: Iterable[Rated]) -> list[LineDraft]:
    """What came after `month` was closed, at its own terms: the overage of all, less the overage billed before."""
    billed = {_key(each): each for each in before}
    lines = []
    for each in after:
        earlier = billed.get(_key(each))
        more = each.overage - (earlier.overage if earlier else Decimal(0))
        with localcontext(prec=60):
            exact = more * each.unit_amount
            amount = round_half_up(exact)
        if not amount:
            continue
        lines.append(
            LineDraft(
                title=f"Adjustment for {_month(month)}: {_title(each)[0].lower()}{_title(each)[1:]}",
                quantity=more,
                unit_amount=each.unit_amount,
                amount_minor=amount,
                unit=METERS[each.meter].unit,
                meter=each.meter,
                period_start=each.terms.starts_at,
                period_end=each.terms.ends_at,
                derivation={
                    **derivation(month, each),
                    "kind": "adjustment",
                    "billedBefore": quantity_text(earlier.overage) if earlier else "0",
                    "overage": quantity_text(more),
                    "overageOfAll": quantity_text(each.overage),
                    "exact": quantity_text(exact),
                    "amount": amount,
                },
            )
        )
    return lines


def derivation(month: UsageMonth, rated: Rated) -> dict[str, Any]:
    """used − included = overage; overage × unitAmount = exact; exact rounded half-up once = amount (minor units)."""
    terms = rated.terms
    per_seat = terms.allowances.get((rated.meter, rated.rate_class), Decimal(0))
    return {
        "kind": "overage",
        "month": month.label,
        "meter": rated.meter,
        "rateClass": rated.rate_class,
        "unit": METERS[rated.meter].unit,
        "records": rated.records,
        "used": quantity_text(rated.used),
        "includedPerSeat": None if per_seat is None else quantity_text(per_seat),
        "seats": terms.seats,
        "coveredSeconds": terms.covered_seconds,
        "monthSeconds": month.seconds,
        "included": None if rated.included is None else quantity_text(rated.included),
        "overage": quantity_text(rated.overage),
        "unitAmount": quantity_text(rated.unit_amount),
        "exact": quantity_text(rated.exact),
        "amount": rated.amount,
        "currency": terms.currency,
        "rounding": asdict(terms.rounding),
        "plan": terms.plan_name,
        "planVersion": terms.version,
        "termsSince": terms.effective_from.isoformat().replace("+00:00", "Z"),
    }


def _title(rated: Rated) -> str:
    name = f"{RATE_CLASS_TITLES[rated.rate_class]} minutes"
    return name if rated.included == 0 else f"{name} over the allowance"


def _month(month: UsageMonth) -> str:
    return month_text(month.label).replace("\N{NO-BREAK SPACE}", " ")  # kept as data, so with plain spaces


def _key(rated: Rated) -> tuple[object, ...]:
    return rated.terms.effective_from, rated.meter, rated.rate_class
