"""What a tenant may use now, and until when: asked on every call, so it is one indexed read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing_portal.tenants.models import Tenant
from subscriptions import queries
from subscriptions.models import Subscription

Status = Subscription.Status


@dataclass(frozen=True, slots=True)
class Entitlement:
    """`valid_until`: as far as can be said now; None where there is nothing to use. `features` are the plan's."""

    active: bool
    status: str | None = None
    plan_code: str | None = None
    seats: int = 0
    features: tuple[str, ...] = ()
    valid_until: datetime | None = None


def entitlement(tenant: Tenant, now: datetime) -> Entitlement:
    """By the subscription that began last, and ever came alive. An overdue invoice takes nothing away yet; a pause or a
    cancellation leaves what was paid for to its end."""
    terms = (
        queries.terms_that_lived(tenant)  # what was there before those that never did counts
        .filter(effective_from__lte=now)
        .select_related("subscription", "price__version__plan")
        .order_by("-subscription__started_at", "-effective_from")
        .first()
    )
    if terms is None:
        return Entitlement(active=False)
    subscription, version = terms.subscription, terms.price.version
    subscription.tenant = tenant
    until = _until(subscription)
    goes_on = subscription.status in queries.ENTERS_THE_NEXT_PERIOD and not subscription.cancel_at_period_end
    if until and until <= now and goes_on:
        until = _next(subscription, now)
    active = until is not None and now < until
    if not active:
        return Entitlement(active=False, status=subscription.status, plan_code=version.plan.code)
    return Entitlement(
        active=True,
        status=subscription.status,
        plan_code=version.plan.code,
        seats=terms.seats,
        features=tuple(version.features),
        valid_until=until,
    )


_NOT_TOLD_YET = timedelta(days=1)


def _next(subscription: Subscription, now: datetime) -> datetime | None:
    """The end of the period that whoever writes it is late with. What a provider has not told yet goes on for a day."""
    running = queries.running_period(subscription, now)
    return running[1] if running and running[1] > now else now + _NOT_TOLD_YET


def _until(subscription: Subscription) -> datetime | None:
    if subscription.status == Status.UNPAID:
        return None
    return subscription.ended_at if subscription.status == Status.CANCELED else subscription.period_end
