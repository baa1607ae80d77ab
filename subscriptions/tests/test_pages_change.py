"""Changing plan, cycle or seats on the page: what is shown is what is done, to the cent, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine

from billing_portal.invariants import check_books
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from subscriptions import queries
from subscriptions.models import Subscription
from subscriptions.tests.pages_world import CHANGE, browser, changes, sent
from subscriptions.tests.plan_world import change, credit_of, invoices, pay, price, seats_of, started, two_plans

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("june")]
NOON = "2026-06-16 00:00"


@pytest.fixture
def june() -> Iterator[None]:
    with time_machine.travel(at(NOON), tick=False):
        yield
    assert check_books()[1] == []


def plan_of(subscription: Subscription, when: str = "2026-06-17 00:00") -> str:
    return queries.current_terms(subscription, at(when)).price.version.plan.code


def test_a_bigger_plan_is_shown_with_its_lines_and_then_billed_so() -> None:
    small, _ = two_plans()
    subscription = started(
        small, "2026-06-01 00:00", seats=4, tax_name="VAT", tax_percent=Decimal(10), payment_terms_days=30
    )
    client = browser(subscription.tenant)
    page = client.get(f"{CHANGE}?plan=big&cycle=monthly&seats=4")
    told = words(page)
    assert "You are on Professional, monthly, 4 seats. Nothing changes until you confirm." in told
    assert "Invoiced now, due Jul 16, 2026 $33.00" in told
    assert "Unused time of Professional, 4 seats Jun 16 to Jun 30: 15/30 of $40.00 \N{MINUS SIGN}$20.00" in told
    assert "Remaining time of Professional, 4 seats Jun 16 to Jun 30: 15/30 of $100.00 $50.00" in told
    assert "VAT 10% on $30.00 $3.00 To pay $33.00" in told
    assert "After that, with tax A month, from Jul 1, 2026 $110.00 was $44.00" in told
    assert "Change now for $33.00" in told and "Change it on Jul 1 instead" in told
    answer = client.post(CHANGE, sent(page))
    assert answer.headers["Location"] == "/subscription"
    assert (plan_of(subscription), invoices(subscription)[-1].total_minor) == ("big", 3_300)
    assert f"Invoice {invoices(subscription)[-1].number} is issued: $33.00." in words(client.get("/subscription"))


def test_sent_twice_it_changes_once() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    client = browser(subscription.tenant)
    form = sent(client.get(f"{CHANGE}?seats=5"))
    answers = [client.post(CHANGE, form) for _ in range(2)]
    assert {each.headers["Location"] for each in answers} == {"/subscription"}
    assert (len(invoices(subscription)), seats_of(subscription, "2026-06-17 00:00")) == (2, 5)
    assert "That is what it is already." in words(client.get("/subscription"))


def test_what_costs_less_waits_for_the_period_and_costs_nothing_today() -> None:
    _, big = two_plans()
    subscription = started(big, "2026-06-01 00:00", seats=4)
    client = browser(subscription.tenant)
    told = words(client.get(f"{CHANGE}?plan=small&cycle=monthly&seats=3"))
    assert "From July 1, 2026 Nothing today" in told and "Change on July 1" in told
    assert "instead" not in told, "paid seats never fall in a period"
    changes(client, "plan=small&cycle=monthly&seats=3")
    subscription.refresh_from_db()
    assert (subscription.pending_seats, subscription.pending_at) == (3, at("2026-07-01 00:00"))
    assert "From July 1, 2026 it is Professional, monthly, 3 seats." in words(client.get("/subscription"))
    assert "It stays as it is" in words(client.get(f"{CHANGE}?plan=big&seats=4"))
    changes(client, "plan=big&seats=4")
    subscription.refresh_from_db()
    assert subscription.pending_at is None


def test_a_smaller_plan_at_once_says_what_is_credited() -> None:
    _, big = two_plans()
    subscription = started(big, "2026-06-01 00:00", seats=4)
    pay(invoices(subscription)[0], "2026-06-02 00:00")
    client = browser(subscription.tenant)
    told = words(client.get(f"{CHANGE}?plan=small&when=now"))
    assert "Credited now $30.00" in told and "Of one that is paid it becomes your credit" in told
    changes(client, "plan=small&when=now")
    assert (plan_of(subscription), credit_of(subscription.tenant)) == ("small", 3_000)


def test_credit_pays_of_what_a_change_costs_and_the_page_says_so() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=4)
    pay(invoices(subscription)[0], "2026-06-02 00:00")
    from billing_portal.tests import world
    from payments.tests.offline_world import verify_check

    verify_check(world.check_for(subscription.tenant, 500, world.user(staff=True), now=at("2026-06-03 00:00")))
    told = words(browser(subscription.tenant).get(f"{CHANGE}?seats=5"))
    assert "Invoice $14.50 Your credit pays of it \N{MINUS SIGN}$5.00 To pay $9.50" in told


def test_in_a_trial_it_changes_at_once_for_nothing() -> None:
    subscription = started(price(trial_days=14), "2026-06-10 00:00", seats=2, trial_days=14)
    client = browser(subscription.tenant)
    told = words(client.get(f"{CHANGE}?seats=1"))
    assert "At once; the trial goes on $0.00" in told and "Nothing is billed before the trial ends." in told
    changes(client, "seats=1")
    assert seats_of(subscription, "2026-06-17 00:00") == 1


def test_what_is_old_is_not_done_and_what_it_costs_now_is_shown() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    client = browser(subscription.tenant)
    form = sent(client.get(f"{CHANGE}?seats=5"))
    with time_machine.travel(at("2026-06-16 00:16"), tick=False):
        page = client.post(CHANGE, form)
        assert "What was shown is more than 15 minutes old. Nothing was changed." in words(page)
        assert len(invoices(subscription)) == 1
        assert client.post(CHANGE, sent(page)).status_code == 302
    assert seats_of(subscription, "2026-06-17 00:00") == 5


def test_what_was_overtaken_is_not_done_and_shown_anew() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    client = browser(subscription.tenant)
    form = sent(client.get(f"{CHANGE}?seats=5"))
    change(subscription, NOON, seats=3)
    page = client.post(CHANGE, form)
    assert "Something has changed since you looked. Nothing was changed now." in words(page)
    assert "Professional, 2 seats more" in words(page)
    assert seats_of(subscription, "2026-06-17 00:00") == 3


def test_a_preview_of_another_change_is_not_taken() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    client = browser(subscription.tenant)
    form = sent(client.get(f"{CHANGE}?seats=3"))
    for wrong in (form | {"seats": "50"}, form | {"token": "made up"}, form | {"token": ""}):
        assert "What was shown was for another change." in words(client.post(CHANGE, wrong))
    assert len(invoices(subscription)) == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("seats=1", "This plan starts at 2 seats."),
        ("seats=3&when=now", "Seats that are paid for stay until the period ends."),
        ("seats=some", "Write a whole number of seats, like 12."),
        ("plan=none", "Choose one of the plans."),
        ("cycle=yearly", "This plan is not sold in this cycle."),
        ("cycle=weekly", "Choose how often to pay."),
    ],
)
def test_what_cant_be_is_told_where_it_can_be_mended(query: str, said: str) -> None:
    subscription = started(price(yearly=0, least=2), "2026-06-01 00:00", seats=4)
    client = browser(subscription.tenant)
    page = client.get(f"{CHANGE}?{query}")
    assert said in words(page) and 'name="token"' not in page.content.decode()
    part = client.get(f"{CHANGE}?{query}", headers={"HX-Request": "true"})
    assert said in words(part) and "<html" not in part.content.decode()


def test_seats_that_fall_are_offered_for_the_periods_end() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=4)
    client = browser(subscription.tenant)
    page = client.get(f"{CHANGE}?seats=3&when=now")
    assert "Change on Jul 1" in words(page) and "when=period_end" in page.content.decode()
    changes(client, "seats=3&when=period_end")
    subscription.refresh_from_db()
    assert subscription.pending_seats == 3


def test_without_a_choice_it_says_what_is_there_and_asks_for_one() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=4)
    told = words(browser(subscription.tenant).get(CHANGE))
    assert "That is what you have now. Choose another plan" in told and "Your plan" in told


def test_who_is_on_an_old_version_sees_its_price_for_the_own_plan() -> None:
    small, _ = two_plans()
    subscription = started(small, "2026-06-01 00:00", seats=1)
    price(1_500, yearly=15_000, code="small")
    told = words(browser(subscription.tenant).get(CHANGE))
    assert "$10.00 a seat and month" in told and "$15.00" not in told


def test_who_has_none_is_led_to_the_plans() -> None:
    from billing_portal.tests import world

    assert browser(world.tenant()).get(CHANGE).headers["Location"] == "/subscription"
