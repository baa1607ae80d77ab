"""Subscriptions that Stripe charges, changed, paused and ended by their owner in the course of a frozen clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Invoice
from payments.queries import amounts
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.stripe_story import StripeStory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
MONTH = 2_000
NO_FUNDS = "pm_card_chargeCustomerFail"
Tells = Callable[..., StripeStory]


def latest(story: StripeStory) -> tuple[int, list[tuple[str, int]]]:
    """The newest invoice: its total, and its lines."""
    invoice = story.invoices()[-1]
    return invoice.total_minor, list(invoice.lines.order_by("position").values_list("title", "amount_minor"))


def changed_as_shown(story: StripeStory, **wish: object) -> dict[str, object]:
    """What was shown is what Stripe takes, to the cent, at once."""
    shown, changed = story.looks_and_changes(**wish)
    story.hears()
    assert latest(story) == (shown["total"], [(each["title"], each["amount"]) for each in shown["lines"]])
    assert story.received()[-1] == shown["amountDueNow"] == story.there.taken()[-1]
    return {**shown, "changed": changed}


def test_an_upgrade_in_mid_period_is_paid_first_and_from_then_on(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 00:00")
    story.begins()
    story.until("2027-04-16 00:00")
    shown = changed_as_shown(story, planType="big")  # 15 of 30 days: 2 seats by 15.00 more
    assert (shown["total"], shown["next"]) == (1_500, {"amount": 5_000, "at": "2027-05-01T00:00:00Z"})
    story.until("2027-06-02 00:00")
    assert [each.total_minor for each in story.invoices()] == story.received() == [MONTH, 1_500, 5_000, 5_000]
    assert story.terms() == [("2027-04-01T00:00:00Z", "small", 2), ("2027-04-16T00:00:00Z", "big", 2)]


def declined_upgrade(story: StripeStory) -> str:
    """In the middle of April, on the page; where that leads to."""
    story.begins()
    story.on("2027-04-10 00:00").saves(NO_FUNDS)
    page = "/subscription/change?plan=big&cycle=monthly&seats=2"
    leads_to = story.on("2027-04-16 00:00").presses(page, "/subscription/change")
    assert "Nothing has changed yet" in words(story.sees(leads_to))
    assert story.told("could not be charged") == ["Your payment of $15.00 could not be charged"]
    assert (story.may_use(), story.asks("get", "/subscription")["planType"]) == ((True, "active"), "small")
    return leads_to


def test_an_upgrade_that_is_declined_leaves_it_as_it_was(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 00:00")
    declined_upgrade(story)
    assert [each.status for each in story.invoices()] == ["paid", "open"]
    story.until("2027-04-17 00:00")
    assert [amounts(each).open for each in story.invoices()] == [0, 0], "Stripe has dropped it: nobody owes it"
    story.saves("pm_card_visa")
    story.until("2027-05-02 00:00")
    assert story.received() == [MONTH, MONTH]
    assert story.terms() == [("2027-04-01T00:00:00Z", "small", 2)]
    assert story.states() == ["incomplete", "active"]


def test_an_upgrade_that_is_declined_holds_once_another_card_has_paid_it(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 00:00")
    bill = story.invoices()[-1] if declined_upgrade(story) else None
    assert bill
    story.on("2027-04-16 20:00").pays(bill, "pm_card_visa")
    assert (story.asks("get", "/subscription")["planType"], story.received()) == ("big", [MONTH, 1_500])
    story.saves("pm_card_visa")
    story.until("2027-05-02 00:00")
    assert story.received() == [MONTH, 1_500, 5_000]
    assert story.terms()[1:] == [("2027-04-16T20:00:00Z", "big", 2)]


def test_another_cycle_at_the_periods_end_is_a_schedule_there(by_stripe: Tells, stripe: StripeWorld) -> None:
    two_plans()
    story = by_stripe("2027-04-01 00:00")
    story.begins(planType="big", billingCycle="yearly")
    story.on("2027-06-01 00:00")
    shown, changed = story.looks_and_changes(planType="small", billingCycle="monthly")
    assert (shown["amountDueNow"], shown["next"]) == (0, {"amount": MONTH, "at": "2028-04-01T00:00:00Z"})
    pending = changed["pendingChange"]
    assert (pending["planType"], pending["billingCycle"], pending["effectiveAt"]) == (
        "small",
        "monthly",
        "2028-04-01T00:00:00Z",
    )
    _, kept = story.looks_and_changes(planType="big", billingCycle="yearly")
    assert kept["pendingChange"] is None
    story.on("2027-06-01 00:01").looks_and_changes(planType="small", billingCycle="monthly")
    assert [each["status"] for each in stripe.objects("subscription_schedules")] == ["released", "active"]
    story.hears()
    story.until("2028-03-31 00:00")
    assert (story.received(), story.asks("get", "/subscription")["planType"]) == ([50_000], "big")
    story.until("2028-06-02 00:00")
    assert story.billed()[1:] == [("Apr 1", "May 1", MONTH), ("May 1", "Jun 1", MONTH), ("Jun 1", "Jul 1", MONTH)]
    assert story.terms()[1:] == [("2028-04-01T00:00:00Z", "small", 2)]
    assert story.asks("get", "/subscription")["pendingChange"] is None


@pytest.mark.parametrize("cycle", ["monthly", "yearly"])
def test_what_was_taken_back_and_is_sent_once_more_is_done_once_more(by_stripe: Tells, cycle: str) -> None:
    """Whoever goes back in the browser sends the preview of before."""
    two_plans()
    story = by_stripe("2027-04-01 00:00")
    story.begins(planType="big", billingCycle=cycle)
    wish = {"planType": "small", "billingCycle": "monthly"}
    story.on("2027-04-10 00:00")
    wish |= {"previewToken": story.asks("post", "/subscription/preview", wish)["previewToken"]}
    for minute in (1, 3):
        story.on(f"2027-04-10 00:0{minute}").asks("patch", "/subscription", wish)
        assert story.asks("get", "/subscription")["pendingChange"]["planType"] == "small"
        if minute == 1:
            story.asks("patch", "/subscription", {"planType": "big", "billingCycle": cycle})
            assert story.asks("get", "/subscription")["pendingChange"] is None
    story.night()
    ends = story.subscription().period_end
    assert story.asks("get", "/subscription")["pendingChange"]["planType"] == "small"
    story.on(f"{ends:%Y-%m-%d} 00:00")
    assert story.invoices()[-1].total_minor == story.received()[-1] == MONTH


def test_seats_rise_at_once_and_fall_with_the_period(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 00:00")
    story.begins()
    story.until("2027-04-11 00:00")
    changed_as_shown(story, seats=5)  # 20 of 30 days: 3 seats by 10.00
    story.until("2027-04-21 00:00")
    changed_as_shown(story, seats=6)  # 10 of 30 days: 1 seat by 10.00
    shown, changed = story.looks_and_changes(seats=3)
    assert (shown["amountDueNow"], shown["when"], shown["next"]["amount"]) == (0, "period_end", 3_000)
    assert (changed["seats"], changed["pendingChange"]["seats"]) == (6, 3)
    story.until("2027-05-01 00:00")
    now = story.asks("get", "/subscription")
    assert (now["seats"], now["pendingChange"]) == (3, None)
    story.until("2027-06-02 00:00")
    assert [each.total_minor for each in story.invoices()] == story.received() == [MONTH, 2_000, 333, 3_000, 3_000]
    assert [seats for _, _, seats in story.terms()] == [2, 5, 6, 3]


def test_from_months_to_a_year_what_is_unused_is_taken_off(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 00:00")
    story.begins()
    story.until("2027-04-16 00:00")
    shown = changed_as_shown(story, billingCycle="yearly")  # 2 seats by 100.00, less 15 of 30 days
    assert (shown["total"], shown["next"]) == (19_000, {"amount": 20_000, "at": "2028-04-16T00:00:00Z"})
    story.until("2028-03-18 00:00").until("2028-04-17 00:00")
    assert story.billed() == [("Apr 1", "May 1", MONTH), ("Apr 16", "Apr 16", 19_000), ("Apr 16", "Apr 16", 20_000)]
    assert story.received() == [MONTH, 19_000, 20_000]
    assert story.told("renews") == ["Your subscription renews on April 16, 2028"]


def test_an_end_is_taken_back_and_said_again_and_comes_with_the_period(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 12:00")
    story.begins()
    of = str(story.subscription().id)
    story.on("2027-04-10 12:00").presses("/subscription/cancel", "/subscription/cancel", when="period_end")
    assert story.told("ends on") == ["Your subscription ends on May 1, 2027"]
    story.on("2027-04-20 12:00").presses("/subscription", "/subscription/keep", of=of)
    assert story.told("stays") == ["Your subscription stays"]
    story.until("2027-05-10 12:00")
    assert (story.received(), story.may_use()) == ([MONTH, MONTH], (True, "active"))
    story.presses("/subscription/cancel", "/subscription/cancel", when="period_end", reason="We move")
    story.until("2027-06-01 11:00")
    assert story.may_use() == (True, "active")
    story.until("2027-06-01 12:00")
    assert (story.may_use(), story.told("has ended")) == ((False, "canceled"), ["Your subscription has ended"])
    story.until("2027-07-02 12:00")
    assert story.received() == [MONTH, MONTH]
    assert story.states() == ["incomplete", "active", "canceled"]


def test_paused_nothing_is_billed_and_resumed_later_a_period_begins_anew(by_stripe: Tells, stripe: StripeWorld) -> None:
    two_plans()
    story = by_stripe("2027-04-01 12:00")
    story.begins()
    of = str(story.subscription().id)
    story.on("2027-04-10 12:00").presses("/subscription/pause", "/subscription/pause", of=of, reason="Holidays")
    assert story.told("paused") == ["Your subscription is paused"]
    story.until("2027-05-01 11:00")
    assert story.may_use() == (True, "paused"), "what is paid for"
    story.until("2027-05-05 12:00")
    assert story.may_use() == (False, "paused")
    assert [each["status"] for each in stripe.objects("invoices")] == ["paid", "void"]
    story.until("2027-05-15 12:00")
    assert "A new period begins when you resume: $20.00" in words(story.sees("/subscription"))
    story.presses("/subscription", "/subscription/resume", of=of)
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, MONTH])
    assert story.told("goes on") == ["Your subscription goes on"]
    story.until("2027-06-16 12:00")
    assert story.billed() == [("Apr 1", "May 1", MONTH), ("May 15", "Jun 15", MONTH), ("Jun 15", "Jul 15", MONTH)]
    assert story.received() == [MONTH] * 3
    assert story.states() == ["incomplete", "active", "paused", "active"]


def test_a_pause_within_what_is_paid_for_costs_nothing(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 12:00")
    story.begins()
    story.on("2027-04-10 12:00").asks("post", "/subscription/pause")
    story.on("2027-04-20 12:00").asks("post", "/subscription/resume")
    story.until("2027-05-02 12:00")
    assert story.billed() == [("Apr 1", "May 1", MONTH), ("May 1", "Jun 1", MONTH)]
    assert story.received() == [MONTH, MONTH]


def test_paused_over_a_renewal_and_resumed_before_anybody_is_told_it_is_paid_for(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 12:00")
    story.begins()
    story.until("2027-05-01 11:00").asks("post", "/subscription/pause")
    story.unheard("2027-05-01 13:00")
    assert story.asks("post", "/subscription/resume")["status"] == "active"
    assert (story.received(), story.billed()[1:]) == ([MONTH, MONTH], [("May 1", "Jun 1", MONTH)])


def test_resumed_with_a_card_that_is_declined_it_is_past_due_until_another_pays(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 12:00")
    story.begins()
    story.asks("post", "/subscription/pause")
    story.until("2027-05-10 12:00").saves(NO_FUNDS)
    assert story.asks("post", "/subscription/resume")["status"] == "past_due"
    story.hears()
    assert (story.invoices()[-1].status, story.received()) == ("open", [MONTH])
    story.saves("pm_card_visa")
    assert (story.may_use(), story.received()) == ((True, "active"), [MONTH, MONTH])
    assert story.billed()[1:] == [("May 10", "Jun 10", MONTH)]


def test_a_renewal_that_nobody_told_of_is_found_at_night(by_stripe: Tells) -> None:
    two_plans()
    story = by_stripe("2027-04-01 12:00")
    story.begins()
    story.unheard("2027-05-01 12:30")
    assert story.received() == [MONTH]
    assert story.may_use() == (True, "active"), "what has not been told of stops nobody"
    story.night()
    assert story.billed() == [("Apr 1", "May 1", MONTH), ("May 1", "Jun 1", MONTH)]
    story.until("2027-06-02 12:00")
    assert story.received() == [MONTH] * 3
    assert Invoice.objects.count() == 3
