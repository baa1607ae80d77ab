"""Count many things that a tenant used, in one transaction, by the rules of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from billing_portal.tenants.models import Tenant
from subscriptions import pricing_terms
from subscriptions.terms import Pricing, Terms
from usage import sql
from usage.actions import months
from usage.actions.metering import UsageEvent, check_event, event_key, row_of
from usage.meters import rate_class
from usage.models import UsageMonth


@transaction.atomic
def record_many(*, tenant: Tenant, events: Iterable[tuple[UsageEvent, datetime]]) -> int:
    """Store events, each with the time it was reported at, and raise their rollups; returns how many were new.

    What one event does, see `record_usage`. The month of a call, the month that bills it and the terms that price it
    are looked up once for each month: held open from then on, they cannot change before we commit. That is nine times
    the rate of one by one. Sorted by what rolls up together, so that two of these lock the rollups in the same order.
    Raises UnknownMeter, ComputedMeter, InTheFuture, TooOld: then nothing is stored.
    """
    new, known = 0, list[_Place]()
    coming = pricing_terms.coming_pricing(tenant)
    for event, now in sorted(events, key=_by_rollup):
        check_event(tenant, event, now)
        place = _placed(tenant, event.occurred_at, known)
        terms = next((each for each in place.terms if each.starts_at <= event.occurred_at < each.ends_at), None)
        pricing = Pricing(terms.effective_from, terms.rounding) if terms else None
        if coming and pricing and pricing.since < coming.since <= event.occurred_at:
            pricing = coming
        key = event_key(tenant, event, None)
        row = row_of(event, key=key, month=place.month, billed_in=place.billed_in, pricing=pricing, now=now)
        new += sql.store_record(row)
    return new


def _by_rollup(pair: tuple[UsageEvent, datetime]) -> tuple[object, ...]:
    event = pair[0]
    return event.meter, rate_class(direction=event.direction, toll_free=event.toll_free), event.occurred_at


@dataclass(frozen=True, slots=True)
class _Place:
    """A month, the one that bills what happens in it now, and its segments by terms."""

    month: UsageMonth
    billed_in: UsageMonth
    terms: list[Terms]


def _placed(tenant: Tenant, instant: datetime, known: list[_Place]) -> _Place:
    for place in known:
        if place.month.starts_at <= instant < place.month.ends_at:
            return place
    month = months.month_of(tenant, instant)
    terms = pricing_terms.terms_between(tenant, month.starts_at, month.ends_at)
    known.append(_Place(month, months.hold_open(month), terms))
    return known[-1]
