"""Count one thing that a tenant used: stored once, rolled up in the same transaction."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction

from billing_portal.kit import periods
from billing_portal.kit.fields import UUID_PATTERN
from billing_portal.tenants.models import Tenant
from subscriptions import pricing_terms
from subscriptions.terms import Pricing, Rounding
from usage import sql
from usage.actions import months
from usage.errors import ComputedMeter, InTheFuture, TooOld, UnknownMeter
from usage.meters import COMPUTED, METERS, rate_class
from usage.models import UsageMonth, UsageRecord
from usage.rating import billable_base

AHEAD = timedelta(minutes=5)
_UUID = re.compile(UUID_PATTERN, re.ASCII)

# Names the keys of events that came with an Idempotency-Key instead of an eventId.
_REQUESTS = UUID("1b0c7f0e-5f0a-5c1e-8d53-3f7d6a6f4c55")


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """What the call center reports. `quantity` is in the meter's shown unit, minutes for calls, or `in_seconds`."""

    meter: str
    quantity: Decimal
    occurred_at: datetime
    in_seconds: bool = False
    event_id: str | None = None
    description: str = ""
    direction: str = "outbound"
    toll_free: bool = False
    dimensions: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def record_usage(
    *, tenant: Tenant, event: UsageEvent, now: datetime, request_key: str | None = None
) -> tuple[UsageRecord, bool]:
    """Store the event and raise its month's rollup; True when it is new, False with the stored record when it is not.

    1. Find the month it happened in and hold open the month that bills it: a later one when that is closed already.
    2. Charge by the rounding rule of the terms in force when it happened; without a subscription it is kept, unbilled.
    3. Insert and roll up in one statement, whose unique key decides who was first.
    Raises UnknownMeter, ComputedMeter, InTheFuture, TooOld.
    """
    check_event(tenant, event, now)
    key = event_key(tenant, event, request_key)
    month = months.month_of(tenant, event.occurred_at)
    billed_in = months.hold_open(month)
    pricing = pricing_terms.pricing_at(tenant, event.occurred_at)
    is_new = sql.store_record(row_of(event, key=key, month=month, billed_in=billed_in, pricing=pricing, now=now))
    return UsageRecord.objects.get(pk=(key, tenant.id)), is_new


def check_event(tenant: Tenant, event: UsageEvent, now: datetime) -> None:
    """Raises UnknownMeter, ComputedMeter, InTheFuture, TooOld."""
    if event.meter in COMPUTED:
        raise ComputedMeter
    if event.meter not in METERS:
        raise UnknownMeter(sorted(METERS))
    if event.occurred_at > now + AHEAD:
        raise InTheFuture
    oldest = periods.label_before(periods.month_label(now, tenant.zone), settings.USAGE_LATE_MONTHS)
    if event.occurred_at < periods.month_bounds(oldest, tenant.zone)[0]:
        raise TooOld(settings.USAGE_LATE_MONTHS)


def event_key(tenant: Tenant, event: UsageEvent, request_key: str | None) -> UUID:
    """The client's uuid; else 16 bytes of the SHA-256 of its text; else one from the request's key, or a new one.

    Only a uuid in its usual form is one: Python's UUID() also reads braces, underscores and what not, and would give
    two texts the same key, so that the second event were lost.
    """
    if event.event_id is not None:
        if _UUID.fullmatch(event.event_id):
            return UUID(event.event_id)
        return UUID(bytes=hashlib.sha256(event.event_id.encode()).digest()[:16])
    if request_key is not None:
        return uuid5(_REQUESTS, f"{tenant.id}:{request_key}")
    return sql.new_key()


def row_of(
    event: UsageEvent, *, key: UUID, month: UsageMonth, billed_in: UsageMonth, pricing: Pricing | None, now: datetime
) -> dict[str, Any]:
    """The columns of its record: charged by the rounding of `pricing`; without it the event is kept and not billed."""
    meter = METERS[event.meter]
    base = meter.seconds_to_base(event.quantity) if event.in_seconds else meter.to_base(event.quantity)
    return {
        "event_key": key,
        "tenant_id": month.tenant_id,
        "event_id": event.event_id,
        "meter": event.meter,
        "rate_class": rate_class(direction=event.direction, toll_free=event.toll_free),
        "quantity": base,
        "billable_quantity": billable_base(event.meter, base, pricing.rounding if pricing else Rounding()),
        "description": event.description,
        "occurred_at": event.occurred_at,
        "recorded_at": now,
        "dimensions": json.dumps(
            {"direction": event.direction, "tollFree": event.toll_free, **event.dimensions}, sort_keys=True
        ),
        "usage_month": month.label,
        "billed_in": billed_in.label,
        "segment_start": pricing.since if pricing else None,
    }
