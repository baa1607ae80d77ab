"""What a subscription is billed for, as invoice lines: the words, and the derivation that lets a reader do the sum
again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing_portal.kit.display.counting import count_text
from billing_portal.kit.fields import quantity_text, rfc3339
from billing_portal.kit.periods import Span, duration
from payments.actions.invoicing import LineDraft
from subscriptions.models import PlanPrice
from subscriptions.proration import Part

UNIT = "seat"


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
