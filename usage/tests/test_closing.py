"""A month is billed once, for what went beyond the plan, and closes for good."""

import pytest

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments import queries
from payments.actions.recording import verify_manual_payment
from payments.errors import CurrencyMismatch
from payments.models import Invoice, LedgerLeg
from subscriptions.models import Subscription
from usage.actions.closing import Closing, due_months, preview_close
from usage.models import UsageMonth, UsageRollup

pytestmark = pytest.mark.django_db


def test_minutes_beyond_the_pooled_allowance_are_billed_at_the_price_of_their_direction() -> None:
    acme = world.subscribed(seats=2)
    world.call(acme, 150, at("2026-10-05 10:00"))
    world.call(acme, 60, at("2026-10-06 10:00"))
    world.call(acme, 5000, at("2026-10-06 11:00"), direction="inbound")
    world.call(acme, 20, at("2026-10-06 12:00"), direction="inbound", toll_free=True)

    invoice = world.close(acme, "2026-10", at("2026-11-01 04:00")).invoice

    assert invoice is not None
    lines = [(line.title, line.quantity, line.amount_minor) for line in invoice.lines.all()]
    assert lines == [("Outbound minutes over the allowance", 10, 12), ("Toll-free minutes", 20, 36)]
    assert (invoice.total_minor, invoice.status, invoice.usage_month) == (48, "open", "2026-10")
    legs = LedgerLeg.objects.filter(invoice=invoice).order_by("account").values_list("account", "amount_minor")
    assert list(legs) == [("receivable", 48), ("revenue_overage", -48)]


def test_a_month_within_the_allowance_issues_nothing_and_is_closed_all_the_same() -> None:
    acme = world.subscribed()
    world.call(acme, 100, at("2026-10-05 10:00"))

    closed = world.close(acme, "2026-10", at("2026-11-01 04:00"))

    assert closed.closing is Closing.NOTHING_TO_BILL
    assert not Invoice.objects.exists()
    assert UsageMonth.objects.get(tenant=acme, label="2026-10").closed_at == at("2026-11-01 04:00")


def test_a_month_is_not_closed_before_its_end_and_the_grace_hours() -> None:
    acme = world.subscribed()
    assert world.close(acme, "2026-10", at("2026-11-01 02:59")).closing is Closing.NOT_DUE
    assert world.close(acme, "2026-10", at("2026-11-01 03:00")).closing is Closing.NOTHING_TO_BILL


def test_closing_again_changes_nothing() -> None:
    acme = world.subscribed()
    world.call(acme, 300, at("2026-10-05 10:00"))
    first = world.close(acme, "2026-10", at("2026-11-01 04:00"))
    again = world.close(acme, "2026-10", at("2026-11-02 04:00"))
    assert (again.closing, again.invoice) == (Closing.CLOSED_BEFORE, first.invoice)
    assert Invoice.objects.count() == 1


def test_a_call_that_arrives_after_the_close_is_billed_next_month_at_last_months_terms() -> None:
    acme = world.subscribed()
    world.call(acme, 110, at("2026-10-31 22:00"))
    world.close(acme, "2026-10", at("2026-11-01 06:00"))
    world.call(acme, 5, at("2026-10-31 23:10"), now=at("2026-11-02 00:00"))
    world.call(acme, 101, at("2026-11-20 09:00"))

    invoice = world.close(acme, "2026-11", at("2026-12-01 06:00")).invoice

    assert invoice is not None
    assert [(line.title, line.quantity, line.amount_minor) for line in invoice.lines.all()] == [
        ("Outbound minutes over the allowance", 1, 1),
        ("Adjustment for October 2026: outbound minutes over the allowance", 5, 6),
    ]


def test_a_month_ends_at_midnight_of_the_tenants_zone() -> None:
    acme = world.subscribed(time_zone="America/New_York", since=at("2026-09-01 04:00"))
    world.call(acme, 200, at("2026-11-01 03:59"))  # 23:59 on October 31 in New York
    world.call(acme, 200, at("2026-11-01 04:00"))
    invoice = world.close(acme, "2026-10", at("2026-11-02 00:00")).invoice
    assert invoice is not None
    assert invoice.lines.get().quantity == 100
    assert (invoice.period_start, invoice.period_end) == (at("2026-10-01 04:00"), at("2026-11-01 04:00"))


