"""Usage months tile the time of a tenant, also when it moves to another zone."""

from datetime import timedelta
from itertools import pairwise
from threading import Event

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_portal.invariants import check_books
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.world import at
from usage import queries
from usage.actions.closing import Closing, due_months
from usage.actions.months import ensure_month, month_of
from usage.models import UsageMonth

pytestmark = pytest.mark.django_db

ZONES = ["UTC", "America/New_York", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(ZONES), min_size=2, max_size=6), st.integers(-30, 30))
def test_months_stay_contiguous_when_a_tenant_moves(moves: list[str], hours: int) -> None:
    acme = world.tenant()
    for number, zone in enumerate(moves):
        acme.time_zone = zone
        acme.save(update_fields=["time_zone"])
        boundary = at(f"2026-{number + 4:02d}-01 00:00") + timedelta(hours=hours)
        month = month_of(acme, boundary)
        assert month.starts_at <= boundary < month.ends_at
    months = list(UsageMonth.objects.filter(tenant=acme).order_by("label"))
    for earlier, later in pairwise(months):
        if later.label == f"2026-{int(earlier.label[5:]) + 1:02d}":
            assert earlier.ends_at == later.starts_at
        assert earlier.ends_at <= later.starts_at


def test_moving_west_leaves_no_gap_between_two_months() -> None:
    acme = world.tenant(time_zone="America/New_York")
    october = ensure_month(acme, "2026-10")
    acme.time_zone = "America/Los_Angeles"
    acme.save(update_fields=["time_zone"])
    between = at("2026-11-01 05:00")  # November in New York, still October in Los Angeles
    november = month_of(acme, between)
    assert (november.label, november.starts_at) == ("2026-11", october.ends_at)


def test_the_hourly_task_finds_last_month_and_whatever_was_left_open() -> None:
    acme = world.subscribed()
    world.call(acme, 5, at("2026-09-10 12:00"))
    assert due_months(acme, at("2026-10-01 02:59")) == []
    assert due_months(acme, at("2026-10-01 03:00")) == ["2026-09"]
    assert due_months(acme, at("2026-11-01 03:00")) == ["2026-09", "2026-10"]
    world.close(acme, "2026-09", at("2026-10-02 00:00"))
    assert due_months(acme, at("2026-11-01 03:00")) == ["2026-10"]


def test_asking_about_a_month_without_a_subscription_leaves_nothing_behind() -> None:
    acme = world.subscribed(since=at("2026-09-01 00:00"))
    assert world.close(acme, "2026-07", at("2026-08-02 00:00")).closing is Closing.NO_SUBSCRIPTION
    assert due_months(acme, at("2026-08-02 00:00")) == []
    assert not UsageMonth.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_month_made_while_its_tenant_moves_does_not_overlap_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = world.tenant(time_zone="Pacific/Kiritimati")
    find, has_looked, has_moved = queries.find_month, Event(), Event()

    def find_slowly(tenant: Tenant, label: str) -> UsageMonth:
        """Whoever is about to make November gives the other time to move the tenant and make October, if no lock
        forbids it."""
        found = find(tenant, label)
        if label == "2026-11" and connection.in_atomic_block:
            has_looked.set()
            has_moved.wait(0.5)
        return found

    def act(number: int) -> None:
        if number == 0:
            ensure_month(acme, "2026-11")
            return
        has_looked.wait(10)
        Tenant.objects.filter(id=acme.id).update(time_zone="Pacific/Pago_Pago")
        ensure_month(Tenant.objects.get(id=acme.id), "2026-10")
        has_moved.set()

    monkeypatch.setattr(queries, "find_month", find_slowly)
    assert at_once(2, act).errors == []
    assert check_books()[1] == []
