"""A PayPal subscription that was revised and has ended before anybody here had heard of its renewal: what was paid
for holds to its end, on the terms that it was paid with."""

from __future__ import annotations

import pytest
from django.utils import timezone

from billing_portal.tests.world import at
from payments.models import Invoice
from payments.providers import registry
from payments.providers.recurring import RunsSubscriptions
from subscriptions.entitlement import entitlement
from subscriptions.tests.revised import Revised, invoices

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
JULY, AUGUST = at("2026-07-01 00:00"), at("2026-08-01 00:00")


def cancels_there(life: Revised) -> None:
    provider = registry.named("paypal", RunsSubscriptions)
    assert provider
    provider.cancel_subscription(str(life.row.provider_ref), reason="in PayPal's own list")


def ends(life: Revised, where: str) -> None:
    """At once: asked for here, or in PayPal's own list, of which nobody tells."""
    if where == "here":
        life.asks("post", "/cancel", atPeriodEnd=False)
        return
    with life.silence():
        cancels_there(life)
    life.night()


@pytest.mark.parametrize("where", ["here", "there"])
def test_terms_that_were_paid_for_hold_though_the_end_was_read_first(life: Revised, where: str) -> None:
    life.on("2026-06-20 00:00")
    life.asks(planType="big", seats=5)
    life.agrees()
    life.on("2026-07-05 00:00", is_told=False)
    ends(life, where)
    assert (life.row.status, life.row.ended_at, invoices()) == ("canceled", AUGUST, [2_000, 12_500])
    assert life.history() == [("06-01", "small", 2), ("07-05", "big", 5)]
    held = entitlement(life.row.tenant, timezone.now())
    assert (held.active, held.plan_code, held.seats) == (True, "big", 5)


@pytest.mark.parametrize("where", ["here", "there"])
def test_what_was_agreed_to_and_not_paid_for_never_holds(life: Revised, where: str) -> None:
    life.on("2026-06-20 00:00")
    life.asks(planType="big", seats=5)
    life.agrees()
    ends(life, where)
    assert (life.row.ended_at, life.history(), invoices()) == (JULY, [("06-01", "small", 2)], [2_000])


def test_agreed_to_after_the_renewal_that_was_not_heard_of_it_does_not_hold_either(life: Revised) -> None:
    life.on("2026-06-30 23:00")
    life.asks(seats=5)
    life.on("2026-07-05 00:00", is_told=False)
    life.agrees(is_told=False)
    ends(life, "there")
    assert (life.row.ended_at, life.history(), invoices()) == (AUGUST, [("06-01", "small", 2)], [2_000, 2_000])


def test_heard_of_after_all_is_over_it_changes_no_terms(life: Revised) -> None:
    life.on("2026-06-20 00:00")
    life.asks(seats=5)
    life.agrees()
    life.on("2026-07-05 00:00", is_told=False)
    with life.silence():
        cancels_there(life)
    life.on("2026-08-10 00:00", is_told=False)
    life.night()
    assert (life.row.ended_at, life.history(), invoices()) == (AUGUST, [("06-01", "small", 2)], [2_000, 5_000])


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_year_that_was_paid_and_not_heard_of_can_be_used_to_its_end(life: Revised, where: str) -> None:
    life.on("2026-06-20 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    for when in ("2026-07-01 00:00", "2026-07-05 00:00"):
        life.on(when, is_told=False)
    ends(life, where)
    row = life.row
    assert (row.status, row.period_start, row.ended_at) == ("canceled", JULY, at("2027-07-01 00:00"))
    assert invoices() == [2_000, 20_000]
    assert row.terms.latest("effective_from").price.billing_cycle == "yearly"
    bill = Invoice.objects.get(total_minor=20_000)
    assert (bill.period_start, bill.period_end) == (JULY, at("2027-07-01 00:00"))


def test_a_month_that_was_paid_is_no_year_though_one_was_agreed_to_since(life: Revised) -> None:
    life.on("2026-06-30 23:00")
    life.asks(billingCycle="yearly")
    life.on("2026-07-05 00:00", is_told=False)
    life.agrees(is_told=False)
    ends(life, "there")
    assert (life.row.period_start, life.row.ended_at, invoices()) == (JULY, AUGUST, [2_000, 2_000])


def test_a_year_that_was_paid_is_no_month_though_months_were_agreed_to_since(life: Revised) -> None:
    life.on("2026-06-20 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    life.on("2026-06-30 23:00")
    life.asks(billingCycle="monthly")
    life.on("2026-07-05 00:00", is_told=False)
    life.agrees(is_told=False)
    ends(life, "there")
    assert (life.row.period_start, life.row.ended_at) == (JULY, at("2027-07-01 00:00"))
    assert invoices() == [2_000, 20_000]
