"""Seats, plan and cycle of a subscription that is paid by invoice: shown first, and then just that."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing_portal.kit.errors import BillingError
from billing_portal.tests import world
from billing_portal.tests.world import SYSTEM, at
from payments.errors import PaymentInProgress
from payments.models import CreditNote
from subscriptions import queries
from subscriptions.actions import changing
from subscriptions.actions.changing import Wish
from subscriptions.actions.ending import cancel_subscription, keep_subscription
from subscriptions.errors import (
    NothingChanges,
    NothingToCredit,
    NotWhileEnding,
    PreviewOutdated,
    SeatsFallAtRenewal,
    TooFewSeats,
    UnknownPlan,
)
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import (
    billed,
    change,
    credit_of,
    invoices,
    on,
    open_sums,
    pay,
    price,
    seats_of,
    started,
    two_plans,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def lines(invoice: object) -> list[tuple[str, int]]:
    return list(invoice.lines.order_by("position").values_list("title", "amount_minor"))  # type: ignore[attr-defined]


def try_to(subscription: Subscription, now: str, **wish: object) -> None:
    changing.change_subscription(subscription_id=subscription.id, wish=Wish(**wish), actor=SYSTEM, now=at(now))


# --- Seats ---


def test_more_seats_hold_at_once_and_cost_what_is_left_of_the_period() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    invoice = change(subscription, "2026-06-16 00:00", seats=5)
    assert invoice is not None
    assert (lines(invoice), invoice.billing_reason) == ([("Professional, 3 seats more", 4_350)], "change")
    assert (invoice.period_start, invoice.period_end) == (at("2026-06-16 00:00"), at("2026-07-01 00:00"))
    assert invoice.lines.get().derivation["secondsLeft"] * 2 == invoice.lines.get().derivation["periodSeconds"]
    assert seats_of(subscription, "2026-06-16 00:00") == 5
    on(subscription, "2026-06-25 00:00")
    assert billed(subscription)[-1] == ("Jul 1", "Aug 1", 14_500)


def test_by_the_second_and_rounded_half_up() -> None:
    subscription = started(price(1_000), "2026-06-01 00:00", seats=1)
    invoice = change(subscription, "2026-06-20 00:00", seats=2, when="now")
    assert invoice is not None and invoice.subtotal_minor == 367, "1,000 × 950,400 of 2,592,000 seconds is 366.67"
    invoice = change(subscription, "2026-06-30 23:59:59", seats=3)
    assert invoice is not None and invoice.subtotal_minor == 1_000, "July, and of June what rounds to nothing"


def test_fewer_seats_hold_from_the_next_period() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    assert change(subscription, "2026-06-10 00:00", seats=3) is None
    assert (subscription.pending_seats, subscription.pending_at) == (3, at("2026-07-01 00:00"))
    on(subscription, "2026-06-25 00:00")
    assert billed(subscription) == [("Jun 1", "Jul 1", 14_500), ("Jul 1", "Aug 1", 8_700)]
    assert seats_of(subscription, "2026-06-30 23:59") == 5
    subscription = on(subscription, "2026-07-01 00:00")
    assert (seats_of(subscription, "2026-07-01 00:00"), subscription.pending_at) == (3, None)


def test_a_periods_paid_seats_never_fall() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    with pytest.raises(SeatsFallAtRenewal):
        try_to(subscription, "2026-06-10 00:00", seats=3, when="now")
    change(subscription, "2026-06-10 00:00", seats=3)
    change(subscription, "2026-06-12 00:00", seats=4)
    assert (seats_of(subscription, "2026-06-12 00:00"), subscription.pending_seats) == (5, 4)
    assert len(invoices(subscription)) == 1, "five are paid for"
    invoice = change(subscription, "2026-06-16 00:00", seats=6)
    assert invoice is not None and invoice.total_minor == 1_450, "one more than the five"
    assert subscription.pending_seats is None


def test_fewer_seats_are_taken_back() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    change(subscription, "2026-06-10 00:00", seats=3)
    assert change(subscription, "2026-06-11 00:00", seats=5) is None
    assert subscription.pending_at is None
    with pytest.raises(NothingChanges):
        try_to(subscription, "2026-06-12 00:00", seats=5)


def test_fewer_seats_when_the_next_period_is_billed_already() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    on(subscription, "2026-06-25 00:00")
    assert change(subscription, "2026-06-26 00:00", seats=3) is None
    assert open_sums(subscription) == [14_500, 8_700], "the open invoice asks for two seats less"
    subscription = on(subscription, "2026-07-25 00:00")
    assert seats_of(subscription, "2026-07-02 00:00") == 3
    assert billed(subscription)[-1] == ("Aug 1", "Sep 1", 8_700)


def test_what_was_paid_ahead_becomes_credit() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    on(subscription, "2026-06-25 00:00")
    pay(invoices(subscription)[1], "2026-06-25 12:00")
    change(subscription, "2026-06-26 00:00", seats=3)
    assert credit_of(subscription.tenant) == 5_800


def test_more_seats_when_the_next_period_is_billed_already_cost_that_too() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    on(subscription, "2026-06-25 00:00")
    invoice = change(subscription, "2026-06-26 00:00", seats=3)
    assert invoice is not None
    assert [line[1] for line in lines(invoice)] == [483, 2_900], "five days of thirty, and July"
    on(subscription, "2026-07-25 00:00")
    assert billed(subscription)[-1] == ("Aug 1", "Sep 1", 8_700)


def test_a_preview_before_the_hourly_task_has_come_by_holds() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=5)
    change(subscription, "2026-06-10 00:00", seats=3)
    on(subscription, "2026-06-25 00:00")
    assert seats_of(subscription, "2026-07-01 00:10") == 5, "July's three seats are not in force yet"
    invoice = change(subscription, "2026-07-01 00:10", seats=4)
    assert invoice is not None and [line[0] for line in lines(invoice)] == ["Professional, 1 seat more"]


# --- Plans ---


def test_a_bigger_plan_holds_at_once_and_a_smaller_one_from_the_next_period() -> None:
    small, _ = two_plans()
    subscription = started(small, "2026-06-01 00:00", seats=4)
    invoice = change(subscription, "2026-06-16 00:00", plan_code="big")
    assert invoice is not None
    assert lines(invoice) == [
        ("Unused time of Professional, 4 seats", -2_000),
        ("Remaining time of Professional, 4 seats", 5_000),
    ]
    assert change(subscription, "2026-06-20 00:00", plan_code="small") is None
    assert subscription.pending_price == small
    subscription = on(subscription, "2026-07-02 00:00")
    assert billed(subscription)[-1] == ("Jul 1", "Aug 1", 4_000)
    assert queries.current_terms(subscription, at("2026-07-01 00:00")).price == small


def test_a_smaller_plan_at_once_gives_the_rest_back_as_credit() -> None:
    _, big = two_plans()
    subscription = started(big, "2026-06-01 00:00", seats=4)
    pay(invoices(subscription)[0], "2026-06-02 00:00")
    assert change(subscription, "2026-06-16 00:00", plan_code="small", when="now") is None
    assert credit_of(subscription.tenant) == 3_000
    assert CreditNote.objects.get().effect == "credited"


def test_what_was_paid_elsewhere_cant_be_given_back_here() -> None:
    from subscriptions.actions.subscribing import start_subscription

    _, big = two_plans()
    subscription = start_subscription(
        tenant=world.tenant(),
        price=big,
        seats=2,
        actor=SYSTEM,
        now=at("2026-06-01 00:00"),
        billed_elsewhere_until=at("2026-06-30 00:00"),
    )
    with pytest.raises(NothingToCredit):
        try_to(subscription, "2026-06-16 00:00", plan_code="small", when="now")
    try_to(subscription, "2026-06-16 00:00", plan_code="small")


def test_from_monthly_to_yearly_a_year_begins_at_once() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    invoice = change(subscription, "2026-06-16 00:00", cycle="yearly")
    assert invoice is not None
    assert lines(invoice) == [
        ("Unused time of Professional, 2 seats", -2_900),
        ("Professional, 2 seats, yearly", 58_000),
    ]
    assert (subscription.period_start, subscription.period_end) == (at("2026-06-16 00:00"), at("2027-06-16 00:00"))
    on(subscription, "2027-06-10 00:00")
    assert billed(subscription)[-1] == ("Jun 16", "Jun 16", 58_000)


def test_from_yearly_to_monthly_when_the_year_is_over() -> None:
    yearly = price().version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2026-01-31 00:00", seats=2, payment_terms_days=365)
    assert change(subscription, "2026-06-16 00:00", cycle="monthly") is None
    on(subscription, "2027-03-25 00:00")
    assert billed(subscription)[1:] == [
        ("Jan 31", "Feb 28", 5_800),
        ("Feb 28", "Mar 31", 5_800),
        ("Mar 31", "Apr 30", 5_800),
    ]


def test_from_yearly_to_monthly_at_once_the_rest_of_the_year_is_credit_and_months_follow() -> None:
    yearly = price().version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2026-01-01 00:00", seats=2, payment_terms_days=365)
    pay(invoices(subscription)[0], "2026-01-02 00:00")
    assert change(subscription, "2026-07-02 12:00", cycle="monthly", when="now") is None
    assert credit_of(subscription.tenant) == 29_000 - 5_800, "half of the year, less the month that begins"
    on(subscription, "2026-08-01 00:00")
    assert billed(subscription)[1:] == [("Aug 2", "Sep 2", 5_800)]


def test_another_cycle_waits_for_the_end_of_what_is_billed() -> None:
    yearly = price().version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2026-06-01 00:00", seats=2, payment_terms_days=365)
    on(subscription, "2027-05-28 00:00")
    change(subscription, "2027-05-29 00:00", cycle="monthly")
    assert subscription.pending_at == at("2028-06-01 00:00")
    subscription = on(subscription, "2028-06-02 00:00")
    assert billed(subscription)[1:] == [("Jun 1", "Jun 1", 58_000), ("Jun 1", "Jul 1", 5_800)]


def test_another_cycle_that_is_billed_ahead_is_taken_back_and_the_year_is_billed_once() -> None:
    yearly = price().version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2026-06-01 00:00", seats=2, payment_terms_days=365)
    change(subscription, "2026-07-01 00:00", cycle="monthly")
    subscription = on(subscription, "2027-05-28 00:00")
    invoice = change(subscription, "2027-05-29 00:00", cycle="yearly", when="now")
    assert invoice is not None
    assert [amount for _, amount in lines(invoice)] == [-5_800, 58_000]
    assert subscription.billed_until == at("2028-06-01 00:00")
    subscription = on(subscription, "2028-05-20 00:00")
    assert billed(subscription)[1:] == [("Jun 1", "Jul 1", 5_800), ("May 29", "Jun 1", 52_200)]
    assert (subscription.period_start, subscription.period_end) == (at("2027-06-01 00:00"), at("2028-06-01 00:00"))


def test_more_seats_while_a_year_is_billed_ahead_give_that_year_back_and_bill_the_month() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2, payment_terms_days=365)
    yearly = price().version.prices.get(billing_cycle="yearly")
    change(subscription, "2026-06-02 00:00", cycle="yearly", when="period_end")
    subscription = on(subscription, "2026-06-28 00:00")
    assert billed(subscription)[-1] == ("Jul 1", "Jul 1", 2 * yearly.per_seat_minor)
    change(subscription, "2026-06-28 00:00", seats=3, cycle="monthly", when="now")
    assert subscription.billed_until == at("2026-08-01 00:00")
    assert sum(open_sums(subscription)) == 2 * 2_900 + 290 + 3 * 2_900
    subscription = on(subscription, "2026-08-20 00:00")
    assert billed(subscription)[-1] == ("Aug 1", "Sep 1", 3 * 2_900)


def test_from_yearly_to_monthly_at_once_the_months_are_billed_while_the_year_was_given_back() -> None:
    yearly = price().version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2026-06-01 00:00", seats=2, payment_terms_days=365)
    change(subscription, "2026-07-01 00:00", cycle="monthly", when="now")
    subscription = on(subscription, "2026-08-20 00:00")
    assert billed(subscription)[1:] == [("Aug 1", "Sep 1", 5_800)]
    assert sum(open_sums(subscription)) == round(58_000 * 30 / 365) + 2 * 5_800


def test_more_seats_of_a_year_that_is_billed_ahead_cost_what_is_added_to_it() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2, payment_terms_days=365)
    change(subscription, "2026-06-02 00:00", cycle="yearly", when="period_end")
    subscription = on(subscription, "2026-06-28 00:00")
    invoice = change(subscription, "2026-06-28 00:00", seats=3, cycle="yearly", when="period_end")
    assert invoice is not None
    assert [amount for _, amount in lines(invoice)] == [29_000]
    assert (subscription.pending_at, subscription.billed_until) == (at("2026-07-01 00:00"), at("2027-07-01 00:00"))
    subscription = on(subscription, "2026-07-02 00:00")
    assert (seats_of(subscription, "2026-07-02 00:00"), subscription.period_end) == (3, at("2027-07-01 00:00"))


def test_who_is_on_an_old_version_stays_on_it_and_a_new_plan_comes_in_its_newest() -> None:
    small, _ = two_plans()
    subscription = started(small, "2026-06-01 00:00", seats=1)
    price(1_500, yearly=15_000, code="small")
    newest = price(9_000, yearly=90_000, code="big")
    change(subscription, "2026-06-16 00:00", seats=2)
    assert queries.current_terms(subscription, at("2026-06-16 00:00")).price == small
    change(subscription, "2026-06-17 00:00", plan_code="big")
    assert queries.current_terms(subscription, at("2026-06-17 00:00")).price == newest


def test_what_was_agreed_with_a_tenant_comes_before_what_everybody_gets() -> None:
    small, _ = two_plans()
    subscription = started(small, "2026-06-01 00:00", seats=1)
    own = price(700, yearly=7_000, code="big", tenant=subscription.tenant)
    price(8_000, yearly=80_000, code="big")
    change(subscription, "2026-06-10 00:00", plan_code="big")
    assert subscription.pending_price == own, "it costs less, so from the next period"


def test_in_a_trial_everything_may_change_and_nothing_costs() -> None:
    small, _ = two_plans()
    trial = price(2_500, yearly=25_000, code="big", trial_days=14)
    subscription = started(trial, "2026-06-01 00:00", seats=4, trial_days=14)
    assert change(subscription, "2026-06-05 00:00", plan_code="small", seats=1) is None
    subscription = on(subscription, "2026-06-15 00:00")
    assert billed(subscription) == [("Jun 15", "Jul 15", 1_000)]
    assert queries.current_terms(subscription, at("2026-06-06 00:00")).price == small


def test_tax_is_on_what_a_change_costs_and_on_what_it_gives_back() -> None:
    _, big = two_plans()
    subscription = started(big, "2026-06-01 00:00", seats=4, tax_name="VAT", tax_percent=Decimal(19))
    pay(invoices(subscription)[0], "2026-06-02 00:00")
    change(subscription, "2026-06-16 00:00", plan_code="small", when="now")
    assert credit_of(subscription.tenant) == 3_570


# --- What is refused ---


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"seats": 2}, NothingChanges),
        ({"seats": 0}, TooFewSeats),
        ({"plan_code": "nothing"}, UnknownPlan),
        ({"plan_code": "other"}, UnknownPlan),
        ({"cycle": "yearly"}, UnknownPlan),
    ],
)
def test_what_cant_be_is_refused_and_named(wish: dict[str, object], error: type[BillingError]) -> None:
    subscription = started(price(yearly=0), "2026-06-01 00:00", seats=2)
    price(100, code="other", tenant=world.tenant())
    with pytest.raises(error):
        try_to(subscription, "2026-06-10 00:00", **wish)
    assert len(invoices(subscription)) == 1


def test_a_preview_that_was_overtaken_changes_nothing() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    now = at("2026-06-10 00:00")
    shown = changing.preview_change(subscription_id=subscription.id, wish=Wish(seats=3), actor=SYSTEM, now=now)
    change(subscription, "2026-06-10 00:01", seats=4)
    with pytest.raises(PreviewOutdated):
        changing.change_subscription(
            subscription_id=subscription.id, wish=Wish(seats=3), actor=SYSTEM, now=now, instant=now, state=shown.state
        )
    assert seats_of(subscription, "2026-06-11 00:00") == 4


def test_a_preview_leaves_nothing_behind() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    changing.preview_change(
        subscription_id=subscription.id, wish=Wish(seats=3), actor=SYSTEM, now=at("2026-07-10 00:00")
    )
    subscription.refresh_from_db()
    assert (len(invoices(subscription)), subscription.period_end) == (1, at("2026-07-01 00:00"))


# --- Canceled, and taken back ---


def test_canceled_at_the_periods_end_it_is_not_billed_again() -> None:
    subscription = started(price(), "2026-06-01 00:00")
    cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-10 00:00"))
    with pytest.raises(NotWhileEnding):
        try_to(subscription, "2026-06-11 00:00", seats=9)
    subscription = on(subscription, "2026-07-02 00:00")
    assert (subscription.status, subscription.ended_at) == ("canceled", at("2026-07-01 00:00"))
    assert len(invoices(subscription)) == 1


def test_the_next_periods_invoice_is_credited_and_billed_again_when_that_is_taken_back() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    on(subscription, "2026-06-25 00:00")
    change(subscription, "2026-06-26 00:00", seats=3)
    for _ in range(2):
        cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-27 00:00"))
        assert sum(open_sums(subscription)) == 5_800 + 483, "June, and what was added of it"
        keep_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-28 00:00"))
        assert sum(open_sums(subscription)) == 5_800 + 483 + 8_700
    on(subscription, "2026-07-26 00:00")
    assert billed(subscription)[-1] == ("Aug 1", "Sep 1", 8_700)


def test_what_was_paid_of_the_next_period_becomes_credit() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    on(subscription, "2026-06-25 00:00")
    clerk = world.user(staff=True)
    from payments.tests.offline_world import verify_check

    ahead = invoices(subscription)[1]
    verify_check(world.check_for(subscription.tenant, 2_000, clerk, invoice=ahead, now=at("2026-06-26 00:00")))
    cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-27 00:00"))
    assert (open_sums(subscription), credit_of(subscription.tenant)) == ([5_800, 0], 2_000)


def test_a_payment_that_is_under_way_stands_in_the_way(stripe: object) -> None:
    from payments.actions.charging import start_payment
    from payments.actions.opening import MethodChoice

    subscription = started(price(), "2026-06-01 00:00", seats=2)
    on(subscription, "2026-06-25 00:00")
    start_payment(
        tenant=subscription.tenant,
        amount=invoices(subscription)[1].total,
        choice=MethodChoice("card", method_ref="pm_card_authenticationRequired"),
        actor=SYSTEM,
        now=at("2026-06-26 00:00"),
        invoice_id=invoices(subscription)[1].id,
    )
    from payments.models import Payment

    Payment.objects.update(status="processing")
    try:
        with pytest.raises(PaymentInProgress):
            cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-06-27 00:00"))
    finally:
        Payment.objects.update(status="requires_action")


def test_canceled_at_once_nothing_more_is_used_or_billed() -> None:
    subscription = started(price(), "2026-06-01 00:00", seats=2)
    now = at("2026-06-10 00:00")
    for _ in range(2):
        ended = cancel_subscription(
            subscription_id=subscription.id, at_period_end=False, reason="Too dear", actor=SYSTEM, now=now
        )
        assert (ended.status, ended.ended_at, ended.cancel_reason) == ("canceled", now, "Too dear")
    on(subscription, "2026-09-10 00:00")
    assert len(invoices(subscription)) == 1
