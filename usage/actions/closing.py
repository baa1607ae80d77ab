"""Close a usage month of one tenant: claimed once, rated, invoiced, all in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction

from billing_portal.kit import periods
from billing_portal.kit.actors import Actor
from billing_portal.tenants.models import Tenant
from payments.actions import invoicing
from payments.actions.invoicing import LineDraft
from payments.models import Invoice
from subscriptions import queries as subscriptions
from usage import queries
from usage.actions import months
from usage.lines import adjustment_lines, overage_lines
from usage.models import UsageMonth


class Closing(StrEnum):
    """What became of one tenant's month."""

    INVOICED = "invoiced"
    NOTHING_TO_BILL = "nothing_to_bill"
    CLOSED_BEFORE = "closed_before"
    NOT_DUE = "not_due"
    NO_SUBSCRIPTION = "no_subscription"


@dataclass(frozen=True, slots=True)
class Closed:
    """`lines` are what would be billed when `invoice` is None because nothing was written."""

    closing: Closing
    tenant: Tenant
    invoice: Invoice | None = None
    lines: tuple[LineDraft, ...] = ()


@transaction.atomic
def close_month(*, tenant: Tenant, label: str, actor: Actor, now: datetime, dry_run: bool = False) -> Closed:
    """Bill what `tenant` used beyond its plan in the month `label`, once.

    1. Not before the month's end plus the grace hours: calls that were running then have been reported.
    2. Claim the month by the one update that finds it open. It waits for writers that hold it open, and whoever comes
       second finds no row: the claim and the invoice commit together or not at all.
    3. Rate the rollups; add what came late for months closed before; issue one invoice, or none where nothing is owed.
    Raises BadMonth.
    """
    month = months.find_month(tenant, label)  # not stored yet: asking must not leave a month for every idle tenant
    if month.closed_at is not None:
        return Closed(Closing.CLOSED_BEFORE, tenant, month.invoice)
    if now < month.ends_at + timedelta(hours=settings.USAGE_CLOSE_GRACE_HOURS):
        return Closed(Closing.NOT_DUE, tenant)
    if not subscriptions.terms_between(tenant, month.starts_at, month.ends_at):
        return Closed(Closing.NO_SUBSCRIPTION, tenant)
    month = months.ensure_month(tenant, label)
    if dry_run:
        lines = tuple(lines_of(tenant, month))
        return Closed(Closing.INVOICED if lines else Closing.NOTHING_TO_BILL, tenant, None, lines)
    if not _claim(month, now):
        return Closed(Closing.CLOSED_BEFORE, tenant)
    lines = tuple(lines_of(tenant, month))
    if not lines:
        return Closed(Closing.NOTHING_TO_BILL, tenant)
    invoice = invoicing.issue_invoice(
        tenant=tenant,
        kind=Invoice.Kind.OVERAGE,
        currency=tenant.currency or "",
        lines=lines,
        period_start=month.starts_at,
        period_end=month.ends_at,
        usage_month=month.label,
        actor=actor,
        now=now,
    )
    UsageMonth.objects.filter(id=month.id).update(invoice=invoice)
    return Closed(Closing.INVOICED, tenant, invoice, lines)


def _claim(month: UsageMonth, now: datetime) -> bool:
    """One row changed means the month is ours to bill."""
    return UsageMonth.objects.filter(id=month.id, closed_at=None).update(closed_at=now) == 1


def lines_of(tenant: Tenant, month: UsageMonth) -> list[LineDraft]:
    """The month's own overage, then adjustments for months that were closed before their usage came."""
    lines = overage_lines(
        month, queries.rate_month(tenant, month, queries.totals(tenant, month.label, billed_in=month.label))
    )
    for late in queries.late_months(tenant, month.label):
        old = months.ensure_month(tenant, late)
        before = queries.rate_month(tenant, old, queries.totals(tenant, late, billed_before=month.label))
        after = queries.rate_month(tenant, old, queries.totals(tenant, late, billed_up_to=month.label))
        lines += adjustment_lines(old, before, after)
    return lines


def due_months(tenant: Tenant, now: datetime) -> list[str]:
    """Labels that the hourly task closes, oldest first: open months that ended and had a subscription, and the last."""
    ended_by = now - timedelta(hours=settings.USAGE_CLOSE_GRACE_HOURS)
    stored = UsageMonth.objects.filter(tenant=tenant, closed_at=None, ends_at__lte=ended_by)
    last = periods.previous_label(periods.month_label(ended_by, tenant.zone))
    found = {month.label: month for month in (*stored, months.find_month(tenant, last))}
    return sorted(
        label
        for label, month in found.items()
        if month.closed_at is None and subscriptions.terms_between(tenant, month.starts_at, month.ends_at)
    )
