"""Reads of plans and subscriptions, tenant first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from payments.models import Invoice, Payment, StatusChange
from payments.models.status import StatusSubject
from subscriptions import spans
from subscriptions.errors import UnknownPlan
from subscriptions.models import PlanPrice, PlanVersion, Subscription, SubscriptionTerms
from subscriptions.models.subscription import BEGUN, LIVE, Engine, SubscriptionStatus
from subscriptions.terms import Pricing, Rounding, Terms

# In these a period that is over is followed by the next one, also where the worker that writes it is late.
ENTERS_THE_NEXT_PERIOD = (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


def live_subscription(tenant: Tenant) -> Subscription | None:
    return Subscription.objects.filter(tenant=tenant, status__in=LIVE).first()


def latest_subscription(tenant: Tenant) -> Subscription | None:
    """The live one, else the one that ended last."""
    return live_subscription(tenant) or Subscription.objects.filter(tenant=tenant).order_by("-started_at").first()


def subscriptions(tenant: Tenant) -> QuerySet[Subscription]:
    """Newest first."""
    return Subscription.objects.filter(tenant=tenant).order_by("-started_at", "-id")


def latest_invoice(subscription: Subscription) -> Invoice | None:
    """Of those that bill the subscription itself."""
    return Invoice.objects.filter(subscription_ref=subscription.id).order_by("-created_at", "-id").first()


def awaited_payment(subscription: Subscription) -> Payment | None:
    """Of its own invoices, one that waits for its payer to confirm it."""
    waiting = Payment.objects.filter(status=Payment.Status.REQUIRES_ACTION, invoice__subscription_ref=subscription.id)
    return waiting.order_by("-created_at", "-id").first()


def may_wait_for_payer(subscription: Subscription) -> bool:
    """Whether its payer may have something to do at its provider: agree, or confirm a payment or the card of a trial.
    Of that card nothing is kept here."""
    if subscription.status == Subscription.Status.TRIALING:
        return subscription.engine == Engine.STRIPE
    return subscription.status in BEGUN or awaited_payment(subscription) is not None


def failed_payments(subscription: Subscription) -> QuerySet[Payment]:
    """Of its own invoices, newest first."""
    failed = Payment.objects.filter(status=Payment.Status.FAILED, invoice__subscription_ref=subscription.id)
    return failed.order_by("-created_at", "-id")


def current_terms(subscription: Subscription, now: datetime) -> SubscriptionTerms:
    """The row in force at `now`; the first one for a subscription that has not begun."""
    terms = subscription.terms.select_related("price__version__plan")
    return terms.filter(effective_from__lte=now).last() or terms.earliest("effective_from")


def came_alive(column: str = "id") -> Exists:
    """Of a row, whose `column` names a subscription: that this ever was what its tenant could use."""
    moves = StatusChange.objects.filter(subject=StatusSubject.SUBSCRIPTION, subject_id=OuterRef(column))
    return Exists(moves.filter(new__in=LIVE))


def has_come_alive(subscription: Subscription) -> bool:
    return Subscription.objects.filter(came_alive(), id=subscription.id).exists()


def had_trial(tenant: Tenant) -> bool:
    return Subscription.objects.filter(tenant=tenant, trial_start__isnull=False).exists()


def running_period(subscription: Subscription, now: datetime) -> periods.Span | None:
    """The period that runs now; where ours have not been brought up to date yet, the one that will be written. None
    before the first."""
    start, end = subscription.period_start, subscription.period_end
    if start is None or end is None:
        return None
    rolls = subscription.engine == Engine.INVOICE and subscription.status in ("active", "past_due")
    if not rolls or end > now or subscription.cancel_at_period_end:
        return start, end
    terms = list(subscription.terms.select_related("price"))
    while end <= now:
        cycle = next(each.price.billing_cycle for each in reversed(terms) if each.effective_from <= end)
        start, end = spans.span_after(subscription.anchor_at, subscription.tenant.zone, cycle, end)
    return start, end


def billed_periods(subscription: Subscription) -> list[periods.Span]:
    """The period that runs, and those after it that are billed already, by our own invoices: from when another cycle
    was agreed for, in that."""
    if subscription.period_start is None or subscription.period_end is None:
        return []
    found = [(subscription.period_start, subscription.period_end)]
    cycle = current_terms(subscription, subscription.period_end).price.billing_cycle
    anchor, zone, pending = subscription.anchor_at, subscription.tenant.zone, subscription.pending_price
    while subscription.billed_until and (start := found[-1][1]) < subscription.billed_until:
        if pending and subscription.pending_at and subscription.pending_at <= start and pending.billing_cycle != cycle:
            anchor, cycle = start, pending.billing_cycle
        found.append(spans.span_after(anchor, zone, cycle, start))
    return found


def offered(tenant: Tenant | None, currency: str | None = None) -> list[PlanVersion]:
    """What can be bought, in the plans' order: the newest version of each, or what was agreed with this tenant."""
    versions = PlanVersion.objects.filter(Q(tenant=None) | Q(tenant=tenant) if tenant else Q(tenant=None))
    versions = versions.select_related("plan").prefetch_related("prices", "allowances", "overage_prices")
    newest: dict[str, PlanVersion] = {}
    for version in versions.order_by("plan__position", "plan__code", F("tenant").asc(nulls_last=True), "-version"):
        newest.setdefault(version.plan.code, version)
    sold = newest.values()
    return [each for each in sold if currency is None or currency in {price.currency for price in each.prices.all()}]


def price_of(version: PlanVersion, cycle: str, currency: str, *, field: str = "billingCycle") -> PlanPrice:
    """Raises UnknownPlan."""
    prices = version.prices.select_related("version__plan")
    found = prices.filter(billing_cycle=cycle, currency=currency).first()
    if found is None:
        raise UnknownPlan(field)
    return found


def price_for(tenant: Tenant, plan_code: str, cycle: str, currency: str) -> PlanPrice:
    """The price that this tenant gets of a plan today. Raises UnknownPlan."""
    version = next((each for each in offered(tenant) if each.plan.code == plan_code), None)
    if version is None:
        raise UnknownPlan
    return price_of(version, cycle, currency)


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
    segments = [segment for row in rows for segment in _segments(row, _end_of(row, rows), start, end)]
    return [segment for segment in segments if segment.starts_at < segment.ends_at]


def pricing_at(tenant: Tenant, instant: datetime) -> Pricing | None:
    """How a record of that instant is priced, or None without a subscription: one query, asked for each record, and a
    second one in the short while in which a period is over and the next one has not been entered yet."""
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
            "subscription__trial_end",
            "subscription__pending_at",
            f"{version}__initial_seconds",
            f"{version}__increment_seconds",
            f"{version}__free_below_seconds",
        )
        .first()
    )
    if row is None:
        return None
    since, trial_end, pending_at = row[:3]
    if pending_at and pending_at <= instant and (coming := coming_pricing(tenant)) and coming.since <= instant:
        return coming
    return Pricing(trial_end if trial_end and since < trial_end <= instant else since, Rounding(*row[3:]))


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
