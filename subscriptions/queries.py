"""Reads of plans and subscriptions, tenant first."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from payments.models import Invoice, Payment
from subscriptions import spans
from subscriptions.errors import UnknownPlan
from subscriptions.models import PlanPrice, PlanVersion, Subscription, SubscriptionTerms
from subscriptions.models.subscription import BEGUN, LIVE, Engine, SubscriptionStatus

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


def invoices(subscription: Subscription) -> QuerySet[Invoice]:
    """Those that bill the subscription itself, newest first."""
    return Invoice.objects.filter(subscription_ref=subscription.id).order_by("-created_at", "-id")


def latest_invoice(subscription: Subscription) -> Invoice | None:
    return invoices(subscription).first()


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


def has_come_alive(subscription: Subscription) -> bool:
    """As the row has it by now."""
    return Subscription.objects.filter(id=subscription.id, came_alive_at__isnull=False).exists()


def terms_that_lived(tenant: Tenant) -> QuerySet[SubscriptionTerms]:
    """Without those of subscriptions that wait for their payer, or ended before they came alive: nobody could use what
    they name."""
    return SubscriptionTerms.objects.filter(tenant=tenant, subscription__came_alive_at__isnull=False)


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
