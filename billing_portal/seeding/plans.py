"""The demo's price list: three plans, in three currencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing_portal.seeding.stand_in import StandIns
from payments.providers import registry
from payments.providers.recurring import SellsPlans
from subscriptions.actions import pricing
from subscriptions.actions.planning import define_plan
from subscriptions.models import Plan
from subscriptions.terms import Trial


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """`minutes`: outbound, included per seat and month. Amounts are minor units by currency: `seat` per month (a year
    costs ten), `outbound` and `toll_free` per minute beyond what is included, as texts since they have decimals."""

    code: str
    name: str
    minutes: int
    minimum_seats: int
    seat: Mapping[str, int]
    outbound: Mapping[str, str]
    toll_free: Mapping[str, str]


PLANS = (
    PlanFacts(
        code="starter",
        name="Starter",
        minutes=100,
        minimum_seats=1,
        seat={"usd": 1900, "eur": 1800, "jpy": 2800},
        outbound={"usd": "2.5", "eur": "2.3", "jpy": "3.75"},
        toll_free={"usd": "2.6", "eur": "2.4", "jpy": "3.9"},
    ),
    PlanFacts(
        code="professional",
        name="Professional",
        minutes=500,
        minimum_seats=1,
        seat={"usd": 2900, "eur": 2700, "jpy": 4300},
        outbound={"usd": "1.2", "eur": "1.1", "jpy": "1.8"},
        toll_free={"usd": "1.8", "eur": "1.7", "jpy": "2.7"},
    ),
    PlanFacts(
        code="enterprise",
        name="Enterprise",
        minutes=1000,
        minimum_seats=10,
        seat={"usd": 3900, "eur": 3600, "jpy": 5800},
        outbound={"usd": "0.9", "eur": "0.85", "jpy": "1.35"},
        toll_free={"usd": "1.4", "eur": "1.3", "jpy": "2.1"},
    ),
)
MONTHS_PAID_IN_A_YEAR = 10
TRIAL_DAYS = 14


def make_plans(now: datetime) -> None:
    """The plans that are not there yet; one that exists keeps its terms."""
    for position, plan in enumerate(PLANS):
        if Plan.objects.filter(code=plan.code).exists():
            continue
        define_plan(
            code=plan.code,
            name=plan.name,
            position=position,
            now=now,
            trial=Trial(TRIAL_DAYS),
            allowances={("call_minutes", "outbound"): Decimal(plan.minutes), ("call_minutes", "inbound"): None},
            overage={
                ("call_minutes", rate_class, currency): Decimal(amount)
                for rate_class, amounts in (("outbound", plan.outbound), ("toll_free", plan.toll_free))
                for currency, amount in amounts.items()
            },
            prices={
                (cycle, currency): (minor * months, plan.minimum_seats)
                for cycle, months in (("monthly", 1), ("yearly", MONTHS_PAID_IN_A_YEAR))
                for currency, minor in plan.seat.items()
            },
        )


def sell_plans(stand_ins: StandIns, now: datetime) -> None:
    """Their prices at each stand-in, as `manage.py sync_plans` makes them. Raises ProviderError."""
    for stand_in in stand_ins:
        stand_in.at(now)
        seller = registry.named(stand_in.name, SellsPlans)
        assert seller
        for price in pricing.missing(seller):
            pricing.ensure(price, seller)
