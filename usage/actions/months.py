"""Find, make and hold open the usage month that an instant falls in."""

from __future__ import annotations

from datetime import datetime

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from usage.models import UsageMonth


def find_month(tenant: Tenant, label: str) -> UsageMonth:
    """The month's row; an unsaved one when there is none. It begins where the one before ended, whatever the zone is
    now.

    Raises BadMonth.
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


def ensure_month(tenant: Tenant, label: str) -> UsageMonth:
    """The month's row, made when it is missing; of two who make it at once, one does. Raises BadMonth."""
    month = find_month(tenant, label)
    if not month._state.adding:
        return month
    UsageMonth.objects.bulk_create([month], ignore_conflicts=True)
    return UsageMonth.objects.get(tenant=tenant, label=label)


def month_of(tenant: Tenant, instant: datetime) -> UsageMonth:
    """The month that holds `instant`. Stored months come first: a tenant that moved keeps the months it had."""
    if month := UsageMonth.objects.filter(tenant=tenant, starts_at__lte=instant, ends_at__gt=instant).first():
        return month
    month = ensure_month(tenant, periods.month_label(instant, tenant.zone))
    if instant < month.starts_at:
        return ensure_month(tenant, periods.previous_label(month.label))
    if instant >= month.ends_at:
        return ensure_month(tenant, periods.next_label(month.label))
    return month


def hold_open(month: UsageMonth) -> UsageMonth:
    """The month that will bill what happened in `month`, share-locked so that no close slips in before we commit.

    That is the month itself while it is open, else the first open one after it: closed months never reopen. Any number
    of writers hold the share lock at once; the closing update waits for them and then reads what they wrote.
    """
    current = month
    while True:
        # A raw lock clause, since the ORM has no FOR SHARE; the row is read under the lock.
        locked = UsageMonth.objects.raw("SELECT * FROM usage_usagemonth WHERE id = %s FOR SHARE", [current.id])[0]
        if locked.closed_at is None:
            return locked
        current = ensure_month(month.tenant, periods.next_label(current.label))
