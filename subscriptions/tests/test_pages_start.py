"""Choosing a plan and starting: prices side by side, the first invoice as a sum, and one subscription however often."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine

from billing_portal.tests import world
from billing_portal.tests.reading import words
from billing_portal.tests.world import SYSTEM, at
from payments.models import Invoice
from subscriptions.actions.ending import cancel_subscription
from subscriptions.models import Subscription
from subscriptions.tests.pages_world import browser, sent
from subscriptions.tests.plan_world import price, started

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("june")]
START = "/subscription/start?plan=pro&cycle=monthly"


@pytest.fixture
def june() -> Iterator[None]:
    with time_machine.travel(at("2026-06-10 12:00"), tick=False):
        yield


def test_the_plans_stand_side_by_side_in_the_tenants_currency() -> None:
    price(1_900, yearly=19_000, code="pro", included=500, trial_days=14)
    price(900, yearly=9_000, code="euro", currency="eur")
    price(5_000, code="big", least=10)
    price(100, code="secret", tenant=world.tenant())
    client = browser(world.tenant(currency="usd"))
    told = words(client.get("/subscription"))
    assert "Choose a plan" in told
    assert "Monthly Yearly, 17% less" in told
    assert "Professional $19.00 a seat and month" in told
    assert "Outbound included 500 min Each minute beyond $0.012 Inbound no limit Toll-free minute $0.018" in told
    assert "Starts at 10 seats" in told and "Trial 14 days" in told
    assert "€" not in told and "$1.00" not in told
    page = client.get("/subscription?cycle=yearly").content.decode()
    assert "/subscription/start?plan=pro&amp;cycle=yearly" in page


def test_who_reads_alone_sees_prices_and_no_button() -> None:
    price(1_900, code="pro")
    page = browser(world.tenant(), "viewer").get("/subscription")
    assert "$19.00" in words(page) and "/subscription/start" not in page.content.decode()


def test_it_starts_once_by_invoice_for_what_was_shown() -> None:
    price(2_900, code="pro")
    tenant = world.tenant(tax_name="Sales tax", tax_percent=Decimal("6.25"), payment_terms_days=30)
    client = browser(tenant)
    page = client.get(f"{START}&seats=12")
    told = words(page)
    assert "Invoiced now, due Jul 10, 2026 $369.75" in told
    assert "Professional, 12 seats, monthly June 10 to July 9, 2026 $348.00 Sales tax 6.25% on $348.00 $21.75" in told
    assert "It renews each month, next on July 10, 2026" in told
    assert "By invoice Check or wire, within 30 days." in told
    form = sent(page, pay_with="")
    answers = [client.post("/subscription/start", form) for _ in range(2)]
    assert {each.headers["Location"] for each in answers} == {"/subscription"}
    subscription, invoice = Subscription.objects.get(), Invoice.objects.get()
    assert (subscription.status, subscription.engine, invoice.total_minor) == ("active", "invoice", 36_975)
    assert "You are on Professional now." in words(client.get("/subscription"))


def test_a_form_that_was_sent_before_starts_no_second_one_after_the_first_has_ended() -> None:
    price(2_900, code="pro")
    client = browser(world.tenant())
    form = sent(client.get(START), pay_with="")
    client.post("/subscription/start", form)
    cancel_subscription(
        subscription_id=Subscription.objects.get().id, at_period_end=False, actor=SYSTEM, now=at("2026-06-10 12:00")
    )
    client.post("/subscription/start", form)
    assert Subscription.objects.count() == 1
    assert "has begun already" in words(client.get("/subscription"))


def test_a_trial_is_what_one_begins_with_and_is_had_once() -> None:
    price(2_900, code="pro", trial_days=14)
    tenant = world.tenant()
    client = browser(tenant)
    page = client.get(START)
    assert "Begin with a trial of 14 days" in words(page)
    assert "Trial until June 24, 2026 To pay today $0.00" in words(page)
    assert "Start the trial, free until June 24" in words(page)
    client.post("/subscription/start", sent(page, pay_with=""))
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.trial_end) == ("trialing", at("2026-06-24 12:00"))
    assert not Invoice.objects.exists()
    cancel_subscription(subscription_id=subscription.id, at_period_end=False, actor=SYSTEM, now=at("2026-06-10 12:00"))
    again = words(client.get(START))
    assert "Begin with a trial" not in again and "Start for $29.00" in again


def test_who_would_rather_pay_at_once_starts_without_the_trial() -> None:
    price(2_900, code="pro", trial_days=14)
    client = browser(world.tenant())
    client.post("/subscription/start", sent(client.get(f"{START}&begin=now"), pay_with=""))
    assert Subscription.objects.get().status == "active"


@pytest.mark.parametrize(
    ("seats", "said"),
    [
        ("9", "This plan starts at 10 seats."),
        ("many", "Write a whole number of seats"),
        ("0", "One seat at least."),
        ("999999", "No more than 100,000 seats"),
    ],
)
def test_seats_that_cant_be_are_told_at_their_field(seats: str, said: str) -> None:
    price(2_900, code="pro", least=10)
    client = browser(world.tenant())
    page = client.get(f"{START}&seats={seats}")
    assert said in words(page) and 'name="shown"' not in page.content.decode()
    part = client.get(f"{START}&seats={seats}", headers={"HX-Request": "true"})
    assert said in words(part) and "<html" not in part.content.decode()
    assert 'hx-swap-oob="true"' in part.content.decode()


def test_a_plan_that_is_not_paid_by_invoice_is_not_started_here() -> None:
    price(2_900, code="pro", by_invoice=False)
    client = browser(world.tenant())
    told = words(client.get(START))
    assert "This plan can't be started here." in told
    client.post("/subscription/start", {"plan": "pro", "cycle": "monthly", "seats": 1, "shown": 2_900, "after": ""})
    assert not Subscription.objects.exists()


def test_what_costs_something_else_by_now_is_shown_again_and_not_started() -> None:
    price(2_900, code="pro")
    client = browser(world.tenant())
    form = sent(client.get(START), pay_with="")
    price(3_900, code="pro")
    told = words(client.post("/subscription/start", form))
    assert "What it costs has changed since you opened this page. Nothing was started." in told
    assert "Start for $39.00" in told
    assert not Subscription.objects.exists()


def test_a_plan_that_is_unknown_or_anothers_leads_back_to_the_plans() -> None:
    price(100, code="secret", tenant=world.tenant())
    client = browser(world.tenant())
    for plan in ("secret", "none", ""):
        assert client.get(f"/subscription/start?plan={plan}").headers["Location"] == "/subscription"


def test_who_has_one_is_led_to_it() -> None:
    subscription = started(price(code="pro"), "2026-06-01 00:00")
    assert browser(subscription.tenant).get(START).headers["Location"] == "/subscription"
