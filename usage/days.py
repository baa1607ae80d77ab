"""A usage month day by day, by queue, agent or country, and when its allowance ended: reads for the month's page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Count, F, QuerySet, Sum, Window
from django.db.models.fields.json import KT
from django.db.models.functions import TruncDate

from billing_portal.kit.money import split
from billing_portal.tenants.models import Tenant
from subscriptions.terms import Terms
from usage.meters import CALL_MINUTES
from usage.models import UsageMonth, UsageRecord
from usage.rating import included_units

# What records can be grouped by: the name in a page's address → the dimension they carry.
DIMENSIONS = {"queue": "queue", "agent": "agentId", "country": "country"}


@dataclass(slots=True)
class Day:
    """Minutes as billed, by rate class. `over` is beyond the allowance (all, where nothing is included), `so_far` the
    sum since the month began, `charge` exact minor units."""

    day: date
    calls: int = 0
    minutes: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    over: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    so_far: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    charge: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class DaySum:
    """What one day adds to one class of one segment; `billable` in base units."""

    day: date
    segment_start: datetime
    rate_class: str
    billable: Decimal
    records: int


@dataclass(frozen=True, slots=True)
class Share:
    """One queue, agent or country: `name` is None for records without one. Minutes, and minor units of the charge."""

    name: str | None
    minutes: Decimal
    amount_minor: int


def calls(tenant: Tenant, month: UsageMonth) -> QuerySet[UsageRecord]:
    """What the month bills of itself: under a plan, and in time. The bounds let the index by time be used."""
    return UsageRecord.objects.filter(
        tenant=tenant,
        occurred_at__gte=month.starts_at,
        occurred_at__lt=month.ends_at,
        meter=CALL_MINUTES.name,
        usage_month=month.label,
        billed_in=month.label,
        segment_start__isnull=False,
    )


def day_sums(tenant: Tenant, month: UsageMonth, zone: ZoneInfo) -> list[DaySum]:
    """Calls summed by day of the tenant's zone, oldest first."""
    grouped = (
        calls(tenant, month)
        .order_by()
        .annotate(day=TruncDate("occurred_at", tzinfo=zone))
        .values_list("day", "segment_start", "rate_class")
        .annotate(billable=Sum("billable_quantity"), records=Count("event_key"))
        .order_by("day", "segment_start", "rate_class")
    )
    return [DaySum(*row) for row in grouped]


def by_day(sums: Iterable[DaySum], segments: Sequence[Terms], days: Iterable[date], month_seconds: int) -> list[Day]:
    """Every day of `days`, those without calls too. Pure. Each day's part beyond the allowance is the growth of the
    segment's overage on that day, so the days sum to what the month bills before its one rounding."""
    found = {day: Day(day) for day in days}
    used: dict[tuple[datetime, str], Decimal] = defaultdict(Decimal)
    beyond: dict[tuple[datetime, str], Decimal] = defaultdict(Decimal)
    terms_of = {terms.effective_from: terms for terms in segments}
    for each in sums:
        terms, key = terms_of.get(each.segment_start), (each.segment_start, each.rate_class)
        day = found.setdefault(each.day, Day(each.day))
        before = CALL_MINUTES.to_unit(used[key])
        used[key] += each.billable
        after = CALL_MINUTES.to_unit(used[key])
        day.calls += each.records
        day.minutes[each.rate_class] += after - before
        if terms is None:
            continue
        included = included_units(terms, CALL_MINUTES.name, each.rate_class, month_seconds)
        over = Decimal(0) if included is None else max(Decimal(0), after - included)
        more, beyond[key] = over - beyond[key], over
        day.over[each.rate_class] += more
        day.charge += more * terms.prices.get((CALL_MINUTES.name, each.rate_class), Decimal(0))
    return _with_running_totals(sorted(found.values(), key=lambda day: day.day))


def _with_running_totals(days: list[Day]) -> list[Day]:
    so_far: dict[str, Decimal] = defaultdict(Decimal)
    for day in days:
        for rate_class, minutes in day.minutes.items():
            so_far[rate_class] += minutes
        day.so_far.update(so_far)
    return days


def days_until(month: UsageMonth, zone: ZoneInfo, now: datetime) -> list[date]:
    """The month's days on the tenant's calendar, as far as they have begun."""
    first = month.starts_at.astimezone(zone).date()
    last = (min(month.ends_at - timedelta(microseconds=1), now)).astimezone(zone).date()
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


def allowance_ended(tenant: Tenant, month: UsageMonth, segments: Sequence[Terms], rate_class: str) -> datetime | None:
    """When the call began that first went beyond what its segment includes; None while there is some left."""
    for terms in segments:
        included = included_units(terms, CALL_MINUTES.name, rate_class, month.seconds)
        if not included:
            continue
        rows = calls(tenant, month).filter(rate_class=rate_class, segment_start=terms.effective_from)
        order = [F("occurred_at").asc(), F("event_key").asc()]
        beyond = rows.annotate(running=Window(Sum("billable_quantity"), order_by=order)).filter(
            running__gt=included * CALL_MINUTES.base_per_unit
        )
        if first := beyond.order_by("occurred_at", "event_key").values_list("occurred_at", flat=True).first():
            return first
    return None


def shares(
    tenant: Tenant, month: UsageMonth, *, rate_class: str, by: str, amount_minor: int, most: int = 8
) -> list[Share]:
    """The class's minutes by `by` (a key of DIMENSIONS), most first, each with its share of `amount_minor`.

    Shares are in proportion to minutes and sum to the amount. Beyond `most` rows, the rest is one row named "".
    """
    grouped = (
        calls(tenant, month)
        .filter(rate_class=rate_class)
        .order_by()
        .values_list(KT(f"dimensions__{DIMENSIONS[by]}"))
        .annotate(billable=Sum("billable_quantity"))
    )
    named: Mapping[str | None, Decimal] = _by_name(grouped)
    ranked = sorted(named.items(), key=lambda item: (-item[1], item[0] or ""))
    if len(ranked) > most + 1:  # one row for one name would not be shorter
        ranked = [*ranked[:most], ("", sum((billable for _, billable in ranked[most:]), Decimal(0)))]
    amounts = split(amount_minor, [int(billable) for _, billable in ranked]) if ranked else []
    return [
        Share(name, CALL_MINUTES.to_unit(billable), amount)
        for (name, billable), amount in zip(ranked, amounts, strict=True)
    ]


def _by_name(rows: Iterable[tuple[str | None, Decimal]]) -> dict[str | None, Decimal]:
    """An empty name is none."""
    found: dict[str | None, Decimal] = defaultdict(Decimal)
    for name, billable in rows:
        found[name or None] += billable
    return found
