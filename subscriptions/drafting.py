"""What a subscription is billed for, as invoice lines: the words, and the derivation that lets a reader do the sum
again."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing_portal.kit.display.amounts import money_text, number_text
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.fields import quantity_text, rfc3339
from billing_portal.kit.money import Money
from billing_portal.kit.periods import Span, duration
from payments.actions.invoicing import LineDraft
from subscriptions.discounts import Discount
from subscriptions.models import PlanPrice
from subscriptions.proration import Part

UNIT = "seat"


def period_lines(price: PlanPrice, seats: int, period: Span, discount: Discount | None) -> list[LineDraft]:
    """A whole period in advance, and what its coupon takes off."""
    return with_coupon([period_line(price, seats, period)], discount)


def with_coupon(lines: Sequence[LineDraft], discount: Discount | None) -> list[LineDraft]:
    """The lines of one period, and below them what its coupon takes off: off each line by itself, in one sum. What it
    took off unused time is not given back."""
    if discount is None or not (off := sum(discount.off(line.amount_minor) for line in lines)):
        return list(lines)
    currency = lines[0].derivation["currency"]
    words = off_text(discount.percent, discount.amount_minor, currency)
    return [
        *lines,
        LineDraft(
            title=f"{discount.code}: {words} off" + ("" if off > 0 else ", on unused time"),
            quantity=Decimal(1),
            unit_amount=Decimal(-off),
            amount_minor=-off,
            period_start=lines[0].period_start,
            period_end=lines[0].period_end,
            derivation={
                "kind": "coupon",
                "code": discount.code,
                "percentOff": None if discount.percent is None else quantity_text(discount.percent),
                "amountOff": discount.amount_minor,
                "currency": currency,
                "period": discount.cycle,
                "periods": discount.cycles,
                "of": [
                    {"title": line.title, "amount": line.amount_minor, "off": discount.off(line.amount_minor)}
                    for line in lines
                ],
                "amount": -off,
            },
        ),
    ]


def off_text(percent: Decimal | None, amount_minor: int | None, currency: str) -> str:
    """'20%', '$50.00'."""
    return f"{number_text(percent)}%" if percent is not None else money_text(Money(amount_minor or 0, currency))


def period_line(price: PlanPrice, seats: int, period: Span) -> LineDraft:
    """A whole period in advance: seats × the price of a seat."""
    amount = price.per_seat_minor * seats
    return LineDraft(
        title=f"{price.version.plan.name}, {count_text(seats, UNIT)}, {price.billing_cycle}",
        quantity=Decimal(seats),
        unit_amount=Decimal(price.per_seat_minor),
        amount_minor=amount,
        unit=UNIT,
        period_start=period[0],
        period_end=period[1],
        derivation={**_terms(price), "kind": "seats", "seats": seats, "amount": amount},
    )


def part_line(price: PlanPrice, part: Part, *, adds_seats: bool = False) -> LineDraft:
    """What is left of a period: given back for the terms that end, charged for those that begin."""
    seats = count_text(part.seats, UNIT)
    if adds_seats:
        title = f"{price.version.plan.name}, {seats} more"
    elif part.amount_minor < 0:
        title = f"Unused time of {price.version.plan.name}, {seats}"
    else:
        title = f"Remaining time of {price.version.plan.name}, {seats}"
    start, end = part.period
    return LineDraft(
        title=title,
        quantity=Decimal(part.seats),
        unit_amount=part.unit_amount,
        amount_minor=part.amount_minor,
        unit=UNIT,
        period_start=part.since,
        period_end=end,
        derivation={
            **_terms(price),
            "kind": "proration",
            "seats": part.seats,
            "since": rfc3339(part.since),
            "secondsLeft": int(duration(max(part.since, start), end).total_seconds()),
            "periodSeconds": int(duration(start, end).total_seconds()),
            "unitAmount": quantity_text(part.unit_amount),
            "amount": part.amount_minor,
        },
    )


def _terms(price: PlanPrice) -> dict[str, Any]:
    return {
        "plan": price.version.plan.name,
        "planVersion": price.version.version,
        "cycle": price.billing_cycle,
        "perSeat": quantity_text(Decimal(price.per_seat_minor)),
        "currency": price.currency,
    }
