"""The subscription: what the tenant is on, what comes next, and what happened; without one, what can be bought."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing_portal.kit.display.counting import count_text
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.pages.access import tenant_page
from payments.pages.standing import days_between
from subscriptions import discounts, queries
from subscriptions.coupon_words import what_off
from subscriptions.models import Subscription
from subscriptions.models.plan import BillingCycle
from subscriptions.models.subscription import LIVE
from subscriptions.pages import coming, plans
from subscriptions.pages.notices import notices
from subscriptions.pages.story import subscription_story
from subscriptions.pages.ways import pays_how
from subscriptions.pages.words import EACH, may_manage, plain

# What can't be changed now: the notice says what to do first.
_FIXED = ("paused", "unpaid")


@require_safe
@tenant_page("billing.read")
def subscription_page(request: Any) -> HttpResponse:
    """GET /subscription, and `?cycle=yearly` for the prices of the plans."""
    now = timezone.now()
    rows = list(queries.subscriptions(request.tenant).prefetch_related("terms__price__version__plan"))
    latest = queries.latest_subscription(request.tenant)
    runs = latest if latest and latest.status in LIVE else None
    bill = coming.next_bill(runs, now) if runs else None
    ordered = sorted(rows, key=lambda each: each != latest)
    facts: dict[str, Any] = {
        "nav": "subscription",
        "may_manage": may_manage(request),
        "story": subscription_story(ordered, bill, request.actor.label),
    }
    if runs:
        facts |= running_facts(runs, bill, now)
        return render(request, "subscriptions/subscription.html", facts)
    facts |= {"ended": _ended(latest, now) if latest and latest.status == "canceled" else None}
    facts |= {"notices": notices(latest, coming.current(latest, now), now) if latest else [], "waiting": latest}
    facts |= offer_facts(request.tenant, request.GET.get("cycle", ""))
    return render(request, "subscriptions/offer.html", facts)


def running_facts(subscription: Subscription, bill: coming.NextBill | None, now: datetime) -> dict[str, Any]:
    """For `subscriptions/subscription.html`."""
    current = coming.current(subscription, now)
    price, seats = current.price, current.seats
    in_trial = subscription.status == Subscription.Status.TRIALING
    period = queries.running_period(subscription, now)
    usual, before_tax = coming.usual_cost(subscription, price, seats), Money(current.cost.whole, subscription.currency)
    can_change = subscription.status not in _FIXED and not subscription.cancel_at_period_end
    return {
        "subscription": subscription,
        "plan": price.version.plan.name,
        "cycle": BillingCycle(price.billing_cycle).label.lower(),
        "each": EACH[price.billing_cycle],
        "seats": seats,
        "per_seat": Money(price.per_seat_minor, subscription.currency),
        "before_tax": before_tax,
        "with_tax": usual if subscription.period_end else None,
        "has_tax": usual != before_tax,
        "period": period,
        "trial_days": days_between(now, subscription.trial_end) if in_trial and subscription.trial_end else None,
        "ends": subscription.period_end if subscription.cancel_at_period_end else None,
        "bill": bill,
        "ahead": coming.billed_ahead(subscription),
        "coupon": coupon_facts(subscription),
        "pays_how": pays_how(subscription),
        "included": plans.included_rows(price.version, seats, subscription.currency),
        "pooled": seats > 1,
        "features": [plain(each) for each in price.version.features],
        "notices": notices(subscription, current, now),
        "can_change": can_change,
        "can_pause": can_change,
        "can_cancel": subscription.status in LIVE and not subscription.cancel_at_period_end,
    }


def coupon_facts(subscription: Subscription) -> dict[str, str] | None:
    """While it still takes something off."""
    left, coupon = discounts.bills_left(subscription), subscription.coupon
    if coupon is None or left == 0:
        return None
    bills = "every invoice" if left is None else "the next invoice" if left == 1 else f"the next {left} invoices"
    return {"code": coupon.code, "off": what_off(coupon), "left": bills}


def offer_facts(tenant: Tenant, wanted: str) -> dict[str, Any]:
    """The plans to start with, in the prices of one cycle."""
    currency = plans.currency_for(tenant)
    versions = plans.versions_for(tenant, currency)
    cycles = plans.cycle_words(versions, currency)
    cycle = next((each["value"] for each in cycles if each["value"] == wanted), cycles[0]["value"] if cycles else "")
    trials = not queries.had_trial(tenant)
    return {
        "columns": plans.columns(versions, currency, trials=trials),
        "currency": currency,
        "cycles": cycles,
        "cycle": cycle,
    }


def _ended(subscription: Subscription, now: datetime) -> dict[str, Any]:
    current = coming.current(subscription, now)
    return {
        "status": subscription.status,
        "what": f"{current.price.version.plan.name}, {count_text(current.seats, 'seat')}",
        "at": subscription.ended_at,
    }
