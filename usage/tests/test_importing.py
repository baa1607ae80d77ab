"""Many events in one transaction leave exactly what they would leave one by one."""

from decimal import Decimal

import pytest

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.world import at
from usage.actions.importing import record_many
from usage.actions.metering import UsageEvent, record_usage
from usage.errors import InTheFuture
from usage.models import UsageRecord, UsageRollup

pytestmark = pytest.mark.django_db

ROLLED_UP = ("rate_class", "usage_month", "billed_in", "segment_start", "quantity", "billable_quantity", "records")
STORED = ("event_id", "rate_class", "quantity", "billable_quantity", "recorded_at", "usage_month", "billed_in")


def events():
    """Calls of two months and all classes, in no order, one of them sent twice."""
    moments = ["2026-10-03 09:00", "2026-09-12 10:00", "2026-09-30 23:59", "2026-10-01 00:00", "2026-09-12 10:00"]
    kinds = [("outbound", False), ("inbound", True), ("inbound", False), ("outbound", False), ("inbound", True)]
    return [
        (
            UsageEvent(
                meter="call_minutes",
                quantity=Decimal("2.5"),
                occurred_at=at(moment),
                event_id=f"call {moment}",
                direction=direction,
                toll_free=toll_free,
            ),
            at("2026-10-04 12:00"),
        )
        for moment, (direction, toll_free) in zip(moments, kinds, strict=True)
    ]


def rows(tenant, model, names):
    return sorted(model.objects.filter(tenant=tenant).values_list(*names))


def test_many_at_once_leave_what_one_by_one_would():
    price = world.plan_price()
    at_once, one_by_one = world.subscribed(price), world.subscribed(price)
    for tenant in (at_once, one_by_one):
        world.close(tenant, "2026-09", at("2026-10-01 06:00"))  # what happened in September is billed in October
    assert record_many(tenant=at_once, events=events()) == 4
    assert sum(record_usage(tenant=one_by_one, event=event, now=now)[1] for event, now in events()) == 4
    assert rows(at_once, UsageRecord, STORED) == rows(one_by_one, UsageRecord, STORED)
    assert rows(at_once, UsageRollup, ROLLED_UP) == rows(one_by_one, UsageRollup, ROLLED_UP)
    assert check_books()[1] == []


def test_the_same_events_again_change_nothing():
    tenant = world.subscribed()
    record_many(tenant=tenant, events=events())
    before = rows(tenant, UsageRollup, ROLLED_UP)
    assert record_many(tenant=tenant, events=events()) == 0
    assert rows(tenant, UsageRollup, ROLLED_UP) == before


def test_use_without_a_subscription_is_kept_and_belongs_to_no_terms():
    tenant = world.tenant()
    assert record_many(tenant=tenant, events=events()) == 4
    assert not UsageRecord.objects.filter(tenant=tenant, segment_start__isnull=False).exists()


def test_one_event_that_is_refused_refuses_all():
    tenant = world.subscribed()
    early = (UsageEvent("call_minutes", Decimal(1), occurred_at=at("2026-10-05 12:00")), at("2026-10-04 12:00"))
    with pytest.raises(InTheFuture):
        record_many(tenant=tenant, events=[*events(), early])
    assert not UsageRecord.objects.filter(tenant=tenant).exists()
