"""Make, and hold open, the usage month that an instant falls in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from billing_portal.kit import periods
from billing_portal.tenants.models import Tenant
from usage import queries
from usage.models import UsageMonth


def ensure_month(tenant: Tenant, label: str) -> UsageMonth:
    """The month's row, made when it is missing. Raises BadMonth."""
    return _stored(tenant, lambda who: queries.find_month(who, label))


def month_of(tenant: Tenant, instant: datetime) -> UsageMonth:
    """The stored month that holds `instant`, made when it is missing."""
    return _stored(tenant, lambda who: queries.month_at(who, instant))


def _stored(tenant: Tenant, find: Callable[[Tenant], UsageMonth]) -> UsageMonth:
    """Made under the tenant's lock, and looked for again there: two neighbours made at once would not know each other's
    bounds, and could overlap where the tenant has just moved."""
    month = find(tenant)
    if not month._state.adding:
        return month
    with transaction.atomic():
        month = find(Tenant.objects.select_for_update(no_key=True).get(id=tenant.id))
        if month._state.adding:
            month.save(force_insert=True)
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
