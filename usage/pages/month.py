"""The usage page: one month, against what it includes, by day, and by queue, agent or country."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import month_text
from billing_portal.kit.money import Money, round_half_up
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.pages.access import tenant_page
from usage import days, queries
from usage.meters import CALL_MINUTES
from usage.models import UsageMonth
from usage.pages import charts, words
from usage.summary import ClassSoFar, MonthSoFar, month_so_far

LATEST_DAYS = 8
# The order of kinds in charts, from the ground, and of their columns.
STACKED = ("inbound", "outbound", "toll_free")


@require_safe
@tenant_page("billing.read")
def usage_page(request: Any) -> HttpResponse:
    """GET /usage?month=2026-10&by=queue&days=all; without a month, the one that runs."""
    now = timezone.now()
    running = queries.month_at(request.tenant, now)
    months = queries.months(request.tenant, now)
    month = _chosen(request, months, running)
    so_far = month_so_far(request.tenant, month, now)
    facts = {
        "nav": "usage",
        "month": month,
        "months": [
            {"label": each.label, "name": month_text(each.label), "chosen": each.label == month.label}
            for each in months
        ],
        "is_over": month.ends_at <= now,
        "so_far": so_far,
        "now": now,
        "outside": _outside_the_plan(request.tenant, month),
        "late": [
            {"month": month_text(label), "records": count_text(count, "call")}
            for label, count in queries.billed_later(request.tenant, month.label).items()
        ],
    }
    if so_far.main and so_far.currency:
        facts |= _totals(so_far, so_far.main, so_far.currency, now)
        if any(each.records for each in so_far.classes):
            facts |= _by_day(request, so_far, so_far.main, so_far.currency, now)
            facts |= _by_name(request, so_far, so_far.main)
    return render(request, "usage/month.html", facts)


def _chosen(request: HttpRequest, months: list[UsageMonth], running: UsageMonth) -> UsageMonth:
    wanted = request.GET.get("month") or running.label
    for month in months:
        if month.label == wanted:
            return month
    raise Http404


def _outside_the_plan(tenant: Tenant, month: UsageMonth) -> dict[str, str] | None:
    outside = queries.outside_the_plan(tenant, month.label)
    if not outside.records:
        return None
    minutes = CALL_MINUTES.to_unit(outside.quantity)
    return {"records": count_text(outside.records, "call"), "minutes": count_text(minutes.quantize(1), "minute")}


def _totals(so_far: MonthSoFar, main: ClassSoFar, currency: str, now: datetime) -> dict[str, Any]:
    terms = so_far.terms
    assert terms
    over = next((each for each in so_far.classes if each is main and each.has_allowance and each.overage), None)
    return {
        "main": main,
        "main_name": words.kind_name(main),
        "main_look": words.look(main.rate_class),
        "used": words.shown(main.used),
        "included": words.shown(main.included) if main.included else "",
        "left": count_text((main.included - main.used).quantize(1), "minute") if main.included else "",
        "over": words.shown(over.overage) if over else "",
        "expected": main.pace if now < so_far.month.ends_at else None,
        "meter_sentence": words.meter_sentence(main) if main.has_allowance else "",
        "tiles": [
            {
                "look": words.look(each.rate_class),
                "title": each.title,
                "minutes": words.shown(each.used),
                "note": words.price_sentence(each, each.amount, currency),
            }
            for each in so_far.classes
            if each is not main
        ],
        "pooled": words.pooled_sentence(
            terms,
            main.rate_class,
            whole_month=(terms.starts_at, terms.ends_at) == (so_far.month.starts_at, so_far.month.ends_at),
        ),
        "charged": Money(so_far.overage_total, currency),
        "amount": Money(main.amount, currency),
        "currency": currency,
        "rounding": words.rounding_sentence(terms.rounding),
    }


def _by_day(request: HttpRequest, so_far: MonthSoFar, main: ClassSoFar, currency: str, now: datetime) -> dict[str, Any]:
    month, zone = so_far.month, request.tenant.zone  # type: ignore[attr-defined]
    listed = days.by_day(
        days.day_sums(request.tenant, month, zone),  # type: ignore[attr-defined]
        so_far.segments,
        days.days_until(month, zone, now),
        month.seconds,
    )
    ended_at = None
    if main.has_allowance and main.overage:
        ended_at = days.allowance_ended(request.tenant, month, so_far.segments, main.rate_class)  # type: ignore[attr-defined]
    counted = main.has_allowance and main.rate_class == "outbound"
    show_all = request.GET.get("days") == "all" or len(listed) <= LATEST_DAYS + 2
    shown = listed[::-1] if show_all else listed[: -LATEST_DAYS - 1 : -1]
    kinds = [name for name in STACKED if any(each.rate_class == name and each.records for each in so_far.classes)]
    return {
        "days_chart": charts.days_chart(listed, counted=counted, currency=currency, ended_at=ended_at),
        "running_chart": charts.running_chart(listed, main),
        "ended_at": ended_at,
        "legend": _legend(kinds, over=counted and bool(main.overage)),
        "kinds": [words.class_title(name) for name in kinds],
        "days": [_row(day, kinds, main, currency) for day in shown],
        "day_total": {
            "calls": sum(each.records for each in so_far.classes),
            "minutes": [words.shown(_of(so_far, name)) for name in kinds],
            "so_far": words.shown(main.used),
            "over": words.shown(main.overage),
            "is_over": bool(main.overage),
        },
        "day_count": len(listed),
        "all_days_shown": show_all,
    }


def _legend(kinds: list[str], *, over: bool) -> list[dict[str, str]]:
    """In the order of the stack, from the ground."""
    keys = []
    for name in STACKED:
        if name in kinds:
            keys.append({"look": words.look(name), "word": words.class_title(name)})
        if name == "outbound" and over:
            keys.append({"look": "over", "word": "Outbound over the allowance"})
    return keys


def _row(day: days.Day, kinds: list[str], main: ClassSoFar, currency: str) -> dict[str, Any]:
    return {
        "day": day.day,
        "calls": day.calls,
        "minutes": [words.shown(day.minutes[name]) for name in kinds],
        "so_far": words.shown(day.so_far[main.rate_class]),
        "over": words.shown(day.over[main.rate_class]),
        "is_over": bool(day.over[main.rate_class]),
        "charged": Money(round_half_up(day.charge), currency),
    }


def _of(so_far: MonthSoFar, rate_class: str) -> Any:
    return sum(each.used for each in so_far.classes if each.rate_class == rate_class)


def _by_name(request: HttpRequest, so_far: MonthSoFar, main: ClassSoFar) -> dict[str, Any]:
    by = request.GET.get("by", "queue")
    if by not in days.DIMENSIONS:
        raise Http404
    found = days.shares(
        request.tenant,  # type: ignore[attr-defined]
        so_far.month,
        rate_class=main.rate_class,
        by=by,
        amount_minor=main.amount,
    )
    return {
        "by": by,
        "ways": [{"name": name, "word": name.capitalize(), "chosen": name == by} for name in days.DIMENSIONS],
        "shares": [
            {
                "name": words.share_name(each, by),
                "minutes": each.minutes,
                "is_rest": each.name == "",
                "shown": words.shown(each.minutes),
                "amount": so_far.money(each.amount_minor),
            }
            for each in found
        ],
        "largest": max((each.minutes for each in found if each.name != ""), default=0),
    }
