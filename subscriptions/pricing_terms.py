"""The terms that price what a tenant uses: of one record, and of a stretch of time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from subscriptions.models import Subscription, SubscriptionTerms
from subscriptions.models.subscription import Engine
from subscriptions.queries import ENTERS_THE_NEXT_PERIOD, terms_that_lived
from subscriptions.terms import Pricing, Rounding, Terms


def terms_between(tenant: Tenant, start: datetime, end: datetime) -> list[Terms]:
    """The segments of [start, end) by the terms in force, oldest first; time without a subscription has none."""
    rows = list(
        terms_that_lived(tenant)
        .filter(effective_from__lt=end)
        .select_related("subscription", "price__version__plan")
        .prefetch_related("price__version__allowances", "price__version__overage_prices")
        .order_by("effective_from")
    )
    segments = [segment for row in rows for segment in _segments(row, _end_of(row, rows), start, end)]
    return [segment for segment in segments if segment.starts_at < segment.ends_at]


def pricing_at(tenant: Tenant, instant: datetime) -> Pricing | None:
    """How a record of that instant is priced, or None without a subscription: one query, asked for each record, and
    more in the short while in which a period is over and the next one has not been entered yet."""
    pricing, pending_at = _pricing_by_terms(tenant, instant)
    if pricing is None or pending_at is None or pending_at > instant:
        return pricing
    coming = coming_pricing(tenant)
    if coming is None:  # it may have been entered since: what was read then holds no longer
        return _pricing_by_terms(tenant, instant)[0]
    return coming if coming.since <= instant else pricing


def _pricing_by_terms(tenant: Tenant, instant: datetime) -> tuple[Pricing | None, datetime | None]:
    """By the terms that are written, and when others were agreed to for."""
    version = "price__version"
    row = (
        terms_that_lived(tenant)
        .filter(
            Q(subscription__ended_at=None) | Q(subscription__ended_at__gt=instant),
            effective_from__lte=instant,
        )
        .order_by("-effective_from")
        .values_list(
            "effective_from",
            "subscription__trial_end",
            "subscription__pending_at",
            f"{version}__initial_seconds",
            f"{version}__increment_seconds",
            f"{version}__free_below_seconds",
        )
        .first()
    )
    if row is None:
        return None, None
    since, trial_end, pending_at = row[:3]
    if trial_end and since < trial_end <= instant:
        since = trial_end
    return Pricing(since, Rounding(*row[3:])), pending_at


def coming_pricing(tenant: Tenant) -> Pricing | None:
    """By the terms that were agreed to for the end of a period, from then on: whoever enters the next period, within
    the hour, writes them as of that end. What is used meanwhile is theirs; by the old ones it would be in no segment of
    a month that begins there. Of a provider's subscription they hold from when they are known."""
    version = "pending_price__version"
    row = (
        Subscription.objects.filter(
            tenant=tenant,
            engine=Engine.INVOICE,
            status__in=ENTERS_THE_NEXT_PERIOD,
            cancel_at_period_end=False,
            pending_price__isnull=False,
            pending_at__lte=F("period_end"),
        )
        .values_list(
            "period_end",
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


def _segments(row: SubscriptionTerms, stopped: datetime | None, start: datetime, end: datetime) -> list[Terms]:
    """A trial that ends under these terms makes two of them: use in a trial has a rule of its own."""
    ends, trial_end = stopped or end, row.subscription.trial_end
    if trial_end is None or trial_end <= row.effective_from:
        return [_segment(row, row.effective_from, (start, min(ends, end)))]
    return [
        _segment(row, row.effective_from, (start, min(ends, trial_end, end)), is_trial=True),
        _segment(row, trial_end, (start, min(ends, end))),
    ]


def _segment(row: SubscriptionTerms, since: datetime, within: periods.Span, *, is_trial: bool = False) -> Terms:
    version, currency = row.price.version, row.subscription.currency
    is_free = is_trial and not version.bills_trial_usage
    return Terms(
        subscription_id=row.subscription_id,
        plan_code=version.plan.code,
        plan_name=version.plan.name,
        version=version.version,
        seats=row.seats,
        currency=currency,
        effective_from=since,
        starts_at=max(since, within[0]),
        ends_at=within[1],
        rounding=Rounding(version.initial_seconds, version.increment_seconds, version.free_below_seconds),
        allowances={(each.meter, each.rate_class): each.per_seat for each in version.allowances.all()},
        prices={
            (each.meter, each.rate_class): Decimal(0) if is_free else each.unit_amount
            for each in version.overage_prices.all()
            if each.currency == currency
        },
    )
