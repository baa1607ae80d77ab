"""The subscription as its tenant reads it: what it is, what comes next, what to do, and what happened."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine

from billing_portal.tests import world
from billing_portal.tests.reading import queries as queries_of
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import SYSTEM, at
from subscriptions.actions.ending import cancel_subscription, keep_subscription
from subscriptions.actions.pausing import pause_subscription
from subscriptions.models import Subscription
from subscriptions.tests.pages_world import browser, sent
from subscriptions.tests.plan_world import change, credit_of, invoices, on, open_sums, pay, price, started, two_plans
from subscriptions.tests.stripe_plans import begun, billed
from subscriptions.tests.stripe_plans import told as told_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("june")]


@pytest.fixture
def june() -> Iterator[None]:
    with time_machine.travel(at("2026-06-10 12:00"), tick=False):
        yield


def seen(subscription: Subscription, role: str = "owner") -> str:
    return words(browser(subscription.tenant, role).get("/subscription"))


def test_it_says_what_it_costs_and_when_the_next_invoice_comes() -> None:
    subscription = started(
        price(), "2026-06-01 00:00", seats=12, tax_name="Sales tax", tax_percent=Decimal("6.25"), payment_terms_days=30
    )
    told = seen(subscription)
    assert "Subscription Active Professional, 12 seats, monthly · renews July 1, 2026" in told
    assert "June 1 to 30, 2026 $348.00 a month, before tax 12 seats × $29.00; $369.75 with tax" in told
    assert "Next invoice $369.75 on June 24, 2026, for July 1 to 31, 2026" in told
    assert "Paid Monthly By invoice, due within 30 days" in told
    assert "Outbound, a month 1,200 min Each outbound minute beyond $0.012 Inbound no limit" in told
    assert "Pause Change plan or seats" in told and "Cancel the subscription" in told
    assert "Subscription started Professional, monthly, 12 seats. Jun 1, 00:00 UTC · automatically" in told
    on(subscription, "2026-06-24 12:00")
    with time_machine.travel(at("2026-06-24 13:00"), tick=False):
        told = seen(subscription)
    assert f"Billed ahead $369.75 {invoices(subscription)[1].number}, for July 1 to 31, 2026" in told
    assert "Next invoice $369.75 on July 25, 2026, for August 1 to 31, 2026" in told


def test_what_a_provider_charges_has_no_tax_of_ours_and_tells_its_story_in_its_own_words(stripe: StripeWorld) -> None:
    two_plans()
    tenant = world.tenant(tax_name="Sales tax", tax_percent=Decimal("6.25"))
    subscription = begun(browser(tenant), seats=2)
    told = seen(subscription)
    assert "$20.00 a month 2 seats × $10.00 Next invoice $20.00 on July 10, 2026" in told
    assert "The first payment came Jun 10, 12:00 UTC · by" in told and "by Stripe" not in told
    assert "Subscription started Professional, monthly, 2 seats. Jun 10, 12:00 UTC · by" in told
    billed(stripe, subscription, "failed")
    told_by(stripe)
    assert "The renewal could not be charged" in (told := seen(subscription)) and "An invoice is overdue" not in told
    assert invoices(subscription)[-1].total_minor == 2_000, "as it was shown"


def test_a_trial_says_how_long_it_runs_and_what_follows() -> None:
    subscription = started(price(trial_days=14), "2026-06-04 12:00", seats=2, trial_days=14)
    told = seen(subscription)
    assert "Trial, 8 days left" in told and "trial until June 18, 2026" in told
    assert "Next invoice $58.00 on June 18, 2026" in told
    assert "Trial started Professional, monthly, 2 seats. Trial until June 18, 2026." in told


def test_what_was_agreed_for_later_is_told_with_the_way_back() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    change(subscription, "2026-06-09 00:00", seats=3)
    told = seen(subscription)
    assert "From July 1, 2026: Professional, monthly, 3 seats" in told
    assert "Until then it stays Professional, monthly, 5 seats. Keep it as it is" in told
    assert "Next invoice $87.00" in told


def test_who_reads_alone_is_offered_nothing_to_do() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    change(subscription, "2026-06-09 00:00", seats=3)
    told = seen(subscription, "viewer")
    assert "Professional, 5 seats, monthly" in told
    for words_of_a_button in ("Pause", "Change plan or seats", "Cancel the subscription", "Keep it as it is"):
        assert words_of_a_button not in told


def test_it_ends_with_its_period_and_is_taken_back() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    client = browser(subscription.tenant)
    asked = client.get("/subscription/cancel")
    assert "With its period, on July 1, 2026" in words(asked)
    client.post("/subscription/cancel", sent(asked, when="period_end", reason="Too dear"))
    subscription.refresh_from_db()
    assert (subscription.cancel_at_period_end, subscription.cancel_reason) == (True, "Too dear")
    page = client.get("/subscription")
    assert "Ends Jul 1" in words(page) and "Your subscription ends on July 1, 2026" in words(page)
    assert "Change plan or seats" not in words(page)
    client.post("/subscription/keep", sent(page))
    subscription.refresh_from_db()
    assert (subscription.cancel_at_period_end, subscription.status) == (False, "active")
    assert "Your subscription goes on." in words(client.get("/subscription"))


def test_what_was_billed_ahead_is_credited_and_said_before() -> None:
    subscription = started(price(), "2026-06-01 00:00", payment_terms_days=60)
    on(subscription, "2026-06-25 00:00")
    ahead = invoices(subscription)[1]
    with time_machine.travel(at("2026-06-26 12:00"), tick=False):
        client = browser(subscription.tenant)
        asked = client.get("/subscription/cancel")
        assert f"$58.00 billed ahead is credited {ahead.number} for July 1 to 31, 2026 asks for nothing" in words(asked)
        client.post("/subscription/cancel", sent(asked, when="period_end"))
        assert open_sums(subscription) == [5_800, 0]
        told = words(client.get("/subscription"))
        assert "Then July 1 to 31, 2026 is billed again: $58.00." in told
        keep_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-26 13:00"))
    assert open_sums(subscription) == [5_800, 0, 5_800]


def test_what_was_paid_ahead_becomes_credit_and_the_page_says_so() -> None:
    subscription = started(price(), "2026-06-01 00:00", payment_terms_days=60)
    on(subscription, "2026-06-25 00:00")
    pay(invoices(subscription)[1], "2026-06-25 12:00")
    with time_machine.travel(at("2026-06-26 12:00"), tick=False):
        client = browser(subscription.tenant)
        asked = client.get("/subscription/cancel")
        assert "is paid: it becomes your credit." in words(asked)
        client.post("/subscription/cancel", sent(asked, when="now"))
        told = words(client.get("/subscription"))
    assert credit_of(subscription.tenant) == 5_800
    assert "Subscription Canceled Professional, 2 seats · ended June 26, 2026" in told
    assert "Choose a plan to start again." in told


def test_an_old_page_never_ends_a_new_subscription() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    client = browser(subscription.tenant)
    old = sent(client.get("/subscription/cancel"), when="now")
    cancel_subscription(subscription_id=subscription.id, at_period_end=False, actor=SYSTEM, now=at("2026-06-10 00:00"))
    new = started(price(), "2026-06-10 01:00", tenant=subscription.tenant)
    client.post("/subscription/cancel", old)
    new.refresh_from_db()
    assert new.status == "active"
    assert "That page was about another subscription." in words(client.get("/subscription"))


@pytest.mark.parametrize(
    ("reason", "said"),
    [("4242 4242 4242 4242", "This looks like a card number."), ("two\nlines", "Write one line of text.")],
)
def test_a_reason_is_one_line_and_no_card_number(reason: str, said: str) -> None:
    subscription = started(price(), "2026-06-01 00:00")
    client = browser(subscription.tenant)
    form = sent(client.get("/subscription/cancel"), when="now", reason=reason)
    assert said in words(client.post("/subscription/cancel", form))
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_a_pause_says_what_can_be_used_and_what_going_on_costs() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    client = browser(subscription.tenant)
    asked = client.get("/subscription/pause")
    assert "What is paid for can be used until July 1, 2026" in words(asked)
    client.post("/subscription/pause", sent(asked, reason="Holidays"))
    told = words(client.get("/subscription"))
    assert "Paused since June 10, 2026 Nothing is billed. What is paid for can be used until July 1, 2026." in told
    assert "Paused “Holidays” Jun 10, 12:00 UTC · by you" in told
    with time_machine.travel(at("2026-07-20 12:00"), tick=False):
        client = browser(subscription.tenant)
        page = client.get("/subscription")
        assert "A new period begins when you resume: $58.00, tax included. Resume for $58.00" in words(page)
        client.post("/subscription/resume", sent(page))
        subscription.refresh_from_db()
        assert (subscription.status, subscription.period_start) == ("active", at("2026-07-20 12:00"))
        assert len(invoices(subscription)) == 2
        assert "Resumed Jul 20, 12:00 UTC · by you" in words(client.get("/subscription"))


def test_what_is_overdue_leads_to_the_invoice_and_says_until_when_it_goes_on() -> None:
    subscription = started(price(), "2026-05-01 00:00", payment_terms_days=30)
    on(subscription, "2026-06-10 00:00")
    told = seen(subscription)
    assert "Subscription Past due" in told
    assert "If it is not paid by June 21, 2026, your subscription stops." in told
    assert f"Open {invoices(subscription)[0].number}" in told
    with time_machine.travel(at("2026-06-30 12:00"), tick=False):
        on(subscription, "2026-06-30 00:00")
        told = seen(subscription)
        assert "Your subscription has stopped: an invoice was not paid in time" in told
        assert "Pay what is overdue, and it goes on by itself." in told


def test_a_paused_or_ending_subscription_is_not_changed_and_says_what_comes_first() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    client = browser(subscription.tenant)
    cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-10 00:00"))
    assert "It can't be changed before this is settled. Your subscription ends on July 1, 2026" in words(
        client.get("/subscription/change?seats=9")
    )
    keep_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-10 01:00"))
    pause_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-10 02:00"))
    page = client.get("/subscription/change?seats=9")
    assert "Paused since June 10, 2026" in words(page)
    assert 'action="/subscription/resume"' in page.content.decode()


def test_the_history_holds_every_change_newest_first() -> None:
    small, _ = two_plans()
    subscription = started(small, "2026-06-01 00:00", seats=4)
    change(subscription, "2026-06-05 00:00", seats=6)
    change(subscription, "2026-06-08 00:00", plan_code="big")
    told = seen(subscription)
    order = [
        "Changed to Professional, monthly, 6 seats Was Professional, monthly, 6 seats.",
        "Was Professional, monthly, 4 seats.",
        "Subscription started",
    ]
    places = [told.index(each) for each in order]
    assert places == sorted(places)


def test_it_takes_as_many_queries_for_a_long_history_as_for_a_short_one() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    client = browser(subscription.tenant)
    client.get("/subscription")
    few = queries_of(client, "/subscription")
    for seats in (3, 4, 5, 6):
        change(subscription, f"2026-06-0{seats} 00:00", seats=seats)
    assert queries_of(client, "/subscription") <= few + 1
    assert few <= 25, few


def test_nobody_elses_is_shown() -> None:
    started(price(), "2026-06-01 00:00", seats=77)
    other = started(price(), "2026-06-01 00:00", tenant=world.tenant())
    assert "77 seats" not in seen(other)
