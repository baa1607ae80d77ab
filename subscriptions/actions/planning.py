"""Write a plan's terms down as its next version: the one place that makes plan versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from billing_portal.tenants.models import Tenant
from subscriptions.models import Plan, PlanAllowance, PlanOveragePrice, PlanPrice, PlanVersion
from subscriptions.terms import Rounding, Trial


@transaction.atomic
def define_plan(
    *,
    code: str,
    name: str,
    now: datetime,
    allowances: Mapping[tuple[str, str], Decimal | None],
    overage: Mapping[tuple[str, str, str], Decimal],
    prices: Mapping[tuple[str, str], tuple[int, int]],
    rounding: Rounding = Rounding(),  # noqa: B008 (frozen)
    trial: Trial = Trial(),  # noqa: B008 (frozen)
    by_invoice: bool = True,
    features: Sequence[str] = (),
    tenant: Tenant | None = None,
    position: int = 0,
) -> PlanVersion:
    """A new version of the plan `code`, which is made when it is new; older versions stay for who is on them.

    `allowances`: (meter, rate class) → units per seat, None without limit. `overage`: (meter, rate class, currency) →
    minor units per unit. `prices`: (billing cycle, currency) → (minor units per seat, minimum seats). With a `tenant`
    it is agreed with that one alone, and comes before what everybody gets.
    """
    plan, _ = Plan.objects.select_for_update().get_or_create(code=code, defaults={"name": name, "position": position})
    latest = plan.versions.aggregate(latest=Max("version"))["latest"] or 0
    version = PlanVersion.objects.create(
        plan=plan,
        version=latest + 1,
        created_at=now,
        trial_days=trial.days,
        bills_trial_usage=trial.bills_usage,
        by_invoice=by_invoice,
        features=list(features),
        tenant=tenant,
        initial_seconds=rounding.initial,
        increment_seconds=rounding.increment,
        free_below_seconds=rounding.free_below,
    )
    PlanAllowance.objects.bulk_create(
        PlanAllowance(version=version, meter=meter, rate_class=rate_class, per_seat=per_seat)
        for (meter, rate_class), per_seat in allowances.items()
    )
    PlanOveragePrice.objects.bulk_create(
        PlanOveragePrice(version=version, meter=meter, rate_class=rate_class, currency=currency, unit_amount=amount)
        for (meter, rate_class, currency), amount in overage.items()
    )
    PlanPrice.objects.bulk_create(
        PlanPrice(
            version=version, billing_cycle=cycle, currency=currency, per_seat_minor=minor, minimum_seats=minimum_seats
        )
        for (cycle, currency), (minor, minimum_seats) in prices.items()
    )
    return version