def test_a_subscription_of_half_a_month_includes_half_the_minutes() -> None:
    acme = world.subscribed(since=at("2026-09-16 00:00"))
    world.call(acme, 60, at("2026-09-20 09:00"))
    invoice = world.close(acme, "2026-09", at("2026-10-01 04:00")).invoice
    assert invoice is not None
    assert invoice.lines.get().derivation["included"] == "50"
    assert invoice.lines.get().quantity == 10


def test_usage_without_a_subscription_is_kept_and_not_billed() -> None:
    nobody = world.tenant()
    record, _ = world.call(nobody, 500, at("2026-10-05 10:00"))
    assert world.close(nobody, "2026-10", at("2026-11-01 04:00")).closing is Closing.NO_SUBSCRIPTION
    rollup = UsageRollup.objects.get(tenant=nobody)
    assert (rollup.segment_start, rollup.records, rollup.quantity) == (None, 1, record.quantity)


def test_credit_pays_the_new_invoice_when_it_is_issued() -> None:
    acme = world.subscribed()
    clerk = world.user(staff=True)
    payment = world.check_for(acme, 50, clerk)
    verify_manual_payment(
        payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=at("2026-10-02 00:00")
    )
    invoice = world.overage_invoice(acme, cents=120)
    assert queries.amounts(invoice).open == 70
    assert queries.credit_balance(acme, "usd").minor == 0


def test_what_came_late_is_billed_also_after_the_subscription_has_ended() -> None:
    acme = world.subscribed()
    world.close(acme, "2026-09", at("2026-10-01 04:00"))
    Subscription.objects.filter(tenant=acme).update(status="canceled", ended_at=at("2026-10-01 00:00"))
    world.call(acme, 500, at("2026-09-20 12:00"), now=at("2026-10-02 00:00"))
    assert due_months(acme, at("2026-11-02 00:00")) == ["2026-10"]
    invoice = world.close(acme, "2026-10", at("2026-11-02 00:00")).invoice
    assert invoice is not None
    assert [(line.title, line.quantity) for line in invoice.lines.all()] == [
        ("Adjustment for September 2026: outbound minutes over the allowance", 400)
    ]


def test_a_preview_says_what_would_be_billed_and_writes_nothing() -> None:
    acme = world.subscribed()
    world.call(acme, 110, at("2026-09-20 12:00"))
    idle = world.subscribed()
    months = UsageMonth.objects.count()
    seen = preview_close(tenant=acme, label="2026-09", now=at("2026-10-02 00:00"))
    assert (seen.closing, [line.amount_minor for line in seen.lines], seen.currency) == (Closing.INVOICED, [12], "usd")
    assert preview_close(tenant=idle, label="2026-09", now=at("2026-10-02 00:00")).closing is Closing.NOTHING_TO_BILL
    assert (Invoice.objects.count(), UsageMonth.objects.count()) == (0, months)


def test_the_tenant_is_read_anew_when_its_turn_comes() -> None:
    acme = world.subscribed()
    world.call(acme, 1_100, at("2026-09-20 12:00"))
    Tenant.objects.filter(id=acme.id).update(tax_percent=10, tax_name="Tax", payment_terms_days=30)
    invoice = world.close(acme, "2026-09", at("2026-10-02 00:00")).invoice
    assert invoice is not None
    assert (invoice.tax_minor, invoice.due_at) == (120, at("2026-11-01 00:00"))


def test_the_terms_say_in_which_currency_a_month_is_billed() -> None:
    acme = world.subscribed()
    world.call(acme, 1_100, at("2026-09-20 12:00"))
    Tenant.objects.filter(id=acme.id).update(currency="jpy")
    with pytest.raises(CurrencyMismatch):
        world.close(acme, "2026-09", at("2026-10-02 00:00"))
    assert not Invoice.objects.exists()
    assert UsageMonth.objects.get().closed_at is None
