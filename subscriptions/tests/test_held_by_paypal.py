"""A subscription that PayPal holds, and of which it does not name the next billing: what was paid for is kept."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.world import at
from payments.models import Invoice
from subscriptions.entitlement import entitlement
from subscriptions.tests.paypal_plans import billed, told
from subscriptions.tests.revised import Revised, invoices

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
JUNE, JULY, AUGUST = at("2026-06-01 00:00"), at("2026-07-01 00:00"), at("2026-08-01 00:00")


@pytest.fixture(autouse=True)
def hidden(paypal: PayPalWorld) -> None:
    paypal.panel("POST", "settings", {"nextBillingOfSuspended": "hidden"})


def period(life: Revised) -> tuple[Any, Any]:
    return life.row.period_start, life.row.period_end


def may_use(life: Revised) -> bool:
    return entitlement(life.row.tenant, timezone.now()).active


def test_what_ends_with_its_period_can_be_used_until_then_and_no_longer(life: Revised) -> None:
    """Also where a year was agreed to: PayPal says no more that what runs is a month."""
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    assert life.asks("post", "/cancel")["cancelAtPeriodEnd"] is True
    told(life.paypal)
    life.night()
    assert (period(life), may_use(life)) == ((JUNE, JULY), True)
    life.on("2026-07-01 01:00")
    assert may_use(life) is False
    life.night()
    assert (life.row.status, may_use(life), invoices()) == ("canceled", False, [2_000])


def test_what_is_kept_goes_on_as_it_was_agreed(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    life.asks("post", "/cancel")
    life.night()
    life.asks("post", "/resume")
    assert (period(life), life.pending) == ((JUNE, JULY), ("small", 2, JULY))
    life.on("2026-07-01 00:00")
    assert (period(life), invoices()) == ((JULY, at("2027-07-01 00:00")), [2_000, 20_000])


def test_a_pause_leaves_what_was_paid_for(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    assert life.asks("post", "/pause")["status"] == "paused"
    life.night()
    assert (period(life), may_use(life), life.pending) == ((JUNE, JULY), True, ("small", 2, JULY))
    life.on("2026-07-02 00:00")
    life.night()
    assert (period(life), may_use(life)) == ((JUNE, JULY), False)


@pytest.mark.parametrize("renewal", ["told", "lost"])
def test_what_was_paid_before_it_was_held_counts(life: Revised, renewal: str) -> None:
    life.on("2026-06-20 00:00")
    life.asks(planType="big", seats=5)
    life.agrees()
    life.on("2026-07-05 00:00", is_told=renewal == "told")
    life.asks("post", "/cancel")
    life.night()
    assert (period(life), may_use(life), life.terms()) == ((JULY, AUGUST), True, ("big", 5))
    assert invoices() == [2_000, 12_500]


def test_a_year_that_was_paid_and_not_heard_of_before_it_was_held_counts(life: Revised) -> None:
    life.on("2026-06-20 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    life.on("2026-07-05 00:00", is_told=False)
    life.asks("post", "/cancel")
    assert (period(life), may_use(life)) == ((JULY, at("2027-07-01 00:00")), True)
    assert invoices() == [2_000, 20_000]


def test_a_trial_that_is_paused_ends_when_it_would_have(
    moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client
) -> None:
    life = Revised(paypal, owner, moment, trialDays=14)
    life.on("2026-06-05 00:00")
    life.asks("post", "/pause")
    life.night()
    assert (life.row.status, period(life)) == ("paused", (JUNE, at("2026-06-15 00:00")))
    life.asks("post", "/resume")
    assert (life.row.status, period(life), invoices()) == ("trialing", (JUNE, at("2026-06-15 00:00")), [])


def test_what_paypal_gave_up_to_charge_gives_no_access_and_keeps_its_period(life: Revised) -> None:
    life.on("2026-06-29 00:00")
    while life.row.status != "unpaid":
        billed(life.paypal, life.row, "failed")
        told(life.paypal)
    life.night()
    assert (period(life), may_use(life), invoices()) == ((JUNE, JULY), False, [2_000])


def test_of_what_was_paid_by_other_terms_the_bill_names_its_day_alone(
    moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client
) -> None:
    """The month after a trial, paid unheard, and a year that was agreed to unheard: a bill of 20.00 is for no year."""
    life = Revised(paypal, owner, moment, trialDays=14)
    life.on("2026-06-14 12:00")
    life.asks(billingCycle="yearly")
    life.on("2026-06-15 00:00", is_told=False)
    life.agrees(is_told=False)
    life.asks("post", "/pause")
    bill = Invoice.objects.get()
    assert (bill.total_minor, bill.period_start) == (2_000, bill.period_end)
    life.on("2026-06-20 00:00")
    life.asks("post", "/resume")
    life.on("2026-07-15 00:00")
    life.night()
    assert (invoices(), life.row.period_end) == ([2_000, 20_000], at("2027-07-15 00:00"))
