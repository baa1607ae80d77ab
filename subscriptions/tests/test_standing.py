"""Paused and resumed, overdue and paid: what a subscription that is paid by invoice goes through."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from billing_portal.notices import outbox
from billing_portal.tests.world import SYSTEM, at
from payments.tests.offline_world import returned
from subscriptions import tasks
from subscriptions.actions.ending import cancel_subscription
from subscriptions.actions.pausing import pause_subscription, resume_subscription
from subscriptions.errors import NotSubscribed, NotWhileEnding, NotWhileUnpaid
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import (
    billed,
    change,
    credit_of,
    invoices,
    moves,
    on,
    open_sums,
    pay,
    price,
    started,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def paused(subscription: Subscription, now: str) -> Subscription:
    return pause_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at(now))


def resumed(subscription: Subscription, now: str) -> Subscription:
    return resume_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at(now))


def subjects(now: str) -> list[str]:
    """Of the mails that are written by then; those of one run leave in no order."""
    for _ in range(3):  # a mail is written by the handler of another message
        outbox.deliver_due(at(now))
    return [each.subject for each in mail.outbox]


# --- Paused ---


def test_while_it_is_paused_nothing_is_billed_and_it_goes_on_with_a_period_of_its_own() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    for _ in range(2):
        assert paused(subscription, "2026-06-10 00:00").status == "paused"
    on(subscription, "2026-09-10 00:00")
    assert len(invoices(subscription)) == 1
    subscription = resumed(subscription, "2026-09-12 15:00")
    assert billed(subscription)[1:] == [("Sep 12", "Oct 12", 5_800)]
    assert (subscription.period_start, subscription.period_end) == (at("2026-09-12 15:00"), at("2026-10-12 00:00"))
    on(subscription, "2026-10-12 00:00")
    assert billed(subscription)[2:] == [("Oct 12", "Nov 12", 5_800)]
    assert moves(subscription)[:3] == ["active", "paused", "active"]


def test_resumed_within_its_period_it_is_as_before() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    paused(subscription, "2026-06-10 00:00")
    subscription = resumed(subscription, "2026-06-20 00:00")
    on(subscription, "2026-06-25 00:00")
    assert billed(subscription) == [("Jun 1", "Jul 1", 5_800), ("Jul 1", "Aug 1", 5_800)]


def test_the_next_periods_invoice_is_credited_by_a_pause_and_billed_again_after_it() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    pay(invoices(subscription)[0], "2026-06-02 00:00")
    on(subscription, "2026-06-25 00:00")
    paused(subscription, "2026-06-26 00:00")
    assert open_sums(subscription) == [0, 0]
    resumed(subscription, "2026-06-27 00:00")
    assert open_sums(subscription) == [0, 0, 5_800]
    on(subscription, "2026-07-02 00:00")
    assert len(invoices(subscription)) == 3


def test_what_was_agreed_for_the_next_period_holds_when_it_goes_on() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    change(subscription, "2026-06-05 00:00", seats=2)
    paused(subscription, "2026-06-10 00:00")
    resumed(subscription, "2026-08-01 00:00")
    assert billed(subscription)[-1] == ("Aug 1", "Sep 1", 5_800)


def test_a_trial_that_is_paused_goes_on_until_its_day() -> None:
    subscription = started(price(trial_days=14), "2026-06-01 00:00", trial_days=14)
    paused(subscription, "2026-06-05 00:00")
    assert resumed(subscription, "2026-06-10 00:00").status == "trialing"
    paused(subscription, "2026-06-11 00:00")
    subscription = resumed(subscription, "2026-07-01 00:00")
    assert (subscription.status, billed(subscription)) == ("active", [("Jul 1", "Aug 1", 5_800)])


def test_what_ends_or_has_ended_is_not_paused() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-02 00:00"))
    with pytest.raises(NotWhileEnding):
        paused(subscription, "2026-06-03 00:00")
    on(subscription, "2026-07-02 00:00")
    for act in (paused, resumed):
        with pytest.raises(NotSubscribed):
            act(subscription, "2026-07-03 00:00")


# --- Overdue ---


def test_overdue_it_is_past_due_with_access_then_on_hold_and_active_when_it_is_paid(settings: Any) -> None:
    subscription = started(price(), "2026-06-01 00:00")
    assert on(subscription, "2026-06-15 00:00").status == "active"
    assert on(subscription, "2026-06-15 01:00").status == "past_due"
    assert on(subscription, "2026-07-05 23:00").status == "past_due"
    subscription = on(subscription, "2026-07-06 01:00")
    assert subscription.status == "unpaid"
    assert billed(subscription) == [("Jun 1", "Jul 1", 5_800), ("Jul 1", "Aug 1", 5_800)]
    on(subscription, "2026-08-20 00:00")
    assert len(billed(subscription)) == 2, "on hold, nothing more is billed"
    with pytest.raises(NotWhileUnpaid):
        paused(subscription, "2026-08-20 00:00")
    for invoice in invoices(subscription):
        pay(invoice, "2026-08-21 00:00")
    assert "Your subscription goes on" in subjects("2026-08-21 00:01")
    subscription.refresh_from_db()
    assert moves(subscription) == ["active", "past_due", "unpaid", "active"]
    assert billed(subscription)[-1] == ("Aug 21", "Sep 21", 5_800)


def test_paid_while_a_period_runs_that_was_billed_it_goes_on_with_that_one() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    subscription = on(subscription, "2026-07-10 00:00")
    assert subscription.status == "unpaid"
    for invoice in invoices(subscription):
        pay(invoice, "2026-07-11 00:00")
    subscription = on(subscription, "2026-07-11 00:00")
    assert (subscription.status, subscription.period_end) == ("active", at("2026-08-01 00:00"))
    assert len(invoices(subscription)) == 2


def test_where_the_installation_says_so_it_ends_when_it_stays_unpaid(settings: Any) -> None:
    settings.PAST_DUE_ENDS_IN = "canceled"
    subscription = started(price(), "2026-06-01 00:00")
    on(subscription, "2026-06-25 00:00")
    subscription = on(subscription, "2026-07-06 01:00")
    assert (subscription.status, open_sums(subscription)) == ("canceled", [5_800, 5_800]), "July had begun"


def test_a_check_that_bounces_makes_it_past_due_at_once() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    pay(invoices(subscription)[0], "2026-06-10 00:00")
    assert on(subscription, "2026-06-20 00:00").status == "active"
    returned(invoices(subscription)[0].payments.get(), now=at("2026-06-21 00:00"))
    subjects("2026-06-21 00:01")
    subscription.refresh_from_db()
    assert (subscription.status, credit_of(subscription.tenant)) == ("past_due", 0)


# --- Mails ---


def test_each_turn_is_told_once() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    for _ in range(2):
        on(subscription, "2026-06-16 00:00")
    pay(invoices(subscription)[0], "2026-06-17 00:00")
    subjects("2026-06-17 00:01")
    for _ in range(2):
        paused(subscription, "2026-06-18 00:00")
    resumed(subscription, "2026-06-19 00:00")
    for _ in range(2):
        cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-20 00:00"))
    on(subscription, "2026-07-01 00:00")
    told = [each for each in subjects("2026-07-01 00:01") if "ubscription" in each]
    assert sorted(told) == [  # those that leave at the same instant have no order
        "An invoice of your subscription is overdue",
        "Your subscription ends on July\xa01,\xa02026",
        "Your subscription goes on",
        "Your subscription has ended",
        "Your subscription is paused",
    ]


def test_the_clock_sees_to_all_and_one_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    import time_machine

    first, second = (started(price(), "2026-06-01 00:00") for _ in range(2))
    Subscription.objects.filter(id=first.id).update(currency="xxx")  # as nobody foresaw
    with time_machine.travel(at("2026-06-25 00:00"), tick=False):
        assert tasks.renew_due() >= 1
    assert len(invoices(second)) == 2
    Subscription.objects.filter(id=first.id).update(currency="usd")


def test_a_trial_that_ends_and_a_year_that_renews_are_told_before_and_once() -> None:
    from subscriptions.actions.reminding import remind

    trial = started(price(trial_days=14), "2026-06-01 00:00", trial_days=14)
    yearly = started(price().version.prices.get(billing_cycle="yearly"), "2025-07-01 00:00", seats=2)
    pay(invoices(yearly)[0], "2025-07-02 00:00")
    started(price(), "2026-05-20 00:00")
    for day in ("2026-06-01", "2026-06-11", "2026-06-12", "2026-06-13"):
        remind(at(f"{day} 12:00"))
    told = [each for each in subjects("2026-06-13 12:01") if "trial" in each or "renews" in each]
    assert sorted(told) == [  # how they are sent, several may leave at the same instant
        "Your subscription renews on July\xa01,\xa02026",
        "Your trial ends on June\xa015,\xa02026",
    ]
    (renewal,) = [each for each in mail.outbox if "renews" in each.subject]
    assert "$580.00" in renewal.body and trial.status == "trialing"


def test_a_renewal_is_told_with_what_was_agreed_for_it() -> None:
    from subscriptions.actions.reminding import remind

    yearly = started(price().version.prices.get(billing_cycle="yearly"), "2025-07-01 00:00", seats=3)
    pay(invoices(yearly)[0], "2025-07-02 00:00")
    change(yearly, "2026-05-20 00:00", seats=1)
    remind(at("2026-06-11 12:00"))
    subjects("2026-06-11 12:01")
    (renewal,) = [each.body.replace("\xa0", " ") for each in mail.outbox if "renews" in each.subject]
    assert "with 1 seat, renews on July 1, 2026 for $290.00." in renewal
