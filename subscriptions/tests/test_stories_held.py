"""More time to pay, from the desk's form through the clock to what the owner may use: promised, left alone, over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from billing_portal.invariants import check_books
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.models import CollectionHold, Invoice, Payment
from payments.providers import breaker
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.story import Story
from subscriptions.tests.test_stories_by_card import NO_FUNDS, charges, saves, used_beyond

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(settings: Any) -> Iterator[Story]:
    """On net terms of two weeks since June 1."""
    settings.SESSION_COOKIE_AGE = 10**9  # the clock is moved by months
    settings.CLOSE_MONTHS_BY_BEAT = True
    two_plans()
    breaker.forget()
    with time_machine.travel(at("2026-06-01 00:00"), tick=False) as clock:
        yield Story(clock)
    assert check_books()[1] == []


def promises(story: Story, invoice: Invoice, last_day: str) -> None:
    answer = story.finance.post(
        reverse("admin:payments_invoice_promise", args=[invoice.id]), {"until": last_day, "note": "By phone"}
    )
    assert answer.status_code == 302, answer.context["asked"].form.errors
    story.delivered()


def left_alone(story: Story, last_day: str) -> None:
    form = {"tenant": str(story.tenant.id), "until": last_day, "note": "A flood"}
    answer = story.finance.post("/admin/payments/collectionhold/add/", form)
    assert answer.status_code == 302, answer.context["asked"].form.errors
    story.delivered()


def test_declined_promised_not_retried_and_retried_when_the_day_has_passed(story: Story, stripe: StripeWorld) -> None:
    story.starts()
    saves(story, stripe, NO_FUNDS)
    minutes = used_beyond(story)
    assert charges(story) == [("07-01", "failed")]
    promises(story, minutes, "2026-07-20")
    story.until("2026-07-20 23:00")
    assert charges(story) == [("07-01", "failed")]
    story.until("2026-07-21 01:00")
    assert charges(story) == [("07-01", "failed"), ("07-21", "failed")], "once, however often it fell due meanwhile"
    story.on("2026-07-22 09:00")
    promises(story, minutes, "2026-07-31")
    saves(story, stripe, "pm_card_visa")
    assert charges(story)[2:] == [("07-22", "succeeded")], "a new method is its owner's wish"
    minutes.refresh_from_db()
    assert (minutes.status, stripe.taken()) == ("paid", [minutes.total_minor])


def test_a_promise_keeps_access_over_the_days_of_grace_and_ends_by_itself(story: Story) -> None:
    story.starts()
    (june,) = story.invoices()
    story.until("2026-06-16 00:00")
    assert story.states() == ["active", "past_due"]
    promises(story, june, "2026-07-20")
    page = words(story.sees("/subscription"))
    assert "You said you would pay" in page and "by July 20, 2026" in page
    story.until("2026-07-20 12:00")
    for each in story.invoices()[1:]:  # the periods after it are paid in time
        if each.status == "open":
            story.verified(story.check_arrives(each))
    assert story.may_use() == (True, "past_due"), "the grace ended on July 6"
    assert len(story.told("is overdue")) == 1
    story.until("2026-07-21 12:00")
    assert len(story.told("is overdue")) == 2, "told that the day has passed"
    story.until("2026-07-23 12:00")
    assert story.may_use() == (True, "past_due")
    story.until("2026-07-24 12:00")
    assert story.may_use() == (False, "unpaid")
    assert len(story.told("is overdue")) == 2
    story.verified(story.check_arrives(june))
    assert story.may_use()[0]


def test_kept_a_promise_leaves_no_trace(story: Story) -> None:
    story.starts()
    (june,) = story.invoices()
    story.until("2026-06-10 00:00")
    promises(story, june, "2026-06-25")
    story.until("2026-06-20 00:00")
    assert (story.states(), story.told("is overdue")) == (["active", "past_due"], []), "late, and nobody is reminded"
    story.verified(story.check_arrives(june))
    story.until("2026-06-30 00:00")
    assert (story.states(), story.told("is overdue")) == (["active", "past_due", "active"], [])


def test_one_promise_of_two_that_are_overdue_does_not_save_the_other(story: Story) -> None:
    story.starts()
    story.until("2026-07-05 00:00")
    june, july = story.invoices()
    promises(story, july, "2026-08-30")
    story.until("2026-07-07 00:00")
    assert story.may_use() == (False, "unpaid")
    promises(story, june, "2026-08-30")
    assert story.may_use() == (True, "past_due")


def test_left_alone_it_is_not_even_past_due_and_is_cut_off_some_days_after(story: Story) -> None:
    story.starts()
    story.until("2026-06-16 00:00")
    left_alone(story, "2026-07-31")
    assert story.states() == ["active", "past_due", "active"]
    assert "overdue" not in words(story.sees("/"))
    story.until("2026-07-31 23:00")
    assert (story.may_use(), len(story.told("is overdue"))) == ((True, "active"), 1)
    story.until("2026-08-01 01:00")
    assert (story.may_use(), len(story.told("is overdue"))) == ((True, "past_due"), 2)
    story.until("2026-08-03 23:00")
    assert story.may_use() == (True, "past_due")
    story.until("2026-08-04 01:00")
    assert story.may_use() == (False, "unpaid")


def test_one_that_had_stopped_goes_on_while_its_tenant_is_left_alone(story: Story) -> None:
    story.starts()
    story.until("2026-08-10 00:00")
    assert (story.may_use(), len(story.invoices())) == ((False, "unpaid"), 2)
    left_alone(story, "2026-08-31")
    assert story.may_use() == (True, "active")
    assert story.billed()[-1] == ("Aug 10", "Sep 10", 2_000), "a period of its own, as after a pause"
    assert "you have more time to pay" in words(story.sees("/subscription"))
    story.until("2026-09-01 01:00")
    assert story.may_use() == (True, "past_due")
    story.until("2026-09-04 01:00")
    assert story.may_use() == (False, "unpaid")


def test_lifted_before_its_day_dunning_goes_on(story: Story) -> None:
    story.starts()
    story.until("2026-07-02 00:00")
    left_alone(story, "2026-09-15")
    story.until("2026-08-01 00:00")
    assert story.may_use() == (True, "active")
    story.finance.post(reverse("admin:payments_collectionhold_lift", args=[CollectionHold.objects.get().id]))
    story.delivered()
    assert story.may_use() == (True, "past_due")
    story.until("2026-08-05 00:00")
    assert story.may_use() == (False, "unpaid")


def test_where_it_would_be_canceled_a_promise_keeps_it(story: Story, settings: Any) -> None:
    settings.PAST_DUE_ENDS_IN = "canceled"
    story.starts()
    (june,) = story.invoices()
    story.until("2026-06-20 00:00")
    promises(story, june, "2026-07-10")
    story.until("2026-07-13 23:00")
    assert story.subscription().status == "past_due"
    story.until("2026-07-14 01:00")
    assert story.subscription().status == "canceled"


def test_what_the_tenant_pays_itself_is_taken(story: Story) -> None:
    story.starts()
    left_alone(story, "2026-07-31")
    story.verified(story.check_arrives(story.invoices()[0]))
    assert Payment.objects.get().status == "succeeded"
    assert story.invoices()[0].status == "paid"
