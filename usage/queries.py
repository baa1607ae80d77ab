"""Reads of usage, tenant first: records, totals by segment, and what a month would cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import TruncDay, TruncMonth

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from subscriptions import pricing_terms
from usage.meters import METERS
from usage.models import UsageMonth, UsageRecord, UsageRollup
from usage.rating import Rated, Used, rate_segment

Totals = dict[datetime | None, dict[tuple[str, str], Used]]


def records(tenant: Tenant) -> QuerySet[UsageRecord]:
    return UsageRecord.objects.filter(tenant=tenant)


def totals(
    tenant: Tenant,
    usage_month: str,
    *,
    billed_in: str | None = None,
    billed_before: str | None = None,
    billed_up_to: str | None = None,
) -> Totals:
    """The month's rollups summed, by the segment that prices them (None: no subscription) and (meter, rate class).

    All of what happened in `usage_month`, or only what `billed_in` bills, or what
    the months before `billed_before`, or up to `billed_up_to`, bill. Labels compare as text.
    """
    rows = UsageRollup.objects.filter(tenant=tenant, usage_month=usage_month)
    if billed_in is not None:
        rows = rows.filter(billed_in=billed_in)
    if billed_before is not None:
        rows = rows.filter(billed_in__lt=billed_before)
    if billed_up_to is not None:
        rows = rows.filter(billed_in__lte=billed_up_to)
    return _summed(rows)[usage_month]


def totals_by_month(tenant: Tenant, labels: Iterable[str]) -> dict[str, Totals]:
    """What each month bills of itself, for several months in one query: label → its totals as above."""
    rows = UsageRollup.objects.filter(tenant=tenant, usage_month__in=list(labels), billed_in=F("usage_month"))
    return _summed(rows)


def _summed(rows: QuerySet[UsageRollup]) -> dict[str, Totals]:
    grouped = rows.values_list("usage_month", "segment_start", "meter", "rate_class").annotate(
        Sum("quantity"), Sum("billable_quantity"), Sum("records")
    )
    found: dict[str, Totals] = defaultdict(lambda: defaultdict(dict))
    for label, segment_start, meter, rate_class, quantity, billable, count in grouped.order_by():
        found[label][segment_start][meter, rate_class] = Used(quantity, billable, count)
    return found


def find_month(tenant: Tenant, label: str) -> UsageMonth:
    """The month's row; an unsaved one when there is none, since looking at a month must not fix its bounds.

    It begins where the one before ended, whatever the tenant's zone is now. Raises BadMonth.
    """
    if month := UsageMonth.objects.filter(tenant=tenant, label=label).first():
        return month
    starts_at, ends_at = periods.month_bounds(label, tenant.zone)
    before = UsageMonth.objects.filter(tenant=tenant, label=periods.previous_label(label)).first()
    after = UsageMonth.objects.filter(tenant=tenant, label=periods.next_label(label)).first()
    return UsageMonth(
        tenant=tenant,
        label=label,
        starts_at=before.ends_at if before else starts_at,
        ends_at=after.starts_at if after else ends_at,
    )


def month_at(tenant: Tenant, instant: datetime) -> UsageMonth:
    """The month that holds `instant`, stored or not. Stored ones come first: a tenant that moved keeps those it had."""
    if month := UsageMonth.objects.filter(tenant=tenant, starts_at__lte=instant, ends_at__gt=instant).first():
        return month
    month = find_month(tenant, periods.month_label(instant, tenant.zone))
    if instant < month.starts_at:
        return find_month(tenant, periods.previous_label(month.label))
    if instant >= month.ends_at:
        return find_month(tenant, periods.next_label(month.label))
    return month


def months(tenant: Tenant, until: datetime) -> list[UsageMonth]:
    """Newest first, with the invoice of those that were billed: the one that holds `until`, and all stored before."""
    rows = UsageMonth.objects.filter(tenant=tenant, starts_at__lte=until)
    stored = list(rows.select_related("invoice").order_by("-label"))
    running = month_at(tenant, until)
    return stored if any(each.label == running.label for each in stored) else [running, *stored]


def outside_the_plan(tenant: Tenant, usage_month: str) -> Used:
    """What was used while no subscription covered it, over all meters: kept and not billed."""
    rows = UsageRollup.objects.filter(tenant=tenant, usage_month=usage_month, segment_start=None)
    sums = rows.aggregate(quantity=Sum("quantity"), billable=Sum("billable_quantity"), records=Sum("records"))
    return Used(**{name: value for name, value in sums.items() if value is not None})


def billed_later(tenant: Tenant, usage_month: str) -> dict[str, int]:
    """Records that came after the month was closed: the month that bills them → how many."""
    rows = UsageRollup.objects.filter(tenant=tenant, usage_month=usage_month, segment_start__isnull=False)
    late = rows.exclude(billed_in=usage_month).values_list("billed_in").annotate(Sum("records"))
    return dict(late.order_by("billed_in"))


def late_months(tenant: Tenant, billed_in: str) -> list[str]:
    """Months closed before, of which something came late and is billed in `billed_in`; oldest first."""
    rows = UsageRollup.objects.filter(tenant=tenant, billed_in=billed_in).exclude(usage_month=billed_in)
    return sorted(rows.filter(segment_start__isnull=False).values_list("usage_month", flat=True).distinct())


def rate_month(tenant: Tenant, month: UsageMonth, month_totals: Totals) -> list[Rated]:
    """Every class with use in every segment of the month, rated by the terms of that segment."""
    return [
        rated
        for terms in pricing_terms.terms_between(tenant, month.starts_at, month.ends_at)
        for rated in rate_segment(terms, month_totals.get(terms.effective_from, {}), month.seconds)
    ]


def invoice_ids(tenant: Tenant, labels: set[str]) -> dict[str, UUID]:
    """By month label, for the months that were closed with an invoice."""
    months = UsageMonth.objects.filter(tenant=tenant, label__in=labels, invoice__isnull=False)
    return dict(months.values_list("label", "invoice_id"))


def sums_by(rows: QuerySet[UsageRecord], period: str, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Records summed by local day or month, meter, direction and rate class, oldest first, in shown units."""
    cut, text = (TruncDay, "%Y-%m-%d") if period == "day" else (TruncMonth, "%Y-%m")
    grouped = (
        rows.order_by()
        .annotate(period=cut("occurred_at", tzinfo=zone), direction=KT("dimensions__direction"))
        .values("period", "meter", "direction", "rate_class")
        .annotate(quantity=Sum("quantity"), billable=Sum("billable_quantity"), records=Count("pk"))
        .order_by("period", "meter", "direction", "rate_class")
    )
    return [
        {
            "period": each["period"].strftime(text),
            "meter": each["meter"],
            "direction": each["direction"],
            "rate_class": each["rate_class"],
            "quantity": METERS[each["meter"]].to_unit(each["quantity"]),
            "billable_quantity": METERS[each["meter"]].to_unit(each["billable"]),
            "records": each["records"],
            "unit": METERS[each["meter"]].unit,
        }
        for each in grouped
    ]
