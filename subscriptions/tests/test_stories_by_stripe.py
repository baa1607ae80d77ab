"""Subscriptions that Stripe charges, lived through by a frozen clock: renewals, trials, declines, changes, ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail

from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from subscriptions.tests.plan_world import price, two_plans
from subscriptions.tests.stripe_story import StripeStory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
MONTH = 2_000
Tells = Callable[..., StripeStory]
YEAR, HOUR = timedelta(days=366), timedelta(hours=1)
# It is saved, and every charge is declined.
NO_FUNDS = "pm_card_chargeCustomerFail"
# Its bank asks each time.
ASKS = "pm_card_authenticationRequired"


def test_a_year_from_the_31st_of_january(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-01-31 15:00")
    assert story.begins()["currentPeriodEnd"] == "2027-02-28T15:00:00Z"
    story.until("2028-01-23 15:00")
    assert [span[:2] for span in story.billed()] == [
        ("Jan 31", "Feb 28"),
        ("Feb 28", "Mar 31"),
        ("Mar 31", "Apr 30"),
        ("Apr 30", "May 31"),
        ("May 31", "Jun 30"),
        ("Jun 30", "Jul 31"),
        ("Jul 31", "Aug 31"),
        ("Aug 31", "Sep 30"),
        ("Sep 30", "Oct 31"),
        ("Oct 31", "Nov 30"),
        ("Nov 30", "Dec 31"),
        ("Dec 31", "Jan 31"),
    ]
    assert [each.total_minor for each in story.invoices()] == story.received() == [MONTH] * 12
    assert story.states() == ["incomplete", "active"]
    assert len(story.told("We have your payment of $20.00")) == 12


def test_a_year_from_the_leap_day_comes_back_to_it(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2028-02-29 09:00")
    story.begins(billingCycle="yearly")
    for year in range(2029, 2033):
        story.until(f"{year}-02-01 09:00", every=YEAR)
        story.until(f"{year}-03-01 09:00", every=timedelta(days=28))
    ends = [each.period_end for each in story.invoices()]
    assert ends == [
        at(f"{day} 09:00") for day in ("2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29", "2033-02-28")
    ]
    assert [each.total_minor for each in story.invoices()] == story.received() == [20_000] * 5
    assert story.told("renews") == [
        "Your subscription renews on February 28, 2029",
        "Your subscription renews on February 28, 2030",
        "Your subscription renews on February 28, 2031",
        "Your subscription renews on February 29, 2032",
    ]


def test_months_go_across_the_leap_day(by_stripe: Tells) -> None:
    two_plans()
    story, other = by_stripe("2027-12-30 09:00"), by_stripe("2027-12-30 09:00")
    story.begins()
    story.until("2028-01-29 20:00")
    other.begins(seats=1)
    story.until("2028-04-01 09:00")
    assert [span[:2] for span in story.billed()] == [
        ("Dec 30", "Jan 30"),
        ("Jan 30", "Feb 29"),
        ("Feb 29", "Mar 30"),
        ("Mar 30", "Apr 30"),
    ]
    assert [span[:2] for span in other.billed()] == [("Jan 29", "Feb 29"), ("Feb 29", "Mar 29"), ("Mar 29", "Apr 29")]


def test_a_trial_is_told_of_and_paid_when_it_ends(by_stripe: Tells) -> None:
    price(1_000, code="small", trial_days=14)
    story = by_stripe("2027-06-01 10:00")
    assert story.begins(trialDays=14)["status"] == "trialing"
    story.until("2027-06-15 09:00")
    assert story.may_use() == (True, "trialing")
    assert story.told("trial") == ["Your trial ends on June 15, 2027"]
    assert story.received() == []
    story.until("2027-06-15 10:00")
    assert story.may_use() == (True, "active")
    story.until("2027-07-20 10:00")
    assert story.billed() == [("Jun 1", "Jun 15", 0), ("Jun 15", "Jul 15", MONTH), ("Jul 15", "Aug 15", MONTH)]
    assert story.received() == [MONTH, MONTH]
    assert story.states() == ["incomplete", "trialing", "active"]


def test_a_trial_whose_card_was_confirmed_at_its_bank_is_paid_with_nobody_there(
    by_stripe: Tells, stripe: StripeWorld
) -> None:
    price(1_000, code="small", trial_days=14)
    story = by_stripe("2027-06-01 10:00")
    begun = story.begins("pm_card_authenticationRequiredOnSetup", trialDays=14)
    assert (begun["status"], begun["clientSecret"][:5]) == ("trialing", "seti_")
    story.confirms(begun)
    story.until("2027-07-20 10:00")
    assert story.received() == [MONTH, MONTH]
    assert story.states() == ["incomplete", "trialing", "active"]


def test_a_trial_whose_card_asks_each_time_waits_for_its_owner_when_it_ends(
    by_stripe: Tells, stripe: StripeWorld
) -> None:
    price(1_000, code="small", trial_days=14)
    story = by_stripe("2027-06-01 10:00")
    begun = story.begins(ASKS, trialDays=14)
    story.confirms(begun)
    story.until("2027-06-15 10:00")
    assert (story.may_use(), story.received()) == ((True, "past_due"), [])
    assert story.told("bank") == ["Your bank wants you to confirm a payment of $20.00"]
    card = story.asks("get", "/payments/methods/list")["results"][0]["id"]
    story.confirms(story.pays(story.invoices()[-1], card))
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH])
    assert story.states() == ["incomplete", "trialing", "past_due", "active"]


def test_a_renewal_that_is_declined_is_told_and_paid_at_once_by_a_new_card(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-03-01 10:00")
    story.begins()
    story.on("2027-03-20 10:00").saves(NO_FUNDS)
    assert story.received() == [MONTH], "the new card waits for the next period"
    story.until("2027-04-02 10:00")
    assert (story.may_use(), story.billed()[1:]) == ((True, "past_due"), [("Apr 1", "May 1", MONTH)])
    assert story.told("could not be charged") == ["Your payment of $20.00 could not be charged"]
    assert len(story.told("is overdue")) == 1
    (overdue,) = [each for each in mail.outbox if "is overdue" in each.subject]
    assert "choose another payment method" in overdue.body and "check or wire" not in overdue.body
    story.saves("pm_card_visa")
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, MONTH])
    story.until("2027-05-02 10:00")
    assert story.received() == [MONTH] * 3
    assert story.states() == ["incomplete", "active", "past_due", "active"]
    assert len(story.told("We have your payment")) == 3


def test_a_clock_of_ours_that_steps_back_bills_and_books_nothing_again(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-03-01 10:00")
    story.begins()
    story.until("2027-04-01 10:00")
    story.clock.move_to(at("2027-04-01 08:00"))  # Stripe's goes on
    for _ in range(3):
        story.night()
        story.beat()
        story.clock.shift(HOUR)
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, MONTH])
    story.until("2027-05-01 10:00")
    assert story.billed() == [("Mar 1", "Apr 1", MONTH), ("Apr 1", "May 1", MONTH), ("May 1", "Jun 1", MONTH)]
    assert story.received() == [MONTH] * 3


def declined_to_the_end(story: StripeStory) -> None:
    """Its second month: tried by Stripe after 3, 5 and 7 days."""
    story.begins()
    story.on("2027-03-20 10:00").saves(NO_FUNDS)
    story.until("2027-04-16 09:00")
    assert (story.may_use(), len(story.told("could not be charged"))) == ((True, "past_due"), 3)
    story.until("2027-04-16 10:00")
    assert (story.may_use()[0], len(story.told("could not be charged"))) == (False, 4)
    assert (story.received(), story.invoices()[-1].status) == ([MONTH], "open")


def test_a_renewal_that_is_declined_to_the_end_ends_it_and_its_tenant_begins_anew(
    by_stripe: Tells,
) -> None:
    two_plans()
    story = by_stripe("2027-03-01 10:00")
    declined_to_the_end(story)
    assert story.states() == ["incomplete", "active", "past_due", "canceled"]
    assert story.told("has ended") == ["Your subscription has ended"]
    story.until("2027-05-10 10:00")
    assert (len(story.invoices()), len(story.told("could not be charged"))) == (2, 4), "nobody asks for it any more"
    assert story.begins("pm_card_visa", seats=1)["status"] == "active"
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, 1_000])


def test_a_renewal_that_is_declined_to_the_end_is_on_hold_until_a_new_card_pays_it(
    by_stripe: Tells, stripe: StripeWorld
) -> None:
    two_plans()
    stripe.panel("POST", "settings", {"afterRetries": "unpaid"})
    story = by_stripe("2027-03-01 10:00")
    declined_to_the_end(story)
    assert story.told("on hold") == ["Your subscription is on hold: an invoice was not paid"]
    story.saves("pm_card_visa")
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, MONTH])
    assert story.told("goes on") == ["Your subscription goes on"]
    story.until("2027-05-02 10:00")
    assert story.received() == [MONTH] * 3
    assert story.states() == ["incomplete", "active", "past_due", "unpaid", "active"]
