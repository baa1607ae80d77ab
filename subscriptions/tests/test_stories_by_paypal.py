"""Subscriptions that PayPal charges, lived through by a frozen clock: from approval to renewals, declines and ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from billing_portal.tests.reading import words
from subscriptions.models import Subscription
from subscriptions.tests.paypal_story import PayPalStory
from subscriptions.tests.plan_world import price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
MONTH = 2_900
Tells = Callable[..., PayPalStory]


def test_from_approval_to_the_third_renewal_with_one_that_nobody_told_of(by_paypal: Tells) -> None:
    story = by_paypal("2027-03-05 12:00")
    begun = story.asks_for(price())
    assert (begun["status"], story.may_use()[0]) == ("approval_pending", False)
    story.on("2027-03-05 12:05").agrees()
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH])
    story.until("2027-04-06 12:00")
    story.unheard("2027-05-05 13:00")
    assert (story.received(), story.may_use()) == ([MONTH, MONTH], (True, "active"))
    story.night()
    assert story.received() == [MONTH] * 3
    story.until("2027-06-06 12:00")
    spans = [("Mar 5", "Apr 5"), ("Apr 5", "May 5"), ("May 5", "Jun 5"), ("Jun 5", "Jul 5")]
    assert [span[:2] for span in story.billed()] == spans
    assert story.received() == [MONTH] * 4
    assert story.states() == ["approval_pending", "active"]
    assert len(story.told("We have your payment of $29.00")) == 4


def test_a_renewal_whose_webhook_never_came_is_told_by_the_older_channel(by_paypal: Tells) -> None:
    story = by_paypal("2027-03-05 12:00")
    story.begins(price())
    story.unheard("2027-04-05 13:00")
    assert story.received() == [MONTH]
    story.hears()
    assert (story.received(), story.billed()[1:]) == ([MONTH, MONTH], [("Apr 5", "May 5", MONTH)])


def test_a_year_from_the_31st_of_january(by_paypal: Tells) -> None:
    story = by_paypal("2027-01-31 15:00")
    story.begins(price())
    story.until("2028-01-30 15:00")
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
    assert story.received() == [MONTH] * 12
    assert story.states() == ["approval_pending", "active"]


def test_a_trial_is_told_of_and_paid_when_it_ends(by_paypal: Tells) -> None:
    story = by_paypal("2027-06-01 10:00")
    story.begins(price(trial_days=14), trialDays=14)
    assert story.may_use() == (True, "trialing")
    story.until("2027-06-13 10:00").until("2027-06-15 09:00")
    assert (story.told("trial"), story.received()) == (["Your trial ends on June 15, 2027"], [])
    story.until("2027-06-15 10:00")
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH])
    story.until("2027-07-16 10:00")
    assert story.billed() == [("Jun 15", "Jul 15", MONTH), ("Jul 15", "Aug 15", MONTH)]
    assert story.states() == ["approval_pending", "trialing", "active"]


def test_a_payment_that_fails_is_tried_again_by_paypal_and_recovered(by_paypal: Tells) -> None:
    story = by_paypal("2027-03-01 12:00")
    story.begins(price())
    story.until("2027-04-01 11:00").fails()
    assert (story.may_use(), story.received()) == ((True, "past_due"), [MONTH])
    story.until("2027-04-05 11:00")
    assert story.may_use() == (True, "past_due")
    assert story.told("could not") == ["PayPal could not charge your subscription"]
    page = words(story.sees("/subscription"))
    assert "PayPal could not charge your subscription PayPal tries it again by itself." in page
    assert "unpaid invoices" not in page, "there is none: nothing can be paid here"
    story.until("2027-04-06 11:00")
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, MONTH])
    story.until("2027-05-02 12:00")
    assert story.billed() == [("Mar 1", "Apr 1", MONTH), ("Apr 1", "May 1", MONTH), ("May 1", "Jun 1", MONTH)]
    assert story.received() == [MONTH] * 3
    assert story.states() == ["approval_pending", "active", "past_due", "active"]


def test_payments_that_fail_to_the_limit_put_it_on_hold_until_it_is_canceled(by_paypal: Tells) -> None:
    story = by_paypal("2027-03-01 12:00")
    story.begins(price())
    for moment in ("2027-04-01 11:00", "2027-04-06 10:00", "2027-04-11 09:00"):  # before PayPal would try by itself
        assert story.until(moment).is_there() == "ACTIVE"
        story.fails()
    assert (story.is_there(), story.may_use()) == ("SUSPENDED", (False, "unpaid"))
    assert "Your subscription has stopped: PayPal could not charge it" in words(story.sees("/subscription"))
    assert story.told("on hold") == ["Your subscription is on hold: PayPal could not charge it"]
    story.until("2027-05-10 12:00")
    story.presses("/subscription/cancel", "/subscription/cancel", when="now")
    assert (story.is_there(), story.may_use()) == ("CANCELLED", (False, "canceled"))
    assert story.received() == [MONTH]
    assert story.states() == ["approval_pending", "active", "past_due", "unpaid", "canceled"]
    story.begins(price())
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, MONTH])


def test_an_end_is_taken_back_and_said_again_and_comes_with_the_period(by_paypal: Tells) -> None:
    story = by_paypal("2027-04-01 12:00")
    story.begins(price())
    of = str(story.subscription().id)
    story.on("2027-04-10 12:00").presses("/subscription/cancel", "/subscription/cancel", of=of, when="period_end")
    assert (story.is_there(), story.told("ends on")) == ("SUSPENDED", ["Your subscription ends on May 1, 2027"])
    story.on("2027-04-20 12:00").presses("/subscription", "/subscription/keep", of=of)
    assert (story.is_there(), story.told("stays")) == ("ACTIVE", ["Your subscription stays"])
    story.until("2027-05-10 12:00")
    assert (story.received(), story.may_use()) == ([MONTH, MONTH], (True, "active"))
    story.presses("/subscription/cancel", "/subscription/cancel", of=of, when="period_end")
    story.until("2027-06-01 11:00").night()
    assert (story.is_there(), story.may_use()) == ("SUSPENDED", (True, "active"))
    story.until("2027-06-01 12:00")
    assert story.may_use()[0] is False, "also before the night"
    story.night()
    assert (story.is_there(), story.may_use()) == ("CANCELLED", (False, "canceled"))
    assert story.told("has ended") == ["Your subscription has ended"]
    story.until("2027-07-02 12:00")
    assert story.received() == [MONTH, MONTH]
    assert story.states() == ["approval_pending", "active", "canceled"]


def test_what_nobody_agreed_to_costs_nothing_and_a_new_start_takes_its_place(by_paypal: Tells) -> None:
    what = price()
    story = by_paypal("2027-04-01 12:00")
    story.asks_for(what)
    story.until("2027-04-04 12:00").night()
    assert story.may_use()[0] is False
    assert "waits for your approval" in words(story.sees("/subscription"))
    story.asks_for(what, seats=2)
    story.agrees()
    assert (story.may_use(), story.received()) == ((True, "active"), [2 * MONTH])
    story.until("2027-05-05 12:00")
    assert story.received() == [2 * MONTH] * 2
    statuses = list(Subscription.objects.order_by("started_at").values_list("status", flat=True))
    assert statuses == ["canceled", "active"]
