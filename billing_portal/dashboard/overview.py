"""The overview: am I fine, and what will it cost?"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing_portal.dashboard.attention import notices
from billing_portal.dashboard.forecast import forecast
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import MONTHS, long_text
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.pages.access import tenant_page
from payments import method_queries
from payments import queries as money
from payments.pages.paying import may_pay
from payments.pages.pays import payment_row
from payments.pages.standing import days_between
from payments.providers import registry
from payments.providers.base import Charges
from subscriptions import queries as subscriptions
from subscriptions.models import Subscription
from subscriptions.models.plan import BillingCycle
from subscriptions.pages.words import may_manage
from usage import queries
from usage.pages import charts, words
from usage.summary import ClassSoFar, MonthSoFar, months_so_far

MONTHS_BACK, MONTHS_LISTED, LAST_PAYMENTS = 6, 4, 4


@require_safe
@tenant_page("billing.read")
def overview(request: Any) -> HttpResponse:
    """GET /."""
    tenant, now = request.tenant, timezone.now()
    month = queries.month_at(tenant, now)
    listed = queries.months(tenant, now)[:MONTHS_BACK]
    all_months = months_so_far(tenant, listed, now)
    this = next(each for each in all_months if each.month.label == month.label)
    facts = {
        "nav": "overview",
        "month": month,
        "days_left": count_text(days_between(now, month.ends_at) - 1, "day")
        if days_between(now, month.ends_at) > 1
        else "",
        "notices": notices(tenant, now, may_pay=may_pay(request)),
        "subscription": _subscription(tenant, now),
        "payments": [payment_row(each) for each in money.payments(tenant).select_related("invoice")[:LAST_PAYMENTS]],
        "may_manage": may_manage(request),
        "now": now,
    }
    if this.main and this.currency:
        facts |= _use(this, this.main, this.currency)
        facts |= {"next": forecast(tenant, this), "unbilled": _unbilled(all_months, now)}
        facts["charged_to"] = _charged_to(tenant)
    facts |= _months(all_months, this)
    return render(request, "dashboard/overview.html", facts)


def _use(so_far: MonthSoFar, main: ClassSoFar, currency: str) -> dict[str, Any]:
    last_day = long_text(so_far.month.ends_at - timedelta(microseconds=1)).rpartition(",")[0]
    return {
        "so_far": so_far,
        "main": main,
        "main_look": words.look(main.rate_class),
        "currency": currency,
        "used": words.shown(main.used),
        "included": words.shown(main.included) if main.included else "",
        "left": count_text((main.included - main.used).quantize(Decimal(1)), "minute")
        if main.included and not main.overage
        else "",
        "over": words.shown(main.overage) if main.has_allowance and main.overage else "",
        "amount": Money(main.amount, currency),
        "last_day": last_day,
        "pace": words.about(main.pace) if main.pace > main.used else "",
        "pace_over": words.about(main.pace_overage) if main.has_allowance and main.pace_overage > main.overage else "",
        "meter_sentence": words.meter_sentence(main, by_the_end=last_day) if main.has_allowance else "",
        "kinds": [
            {
                "look": words.look(each.rate_class),
                "title": each.title,
                "used": words.shown(each.used),
                "included": words.included_text(each),
                "cost": Money(each.amount, currency),
                "pace": Money(each.pace_amount, currency),
            }
            for each in so_far.classes
        ],
        "cost": Money(so_far.overage_total, currency),
        "pace_cost": Money(so_far.projected_total, currency),
    }


def _unbilled(months: list[MonthSoFar], now: datetime) -> list[dict[str, Any]]:
    """Months that are over and not closed yet, with what they would bill before tax."""
    return [
        {"label": each.month.label, "cost": each.money(each.overage_total)}
        for each in months
        if each.month.closed_at is None and each.month.ends_at <= now and each.overage_total
    ]


def _months(months: list[MonthSoFar], this: MonthSoFar) -> dict[str, Any]:
    """The main kind's minutes and what was billed, newest first in the table, oldest first in the chart."""
    kind = this.main.rate_class if this.main else "outbound"
    with_kind = [(each, next((one for one in each.classes if one.rate_class == kind), None)) for each in months]
    used = [(each, one) for each, one in with_kind if one is not None]
    if not any(one.used for _, one in used):
        return {"months": []}
    return {
        "months": [
            {
                "label": each.month.label,
                "name": MONTHS[int(each.month.label[5:]) - 1],
                "is_running": each is this,
                "used": words.shown(one.used),
                "included": words.included_text(one),
                "over": words.shown(one.overage) if one.has_allowance else "0",
                "is_over": bool(one.has_allowance and one.overage),
                "invoice": each.month.invoice,
                "is_closed": each.month.closed_at is not None,
                "cost": each.money(each.overage_total),
            }
            for each, one in used[:MONTHS_LISTED]
        ],
        "months_kind": used[0][1].title,
        "months_chart": charts.months_chart([(each, one) for each, one in reversed(used)]),
        "months_counted": any(one.has_allowance for _, one in used),
        "months_over": any(one.has_allowance and one.overage for _, one in used),
        "months_more": _rest(used[MONTHS_LISTED:]),
    }


def _rest(used: list[tuple[MonthSoFar, ClassSoFar]]) -> str:
    """'June and July stayed within the allowance.'"""
    names = [MONTHS[int(each.month.label[5:]) - 1] for each, _ in reversed(used)]
    if not names:
        return ""
    over = [name for name, (_, one) in zip(names, reversed(used), strict=True) if one.has_allowance and one.overage]
    if over:
        return f"{' and '.join(over)} went over the allowance too."
    return f"{' and '.join(names)} stayed within the allowance."


def _subscription(tenant: Tenant, now: datetime) -> dict[str, Any] | None:
    found = subscriptions.latest_subscription(tenant)
    if found is None:
        return None
    found.tenant = tenant  # read already
    terms = subscriptions.current_terms(found, now)
    end = (subscriptions.running_period(found, now) or (None, None))[1]
    in_trial = found.status == Subscription.Status.TRIALING and found.trial_end is not None
    return {
        "status": found.status,
        "plan": terms.price.version.plan.name,
        "cycle": BillingCycle(terms.price.billing_cycle).label.lower(),
        "seats": terms.seats,
        "per_seat": Money(terms.price.per_seat_minor, found.currency),
        "since": found.started_at,
        "ended_at": found.ended_at,
        "ends": end if found.cancel_at_period_end else None,
        "renews": found.status in ("trialing", "active", "past_due") and end is not None,
        "end": end,
        "trial_days": days_between(now, found.trial_end) if in_trial and found.trial_end else None,
    }


def _charged_to(tenant: Tenant) -> str:
    """What the next invoice is charged to: 'Visa ending 4242'; nothing where the tenant pays it by hand."""
    method = method_queries.default_method(tenant)
    return str(method) if method and registry.named(method.provider, Charges) else ""
