"""What is told before a period begins names what was agreed to for it: by PayPal, and on our own invoices."""

from __future__ import annotations

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing_portal.notices.tasks import deliver_outbox
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.world import SYSTEM, at
from subscriptions.actions.changing import Wish
from subscriptions.actions.directing import change
from subscriptions.actions.reminding import remind
from subscriptions.models import Plan
from subscriptions.tests.plan_world import price, started
from subscriptions.tests.revised import Revised

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def reminded(part: str) -> str:
    """The one mail whose subject holds this."""
    remind(timezone.now())
    for _ in range(2):  # a mail is written by the handler of another message
        deliver_outbox()
    (found,) = [each for each in mail.outbox if part in each.subject]
    return str(found.body).replace("\N{NO-BREAK SPACE}", " ")


def test_before_a_trial_ends_it_is_told_what_was_agreed_to(
    moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client
) -> None:
    life = Revised(paypal, owner, moment, trialDays=14)
    Plan.objects.filter(code="big").update(name="Enterprise")
    life.on("2026-06-05 00:00")
    life.asks(planType="big", billingCycle="yearly", seats=3)
    life.agrees()
    life.on("2026-06-13 00:00")
    told = reminded("trial ends")
    assert life.terms() == ("small", 2)
    assert "Your trial of Professional ends on June 15, 2026." in told
    assert "From then on it is Enterprise: $750.00 a year for 3 seats." in told


def test_before_a_year_renews_it_is_told_what_was_agreed_to(
    moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client
) -> None:
    life = Revised(paypal, owner, moment)
    Plan.objects.filter(code="big").update(name="Enterprise")
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    life.on("2026-07-01 00:00")
    life.asks(planType="big", billingCycle="monthly", seats=3)
    life.agrees()
    life.on("2027-06-15 00:00")
    assert life.terms() == ("small", 2)
    told = reminded("renews")
    assert "Your subscription, Enterprise with 3 seats, renews on July 1, 2027 for $75.00." in told


def test_before_a_year_of_our_own_invoices_renews_it_is_told_what_was_agreed_to(moment: time_machine.Traveller) -> None:
    yearly = price().version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2026-06-01 00:00", seats=5)
    moment.move_to(at("2027-05-10 00:00"))
    wish = Wish(None, None, 2, when="period_end")
    change(subscription_id=subscription.id, wish=wish, actor=SYSTEM, now=timezone.now())
    told = reminded("renews")
    assert "with 2 seats, renews on June 1, 2027 for $580.00." in told


def test_before_months_turn_into_a_year_it_is_told(moment: time_machine.Traveller) -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    remind(at("2026-06-02 00:00"))
    moment.move_to(at("2026-06-03 00:00"))
    wish = Wish(None, "yearly", None, when="period_end")
    change(subscription_id=subscription.id, wish=wish, actor=SYSTEM, now=timezone.now())
    told = reminded("renews")
    assert "with 2 seats, renews on July 1, 2026 for $580.00. That pays for a year." in told


def test_other_terms_that_are_agreed_to_after_it_was_told_are_told_too(moment: time_machine.Traveller) -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    for day, seats in ((3, 2), (4, 1)):
        moment.move_to(at(f"2026-06-0{day} 00:00"))
        wish = Wish(None, "yearly", seats, when="period_end")
        change(subscription_id=subscription.id, wish=wish, actor=SYSTEM, now=timezone.now())
        for _ in range(2):
            remind(timezone.now())
            deliver_outbox()
    told = [each.body.replace("\N{NO-BREAK SPACE}", " ") for each in mail.outbox if "renews" in each.subject]
    assert len(told) == 2 and "with 2 seats, " in told[0] and "with 1 seat, " in told[1], told
