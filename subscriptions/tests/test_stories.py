"""Subscriptions by invoice from the first door to the last: over HTTP, at the desk, and by the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine

from billing_portal.invariants import check_books
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from payments.models import Invoice
from payments.queries import amounts
from subscriptions.tests.plan_world import credit_of, price, two_plans
from subscriptions.tests.story import DAY, Story

pytestmark = pytest.mark.django_db
MONTH, HALF = 2_000, timedelta(hours=12)


@pytest.fixture
def tells(settings: Any) -> Iterator[Callable[..., Story]]:
    """`tells("2026-06-01 00:00", time_zone=…)`: a tenant at that moment. At the end the books hold."""
    settings.SESSION_COOKIE_AGE = 10**9  # the clock is moved by years
    with time_machine.travel(at("2026-01-01 00:00"), tick=False) as clock:

        def begin(moment: str, **facts: Any) -> Story:
            clock.move_to(at(moment))
            return Story(clock, **facts)

        yield begin
    assert check_books()[1] == []


def test_a_year_from_the_31st_of_january_where_the_tenant_is(tells: Callable[..., Story]) -> None:
    two_plans()
    story = tells("2026-01-31 15:00", time_zone="America/New_York")
    assert story.starts()["currentPeriodEnd"] == "2026-02-28T05:00:00Z"
    story.until("2026-07-15 12:00", meanwhile=story.pays_what_is_open)
    shown = story.asks("get", "/subscription")
    assert (shown["currentPeriodStart"], shown["currentPeriodEnd"]) == ("2026-06-30T04:00:00Z", "2026-07-31T04:00:00Z")
    story.until("2027-01-23 12:00", meanwhile=story.pays_what_is_open)
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
    invoices = story.invoices()
    assert all(one.period_end == other.period_start for one, other in pairwise(invoices)), "no gap, and no overlap"
    assert {each.status for each in invoices} == {Invoice.Status.PAID}
    assert [each.total_minor for each in invoices] == story.received() == [MONTH] * 12
    assert story.states() == ["active"]


def test_a_year_from_the_leap_day_comes_back_to_it(tells: Callable[..., Story]) -> None:
    two_plans()
    story = tells("2028-02-29 09:00", time_zone="Europe/Berlin")
    story.starts(billingCycle="yearly")
    story.until("2032-02-29 12:00", every=timedelta(days=3), meanwhile=story.pays_what_is_open)
    ends = [each.period_end for each in story.invoices()]
    assert [each.astimezone(story.tenant.zone).isoformat() for each in ends if each] == [
        "2029-02-28T00:00:00+01:00",
        "2030-02-28T00:00:00+01:00",
        "2031-02-28T00:00:00+01:00",
        "2032-02-29T00:00:00+01:00",
        "2033-02-28T00:00:00+01:00",
    ]
    assert all(one.period_end == other.period_start for one, other in pairwise(story.invoices()))
    assert [each.total_minor for each in story.invoices()] == story.received() == [20_000] * 5
    assert story.told("renews") == [
        "Your subscription renews on February 28, 2029",
        "Your subscription renews on February 28, 2030",
        "Your subscription renews on February 28, 2031",
        "Your subscription renews on February 29, 2032",
    ]


def test_a_trial_grows_and_is_paid_for_when_it_ends(tells: Callable[..., Story]) -> None:
    price(1_000, code="small", trial_days=14)
    story = tells("2026-06-01 10:00")
    assert story.starts(trialDays=14)["status"] == "trialing"
    story.until("2026-06-08 10:00")
    shown, changed = story.looks_and_changes(seats=3)
    assert (shown["amountDueNow"], shown["next"]) == (0, {"amount": 3_000, "at": "2026-06-15T10:00:00Z"})
    assert (changed["seats"], changed["latestInvoiceId"]) == (3, None)
    story.until("2026-06-15 09:00")
    assert story.may_use() == (True, "trialing")
    assert story.told("trial") == ["Your trial ends on June 15, 2026"]
    assert story.invoices() == [], "a trial costs nothing"
    story.until("2026-06-15 10:00")
    assert (story.may_use(), story.billed()) == ((True, "active"), [("Jun 15", "Jul 15", 3_000)])
    (invoice,) = story.invoices()
    body = {"amount": 3_000, "currency": "usd", "paymentMethod": {"type": "manual"}, "invoiceId": str(invoice.id)}
    assert story.asks("post", "/payments", body, expected=201)["status"] == "awaiting_review"
    story.verified(invoice.payments.get())
    story.until("2026-07-20 10:00", meanwhile=story.pays_what_is_open)
    assert story.billed()[1:] == [("Jul 15", "Aug 15", 3_000)]
    assert (story.received(), story.states()) == ([3_000, 3_000], ["trialing", "active"])


def test_checks_pay_it_from_the_first_invoice_on_also_when_they_are_late(tells: Callable[..., Story]) -> None:
    two_plans()
    story = tells("2026-06-01 00:00")
    story.starts()
    story.until("2026-06-05 12:00")
    check = story.check_arrives(story.invoices()[0])
    assert (check.status, story.invoices()[0].status) == ("awaiting_review", "open"), "recorded, and nothing is booked"
    assert story.verified(check, clears_later="on").status == "clearing"
    assert story.invoices()[0].status == "paid", "it counts while its bank has still to pay it"
    assert story.until("2026-06-09 12:00").cleared(check).status == "succeeded"

    story.until("2026-06-24 12:00")
    assert story.billed() == [("Jun 1", "Jul 1", MONTH), ("Jul 1", "Aug 1", MONTH)], "a week before"
    story.until("2026-07-09 12:00")
    assert (story.may_use(), story.states()) == ((True, "past_due"), ["active", "past_due"])
    assert "overdue" in words(story.sees("/subscription"))
    story.verified(story.check_arrives(story.invoices()[1]))
    assert story.may_use() == (True, "active"), "at once, not by the next hour's round"
    story.until("2026-07-25 12:00", meanwhile=story.pays_what_is_open)
    assert story.billed()[2:] == [("Aug 1", "Sep 1", MONTH)]
    assert (story.received(), story.states()) == ([MONTH] * 3, ["active", "past_due", "active"])
    assert len(story.told("overdue")) == 1


def test_what_stays_overdue_takes_access_away_until_it_is_paid(tells: Callable[..., Story]) -> None:
    two_plans()
    story = tells("2026-06-01 00:00")
    story.starts()
    story.until("2026-07-05 12:00")
    assert story.may_use() == (True, "past_due")
    story.until("2026-07-06 12:00")
    assert story.may_use() == (False, "unpaid"), "due on June 15, and 21 days of grace"
    for method, path, body in (("patch", "", {"seats": 9}), ("post", "/pause", {})):
        assert story.asks(method, f"/subscription{path}", body, expected=409)["code"] == "subscription_unpaid"
    story.until("2026-09-10 12:00", every=3 * DAY)
    assert story.billed() == [("Jun 1", "Jul 1", MONTH), ("Jul 1", "Aug 1", MONTH)], "nothing more is billed meanwhile"
    assert [len(story.told(each)) for each in ("is overdue", "on hold")] == [1, 1]
    story.pays_what_is_open()
    assert story.may_use() == (True, "active")
    assert story.billed()[2:] == [("Sep 10", "Oct 10", MONTH)], "for the time from now on"
    assert story.received() == [MONTH] * 2
    story.until("2026-09-11 12:00", meanwhile=story.pays_what_is_open)
    assert (story.received(), story.states()) == ([MONTH] * 3, ["active", "past_due", "unpaid", "active"])


def test_what_stays_overdue_ends_it_where_the_installation_says_so(tells: Callable[..., Story], settings: Any) -> None:
    settings.PAST_DUE_ENDS_IN = "canceled"
    two_plans()
    story = tells("2026-06-01 00:00")
    story.starts()
    story.until("2026-07-10 12:00", every=HALF)
    story.until("2026-10-01 12:00", every=7 * DAY)
    assert (story.may_use(), story.states()) == ((False, "canceled"), ["active", "past_due", "canceled"])
    assert story.asks("get", "/subscription")["endedAt"] == "2026-07-06T00:00:00Z"
    assert story.asks("patch", "/subscription", {"seats": 9}, expected=404)["code"] == "not_found"
    assert [len(story.told(each)) for each in ("is overdue", "has ended")] == [1, 1]
    assert [span[:2] for span in story.billed()] == [("Jun 1", "Jul 1"), ("Jul 1", "Aug 1")]
    story.pays_what_is_open()
    assert story.received() == [MONTH] * 2, "what was used is owed, and can be paid"
    assert story.states()[-1] == "canceled", "and nothing comes alive again by that"


def test_it_grows_at_once_and_shrinks_with_its_period(tells: Callable[..., Story]) -> None:
    two_plans()
    story = tells("2026-06-01 00:00")
    story.starts()
    story.pays_what_is_open()
    story.until("2026-06-11 00:00")
    shown, changed = story.looks_and_changes(planType="big")  # 20 of 30 days: 2 seats by 15.00 more
    assert (shown["amountDueNow"], changed["planType"]) == (2_000, "big")
    assert latest(story) == (shown["total"], [(each["title"], each["amount"]) for each in shown["lines"]])
    story.pays_what_is_open()
    story.until("2026-06-16 00:00")
    shown, changed = story.looks_and_changes(seats=5)  # 15 of 30 days: 3 seats by 25.00
    assert (shown["amountDueNow"], changed["seats"]) == (3_750, 5)
    assert latest(story) == (shown["total"], [(each["title"], each["amount"]) for each in shown["lines"]])
    story.pays_what_is_open()

    shown, changed = story.looks_and_changes(seats=3)
    assert (shown["amountDueNow"], shown["when"], shown["next"]["amount"]) == (0, "period_end", 7_500)
    assert (changed["seats"], changed["pendingChange"]["seats"]) == (5, 3)
    story.until("2026-07-01 12:00", meanwhile=story.pays_what_is_open)
    now = story.asks("get", "/subscription")
    assert (now["seats"], now["planType"], now["pendingChange"]) == (3, "big", None)
    shown, changed = story.looks_and_changes(planType="small", when="period_end")
    assert (shown["amountDueNow"], shown["next"]) == (0, {"amount": 3_000, "at": "2026-08-01T00:00:00Z"})
    assert (changed["planType"], changed["pendingChange"]["planType"]) == ("big", "small")
    story.until("2026-08-01 12:00", meanwhile=story.pays_what_is_open)
    assert story.asks("get", "/subscription")["planType"] == "small"
    assert [each.total_minor for each in story.invoices()] == story.received() == [2_000, 2_000, 3_750, 7_500, 3_000]
    past = story.asks("get", "/subscription/history")["results"][0]["terms"]
    assert [(each["since"], each["planType"], each["seats"]) for each in past] == [
        ("2026-06-01T00:00:00Z", "small", 2),
        ("2026-06-11T00:00:00Z", "big", 2),
        ("2026-06-16T00:00:00Z", "big", 5),
        ("2026-07-01T00:00:00Z", "big", 3),
        ("2026-08-01T00:00:00Z", "small", 3),
    ]


def latest(story: Story) -> tuple[int, list[tuple[str, int]]]:
    """The newest invoice: its total, and its lines."""
    invoice = story.invoices()[-1]
    return invoice.total_minor, list(invoice.lines.values_list("title", "amount_minor"))


def test_in_the_week_before_renewal_a_change_counts_for_both_periods_that_are_billed(
    tells: Callable[..., Story],
) -> None:
    two_plans()
    story = tells("2026-06-01 00:00")
    story.starts()
    story.until("2026-06-26 00:00", meanwhile=story.pays_what_is_open)
    assert story.billed()[1:] == [("Jul 1", "Aug 1", MONTH)]
    shown, _ = story.looks_and_changes(seats=5)  # 5 of 30 days of June, and all of July: 3 seats by 10.00
    assert shown["total"] == shown["amountDueNow"] == 500 + 3_000
    assert latest(story) == (shown["total"], [(each["title"], each["amount"]) for each in shown["lines"]])
    story.pays_what_is_open()
    shown, changed = story.looks_and_changes(seats=1)
    assert (shown["total"], shown["amountDueNow"], shown["when"]) == (-4_000, 0, "period_end"), "July is paid for five"
    assert (changed["seats"], changed["pendingChange"]["effectiveAt"]) == (5, "2026-07-01T00:00:00Z")
    assert credit_of(story.tenant) == 4_000
    story.until("2026-08-01 12:00")
    assert story.billed()[2:] == [("Jun 26", "Aug 1", 3_500), ("Aug 1", "Sep 1", 1_000)]
    assert {each.status for each in story.invoices()} == {"paid"}, "August by the credit"
    assert (story.received(), credit_of(story.tenant)) == ([MONTH, MONTH, 3_500], 3_000)
    assert story.asks("get", "/subscription")["seats"] == 1


def test_canceled_in_the_last_week_it_ends_owing_nothing_and_begins_anew(tells: Callable[..., Story]) -> None:
    two_plans()
    story = tells("2026-06-01 00:00", time_zone="Asia/Tokyo")
    story.starts()
    story.pays_what_is_open()
    story.until("2026-06-26 00:00")
    assert [span[:2] for span in story.billed()] == [("Jun 1", "Jul 1"), ("Jul 1", "Aug 1")]
    assert story.asks("post", "/subscription/cancel", {"reason": "We move"})["cancelAtPeriodEnd"] is True
    story.until("2026-06-30 14:00")
    assert story.may_use() == (True, "active"), "an hour before midnight in Tokyo"
    story.until("2026-06-30 16:00")
    assert (story.may_use(), story.states()) == ((False, "canceled"), ["active", "canceled"])
    assert [amounts(each).open for each in story.invoices()] == [0, 0], "July is not owed"
    assert (story.received(), credit_of(story.tenant)) == ([MONTH], 0)
    story.on("2026-07-10 03:00")
    again = story.starts(planType="big", seats=1)
    assert (again["status"], again["currentPeriodEnd"]) == ("active", "2026-08-09T15:00:00Z")
    assert story.may_use() == (True, "active")
    assert Invoice.objects.get(id=again["latestInvoiceId"]).total_minor == 2_500
