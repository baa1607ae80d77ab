"""Periods that are billed before they begin: they never drift, overlap, or are billed twice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing_portal.tests import world
from billing_portal.tests.world import SYSTEM, at
from payments.models import Invoice
from subscriptions.actions import billing, moving, renewing
from subscriptions.actions.subscribing import start_subscription
from subscriptions.errors import NotByInvoice, TrialTooLong, TrialUsed, UnknownPlan
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import billed, credit_of, invoices, moves, on, open_sums, pay, price, started

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def test_the_first_period_is_billed_at_once() -> None:
    subscription = started(price(), "2026-01-31 14:30", seats=3)
    (invoice,) = invoices(subscription)
    line = invoice.lines.get()
    assert (invoice.kind, invoice.billing_reason, invoice.total_minor) == ("subscription", "period", 8_700)
    assert (invoice.period_start, invoice.period_end) == (at("2026-01-31 14:30"), at("2026-02-28 00:00"))
    assert (line.title, line.quantity, line.unit_amount, line.unit) == (
        "Professional, 3 seats, monthly",
        3,
        2_900,
        "seat",
    )
    assert line.derivation["perSeat"] == "2900"
    assert invoice.due_at == at("2026-02-14 14:30"), "on the tenant's usual terms"


def test_a_year_from_the_31st_of_january() -> None:
    subscription = started(price(), "2026-01-31 00:00")
    day = at("2026-01-31 00:00")
    while day < at("2027-01-31 12:00"):
        on(subscription, day)
        for invoice in invoices(subscription):
            if invoice.status == "open":
                pay(invoice, f"{day:%Y-%m-%d %H:%M}")
        day += timedelta(days=1)
    spans = billed(subscription)
    assert [span[:2] for span in spans] == [
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
        ("Jan 31", "Feb 28"),
    ]
    assert {span[2] for span in spans} == {5_800}
    assert moves(subscription) == ["active"]


def test_a_leap_day_comes_back_every_four_years() -> None:
    yearly = price().version.prices.get(billing_cycle="yearly")
    subscription = started(yearly, "2024-02-29 00:00", seats=1)
    on(subscription, "2028-03-01 00:00")
    assert [
        (each.period_start.date().isoformat(), each.period_end.date().isoformat()) for each in invoices(subscription)
    ] == [
        ("2024-02-29", "2025-02-28"),
        ("2025-02-28", "2026-02-28"),
        ("2026-02-28", "2027-02-28"),
        ("2027-02-28", "2028-02-29"),
        ("2028-02-29", "2029-02-28"),
    ]


def test_the_next_period_is_billed_some_days_before_and_once(settings: object) -> None:
    subscription = started(price(), "2026-03-10 00:00")
    on(subscription, "2026-04-02 23:59")
    assert len(invoices(subscription)) == 1
    for hour in ("00:00", "01:00", "02:00"):
        subscription = on(subscription, f"2026-04-03 {hour}")
    assert billed(subscription)[1:] == [("Apr 10", "May 10", 5_800)]
    assert (subscription.period_end, subscription.billed_until) == (at("2026-04-10 00:00"), at("2026-05-10 00:00"))
    subscription = on(subscription, "2026-04-10 00:00")
    assert (subscription.period_start, subscription.period_end) == (at("2026-04-10 00:00"), at("2026-05-10 00:00"))


def test_a_worker_that_was_away_for_months_bills_each_period_as_its_own() -> None:
    subscription = started(price(), "2026-01-31 00:00", payment_terms_days=365)
    on(subscription, "2026-05-15 00:00")
    assert [span[:2] for span in billed(subscription)] == [
        ("Jan 31", "Feb 28"),
        ("Feb 28", "Mar 31"),
        ("Mar 31", "Apr 30"),
        ("Apr 30", "May 31"),
    ]


def test_periods_end_at_midnight_where_the_tenant_is() -> None:
    subscription = started(price(), "2026-03-01 05:00", time_zone="America/New_York")
    on(subscription, "2026-04-20 00:00")
    ends = [each.period_end for each in invoices(subscription)]
    assert ends == [at("2026-04-01 04:00"), at("2026-05-01 04:00")], "by the clock of summer"


def test_a_tenant_that_moves_keeps_its_periods_without_a_gap() -> None:
    subscription = started(price(), "2026-01-15 10:00", time_zone="Europe/Berlin", payment_terms_days=365)
    on(subscription, "2026-02-10 00:00")
    tenant = subscription.tenant
    tenant.time_zone = "America/Los_Angeles"
    tenant.save()
    on(subscription, "2026-05-20 00:00")
    spans = [(each.period_start, each.period_end) for each in invoices(subscription)]
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert len(spans) == 5


def test_a_tenants_credit_pays_its_renewal() -> None:
    subscription = started(price(), "2026-03-10 00:00")
    clerk = world.user(staff=True)
    from payments.tests.offline_world import verify_check

    verify_check(world.check_for(subscription.tenant, 20_000, clerk, now=at("2026-03-11 00:00")))
    on(subscription, "2026-04-04 00:00")
    assert [each.status for each in invoices(subscription)] == ["open", "paid"]
    assert credit_of(subscription.tenant) == 20_000 - 5_800


def test_tax_is_on_top(settings: object) -> None:
    subscription = started(price(), "2026-03-10 00:00", tax_name="VAT", tax_percent=Decimal(19))
    assert open_sums(subscription) == [6_902]


def test_a_plan_without_a_price_bills_nothing_and_its_periods_go_on() -> None:
    subscription = started(price(0, yearly=0), "2026-03-10 00:00")
    subscription = on(subscription, "2026-06-20 00:00")
    assert invoices(subscription) == []
    assert (subscription.period_start, subscription.billed_until) == (at("2026-06-10 00:00"), at("2026-07-10 00:00"))


def test_who_paid_elsewhere_is_billed_from_the_period_after() -> None:
    tenant = world.tenant()
    subscription = start_subscription(
        tenant=tenant,
        price=price(),
        seats=2,
        actor=SYSTEM,
        now=at("2026-01-10 00:00"),
        billed_elsewhere_until=at("2026-03-20 00:00"),
    )
    on(subscription, "2026-04-01 00:00")
    assert invoices(subscription) == []
    on(subscription, "2026-04-04 00:00")
    assert billed(subscription) == [("Apr 10", "May 10", 5_800)]


# --- Trials ---


def test_a_trial_becomes_a_subscription_and_is_billed_then() -> None:
    subscription = started(price(trial_days=14), "2026-03-01 10:00", trial_days=14)
    assert (subscription.status, invoices(subscription)) == ("trialing", [])
    subscription = on(subscription, "2026-03-15 09:59")
    assert (subscription.status, invoices(subscription)) == ("trialing", [])
    subscription = on(subscription, "2026-03-15 10:00")
    assert moves(subscription) == ["trialing", "active"]
    assert billed(subscription) == [("Mar 15", "Apr 15", 5_800)]
    assert subscription.period_start == at("2026-03-15 10:00")
    on(subscription, "2026-04-16 00:00")
    assert billed(subscription)[1:] == [("Apr 15", "May 15", 5_800)]


def test_a_trial_that_is_canceled_costs_nothing() -> None:
    from subscriptions.actions.ending import cancel_subscription

    subscription = started(price(trial_days=14), "2026-03-01 10:00", trial_days=14)
    cancel_subscription(subscription_id=subscription.id, actor=SYSTEM, now=at("2026-03-05 00:00"))
    subscription = on(subscription, "2026-03-15 12:00")
    assert (subscription.status, subscription.ended_at) == ("canceled", at("2026-03-15 10:00"))
    assert invoices(subscription) == []


def test_one_trial_for_each_tenant_and_no_longer_than_the_plan_has() -> None:
    what = price(trial_days=14)
    subscription = started(what, "2026-03-01 10:00", trial_days=10)
    moving_on = on(subscription, "2026-03-20 00:00")
    from subscriptions.actions.ending import cancel_subscription

    cancel_subscription(subscription_id=moving_on.id, at_period_end=False, actor=SYSTEM, now=at("2026-03-21 00:00"))
    with pytest.raises(TrialUsed):
        started(what, "2026-04-01 00:00", trial_days=5, tenant=subscription.tenant)
    with pytest.raises(TrialTooLong) as refused:
        started(what, "2026-04-01 00:00", trial_days=15)
    assert refused.value.errors[0].field == "trialDays"
    with pytest.raises(TrialTooLong):
        started(price(), "2026-04-01 00:00", trial_days=1)


def test_calls_in_a_trial_are_counted_and_not_billed_beyond_the_allowance() -> None:
    subscription = started(price(0, yearly=0, trial_days=14), "2026-03-01 00:00", trial_days=14, seats=1)
    tenant = subscription.tenant
    world.call(tenant, 500, at("2026-03-10 12:00"))
    world.call(tenant, 300, at("2026-03-20 12:00"))
    on(subscription, "2026-03-25 00:00")
    closed = world.close(tenant, "2026-03", at("2026-04-02 00:00"))
    assert closed.invoice is not None
    (line,) = closed.invoice.lines.all()
    # 100 minutes a month, for the 17 days of 31 that were paid for.
    assert (line.quantity, line.derivation["coveredSeconds"]) == (Decimal("245.161290"), 17 * 86_400)


# --- What the database holds ---


def test_the_database_holds_that_a_period_is_billed_once() -> None:
    subscription = started(price(), "2026-03-10 00:00")
    with pytest.raises(IntegrityError, match="invoice_one_renewal_per_period"), transaction.atomic():
        locked = moving.locked(subscription.id)
        assert locked.period_start and locked.period_end
        billing.bill_period(
            locked, price(), 5, (locked.period_start, locked.period_end), actor=SYSTEM, now=at("2026-03-11 00:00")
        )
    assert Invoice.objects.count() == 1


def test_the_database_holds_one_trial_for_each_tenant() -> None:
    subscription = started(price(trial_days=14), "2026-03-01 10:00", trial_days=10)
    when = at("2026-05-01 00:00")
    facts = {"tenant": subscription.tenant, "engine": "invoice", "currency": "usd", "status": "canceled"}
    with pytest.raises(IntegrityError, match="subscription_one_trial_per_tenant"), transaction.atomic():
        Subscription.objects.create(**facts, anchor_at=when, started_at=when, trial_start=when)


def test_terms_of_another_tenant_are_not_sold() -> None:
    other = world.tenant()
    with pytest.raises(UnknownPlan):
        started(price(tenant=other), "2026-03-10 00:00")
    assert started(price(tenant=other), "2026-03-10 00:00", tenant=other).status == "active"


def test_a_plan_that_is_not_sold_by_invoice_says_so() -> None:
    with pytest.raises(NotByInvoice):
        started(price(by_invoice=False), "2026-03-10 00:00")
    assert not Subscription.objects.exists()


def test_what_is_due_is_found(django_assert_num_queries: object) -> None:
    subscription = started(price(), "2026-03-10 00:00")
    assert list(renewing.due(at("2026-04-02 00:00"))) == []
    assert list(renewing.due(at("2026-04-03 00:00"))) == [subscription]
    on(subscription, "2026-04-03 00:00")
    assert list(renewing.due(at("2026-04-09 00:00"))) == []
    assert list(renewing.due(at("2026-04-10 00:00"))) == [subscription]
