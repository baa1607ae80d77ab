"""Close a usage month of one tenant: claimed once, rated, invoiced, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
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
from subscriptions import pricing_terms
from usage import queries
from usage.actions import months
from usage.errors import PricedInSeveralCurrencies
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
    """`lines` are what was billed, or what would be; amounts in `currency`, which is None where nothing is billed."""

    closing: Closing
    tenant: Tenant
    invoice: Invoice | None = None
    lines: tuple[LineDraft, ...] = ()
    currency: str | None = None


@transaction.atomic
def close_month(*, tenant: Tenant, label: str, actor: Actor, now: datetime) -> Closed:
    """Bill what `tenant` used beyond its plan in the month `label`, once.

    1. Read the tenant anew, under its lock: in a long run its tax or address may have changed since it was listed.
    2. Not before the month's end plus the grace hours: calls that were running then have been reported.
    3. Claim the month by the one update that finds it open. It waits for writers that hold it open, and whoever comes
       second finds no row: the claim and the invoice commit together or not at all.
    4. Rate the rollups; add what came late for months closed before; issue one invoice, or none where nothing is owed.
    Raises BadMonth, PricedInSeveralCurrencies, CurrencyMismatch.
    """
    tenant = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
    month = queries.find_month(tenant, label)  # stored below: asking must not leave a row for every idle tenant
    if why_not := _not_now(tenant, month, now):
        return Closed(why_not, tenant, month.invoice)
    month = months.ensure_month(tenant, label)
    if not _claim(month, now):
        return Closed(Closing.CLOSED_BEFORE, tenant)
    lines = lines_of(tenant, month)
    if not lines:
        return Closed(Closing.NOTHING_TO_BILL, tenant)
    currency = _currency(lines)
    invoice = invoicing.issue_invoice(
        tenant=tenant,
        kind=Invoice.Kind.OVERAGE,
        currency=currency,
        lines=lines,
        period_start=month.starts_at,
        period_end=month.ends_at,
        usage_month=month.label,
        actor=actor,
        now=now,
    )
    UsageMonth.objects.filter(id=month.id).update(invoice=invoice)
    return Closed(Closing.INVOICED, tenant, invoice, tuple(lines), currency)


def preview_close(*, tenant: Tenant, label: str, now: datetime) -> Closed:
    """What `close_month` would do now. Writes nothing. Raises BadMonth, PricedInSeveralCurrencies."""
    month = queries.find_month(tenant, label)
    if why_not := _not_now(tenant, month, now):
        return Closed(why_not, tenant, month.invoice)
    lines = lines_of(tenant, month)
    if not lines:
        return Closed(Closing.NOTHING_TO_BILL, tenant)
    return Closed(Closing.INVOICED, tenant, None, tuple(lines), _currency(lines))


def _not_now(tenant: Tenant, month: UsageMonth, now: datetime) -> Closing | None:
    if month.closed_at is not None:
        return Closing.CLOSED_BEFORE
    if now < month.ends_at + timedelta(hours=settings.USAGE_CLOSE_GRACE_HOURS):
        return Closing.NOT_DUE
    return None if _bills_anything(tenant, month) else Closing.NO_SUBSCRIPTION


def _bills_anything(tenant: Tenant, month: UsageMonth) -> bool:
    """A subscription covered some of it, or it has to bill what came late for a month that one covered."""
    return bool(
        pricing_terms.terms_between(tenant, month.starts_at, month.ends_at) or queries.late_months(tenant, month.label)
    )


def _claim(month: UsageMonth, now: datetime) -> bool:
    """One row changed means the month is ours to bill."""
    return UsageMonth.objects.filter(id=month.id, closed_at=None).update(closed_at=now) == 1


def _currency(lines: Sequence[LineDraft]) -> str:
    """The one that the terms priced the lines in. An invoice has one currency; the terms, not the tenant, say which."""
    found = {line.derivation["currency"] for line in lines}
    if len(found) != 1:
        raise PricedInSeveralCurrencies(sorted(found))
    return str(found.pop())


def lines_of(tenant: Tenant, month: UsageMonth) -> list[LineDraft]:
    """The month's own overage, then adjustments for months that were closed before their usage came."""
    lines = overage_lines(
        month, queries.rate_month(tenant, month, queries.totals(tenant, month.label, billed_in=month.label))
    )
    for late in queries.late_months(tenant, month.label):
        old = queries.find_month(tenant, late)
        before = queries.rate_month(tenant, old, queries.totals(tenant, late, billed_before=month.label))
        after = queries.rate_month(tenant, old, queries.totals(tenant, late, billed_up_to=month.label))
        lines += adjustment_lines(old, before, after)
    return lines


def due_months(tenant: Tenant, now: datetime) -> list[str]:
    """Labels that the hourly task closes, oldest first: open months that ended and bill something, and the last."""
    ended_by = now - timedelta(hours=settings.USAGE_CLOSE_GRACE_HOURS)
    stored = UsageMonth.objects.filter(tenant=tenant, closed_at=None, ends_at__lte=ended_by)
    last = periods.previous_label(periods.month_label(ended_by, tenant.zone))
    found = {month.label: month for month in (*stored, queries.find_month(tenant, last))}
    return sorted(label for label, month in found.items() if _not_now(tenant, month, now) is None)
