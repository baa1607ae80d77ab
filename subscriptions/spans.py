"""A subscription's billing periods: which runs, which comes next. Pure, on the calendar of the tenant's zone."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from billing_portal.kit import periods
from billing_portal.kit.periods import Span
from subscriptions.models.plan import BillingCycle

# A tenant that moves to another zone shifts its midnights by a day at most: that far into a period, it is surely the
# one meant.
_WELL_INSIDE = timedelta(days=2)


def first_span(anchor: datetime, zone: tzinfo, cycle: str) -> Span:
    """From the anchor itself, whatever the hour, to the local midnight that ends its period."""
    return anchor, periods.billing_period(anchor, zone, BillingCycle(cycle).months, 0)[1]


def span_after(anchor: datetime, zone: tzinfo, cycle: str, start: datetime) -> Span:
    """The period that begins at `start`, where another ended: they tile, also after a change of zone."""
    months = BillingCycle(cycle).months
    return start, periods.billing_period_at(anchor, zone, months, start + _WELL_INSIDE)[1][1]
