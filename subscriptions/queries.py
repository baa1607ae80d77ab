"""Reads of plans and subscriptions, tenant first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from subscriptions.models import Subscription, SubscriptionTerms
from subscriptions.models.plan import BillingCycle
from subscriptions.models.subscription import LIVE
from subscriptions.terms import Pricing, Rounding, Terms


def live_subscription(tenant: Tenant) -> Subscription | None:
    return Subscription.objects.filter(tenant=tenant, status__in=LIVE).first()


def latest_subscription(tenant: Tenant) -> Subscription | None:
    """The live one, else the one that ended last."""
    return live_subscription(tenant) or Subscription.objects.filter(tenant=tenant).order_by("-started_at").first()


def current_terms(subscription: Subscription, now: datetime) -> SubscriptionTerms:
    """The row in force at `now`; the first one for a subscription that has not begun."""
    terms = subscription.terms.select_related("price__version__plan")
    return terms.filter(effective_from__lte=now).last() or terms.earliest("effective_from")


def billing_period(subscription: Subscription, terms: SubscriptionTerms, now: datetime) -> periods.Span:
    """The period that holds `now`, counted from the subscription's anchor in the tenant's zone."""
    months = BillingCycle(terms.price.billing_cycle).months
    return periods.billing_period_at(subscription.anchor_at, subscription.tenant.zone, months, now)[1]


def ever_subscribed() -> QuerySet[Tenant]:
    """Tenants that have, or had, a subscription, in the order of their ids."""
    return Tenant.objects.filter(id__in=Subscription.objects.values("tenant_id")).order_by("id")


def terms_between(tenant: Tenant, start: datetime, end: datetime) -> list[Terms]:
    """The segments of [start, end) by the terms in force, oldest first; time without a subscription has none."""
    rows = list(
        SubscriptionTerms.objects.filter(tenant=tenant, effective_from__lt=end)
        .select_related("subscription", "price__version__plan")
        .prefetch_related("price__version__allowances", "price__version__overage_prices")
        .order_by("effective_from")
    )
    segments = [_segment(row, _end_of(row, rows), start, end) for row in rows]
    return [segment for segment in segments if segment.starts_at < segment.ends_at]


def pricing_at(tenant: Tenant, instant: datetime) -> Pricing | None:
    """How a record of that instant is priced, or None without a subscription: one query, asked for each record."""
    version = "price__version"
    row = (
        SubscriptionTerms.objects.filter(
            Q(subscription__ended_at=None) | Q(subscription__ended_at__gt=instant),
            tenant=tenant,
            effective_from__lte=instant,
        )
        .order_by("-effective_from")
        .values_list(
            "effective_from",
            f"{version}__initial_seconds",
            f"{version}__increment_seconds",
            f"{version}__free_below_seconds",
        )
        .first()
    )
    return Pricing(row[0], Rounding(*row[1:])) if row else None


def _end_of(row: SubscriptionTerms, rows: Iterable[SubscriptionTerms]) -> datetime | None:
    """When the row's terms stopped: the next row of its subscription, or the subscription's end."""
    ends = [
        other.effective_from
        for other in rows
        if other.subscription_id == row.subscription_id and other.effective_from > row.effective_from
    ]
    if row.subscription.ended_at:
        ends.append(row.subscription.ended_at)
    return min(ends, default=None)


def _segment(row: SubscriptionTerms, stopped: datetime | None, start: datetime, end: datetime) -> Terms:
    version, currency = row.price.version, row.subscription.currency
    return Terms(
        subscription_id=row.subscription_id,
        plan_code=version.plan.code,
        plan_name=version.plan.name,
        version=version.version,
        seats=row.seats,
        currency=currency,
        effective_from=row.effective_from,
        starts_at=max(row.effective_from, start),
        ends_at=min(stopped or end, end),
        rounding=Rounding(version.initial_seconds, version.increment_seconds, version.free_below_seconds),
        allowances={(each.meter, each.rate_class): each.per_seat for each in version.allowances.all()},
        prices={
            (each.meter, each.rate_class): each.unit_amount
            for each in version.overage_prices.all()
            if each.currency == currency
        },
    )
