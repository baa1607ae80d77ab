"""Proration to the second: what a change credits and debits, and that its preview says the same."""

from fractions import Fraction

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.prorating import Debit, credit, half_up, part, used_up_to
from billing_portal.sandbox.tests.conftest import Panel, connect
from billing_portal.sandbox.tests.stripe_billing import at

NOVEMBER = (at("2026-11-01"), at("2026-12-01"))


def lines_of(invoice):
    """Everything of the lines but their ids."""
    return [
        (
            line.amount,
            line.description,
            line.quantity,
            (line.period.start, line.period.end),
            line.pricing.price_details.price,
            line.parent.subscription_item_details.proration,
            [each.amount for each in line.discount_amounts],
        )
        for line in invoice.lines.data
    ]


def item_id(sub):
    return sub["items"].data[0].id


def preview_of(client, sub, **details):
    return client.v1.invoices.create_preview(
        {"customer": sub.customer, "subscription": sub.id, "subscription_details": details}
    )


def change_of(client, sub, **params):
    return client.v1.subscriptions.update(sub.id, {**params, "expand": ["latest_invoice"]})


def test_an_upgrade_in_mid_month_costs_half_the_difference(client, subscribe, price, with_card, clock):
    with_card()
    sub = subscribe(1000, 2)
    clock("2026-11-16")
    items = [{"id": item_id(sub), "price": price(2000), "quantity": 3}]
    how = {"items": items, "proration_behavior": "always_invoice", "proration_date": at("2026-11-16")}
    preview = preview_of(client, sub, **how)
    after = change_of(client, sub, **how)
    assert [line[:2] for line in lines_of(after.latest_invoice)] == [
        (-1000, "Unused time on 2 × Professional after 16 Nov 2026"),
        (3000, "Remaining time on 3 × Professional after 16 Nov 2026"),
    ]
    assert lines_of(preview) == lines_of(after.latest_invoice)
    assert (preview.amount_due, after.latest_invoice.amount_paid) == (2000, 2000)
    assert after.latest_invoice.billing_reason == "subscription_update"
    assert preview.parent.subscription_details.subscription_proration_date == at("2026-11-16")
    assert (after["items"].data[0].quantity, after["items"].data[0].current_period_end) == (3, NOVEMBER[1])


def test_prorations_wait_for_the_next_invoice_unless_it_is_to_be_made_at_once(
    client, subscribe, price, with_card, clock
):
    with_card()
    sub = subscribe(1000)
    clock("2026-11-16")
    items = [{"id": item_id(sub), "price": price(2000)}]
    preview = preview_of(client, sub, items=items)
    after = change_of(client, sub, items=items)
    assert after.latest_invoice.id == sub.latest_invoice
    assert [line.amount for line in preview.lines.data] == [-500, 1000, 2000]
    clock("2026-12-01")
    renewed = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]}).latest_invoice
    assert lines_of(renewed) == lines_of(preview)
    assert (renewed.total, renewed.billing_reason) == (2500, "subscription_cycle")


def test_without_proration_only_the_next_period_costs_more(client, subscribe, price, with_card, clock):
    with_card()
    sub = subscribe(2000)
    clock("2026-11-16")
    how = {"items": [{"id": item_id(sub), "price": price(1000)}], "proration_behavior": "none"}
    preview = preview_of(client, sub, **how)
    change_of(client, sub, **how)
    assert [line.amount for line in preview.lines.data] == [1000]
    clock("2026-12-01")
    after = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]})
    assert after.latest_invoice.total == 1000


def test_another_interval_begins_a_new_cycle_and_is_invoiced_at_once(client, subscribe, price, with_card, clock):
    with_card()
    sub = subscribe(3000)
    clock("2026-11-16")
    how = {"items": [{"id": item_id(sub), "price": price(30000, "year")}], "proration_date": at("2026-11-16")}
    preview = preview_of(client, sub, **how)
    after = change_of(client, sub, **how)
    assert [line.amount for line in preview.lines.data] == [-1500, 30000]
    assert lines_of(after.latest_invoice) == lines_of(preview)
    period = after["items"].data[0]
    assert (period.current_period_start, period.current_period_end) == (at("2026-11-16"), at("2027-11-16"))


def test_a_downgrade_leaves_credit_that_the_next_invoice_takes(client, customer, subscribe, price, with_card, clock):
    with_card()
    sub = subscribe(6000)
    clock("2026-11-16")
    how = {"items": [{"id": item_id(sub), "price": price(2000)}], "proration_behavior": "always_invoice"}
    after = change_of(client, sub, **how)
    credited = after.latest_invoice
    assert (credited.total, credited.amount_due, credited.status, credited.ending_balance) == (-2000, 0, "paid", -2000)
    assert client.v1.customers.retrieve(customer.id).balance == -2000
    assert preview_of(client, sub).amount_due == 0
    clock("2026-12-01")
    renewed = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]}).latest_invoice
    assert (renewed.total, renewed.starting_balance, renewed.amount_due, renewed.ending_balance) == (2000, -2000, 0, 0)
    assert client.v1.customers.retrieve(customer.id).balance == 0
    moves = client.v1.customers.balance_transactions.list(customer.id).data
    assert [(m.amount, m.type) for m in moves] == [(2000, "applied_to_invoice"), (-2000, "applied_to_invoice")]


def test_a_credit_is_of_what_was_paid_not_of_the_price(client, subscribe, price, with_card, clock):
    with_card()
    client.v1.coupons.create({"id": "HALF", "percent_off": 50, "duration": "once"})
    sub = subscribe(2000, discounts=[{"coupon": "HALF"}], expand=["latest_invoice"])
    assert (sub.latest_invoice.subtotal, sub.latest_invoice.total) == (2000, 1000)
    assert client.v1.subscriptions.retrieve(sub.id).discounts == []
    clock("2026-11-16")
    how = {"items": [{"id": item_id(sub), "price": price(4000)}], "proration_behavior": "always_invoice"}
    assert [line.amount for line in change_of(client, sub, **how).latest_invoice.lines.data] == [-500, 2000]


def test_a_lasting_discount_is_in_the_prorations_already(client, subscribe, price, with_card, clock):
    with_card()
    client.v1.coupons.create({"id": "THREE", "percent_off": 10, "duration": "repeating", "duration_in_months": 3})
    sub = subscribe(1000, discounts=[{"coupon": "THREE"}], expand=["latest_invoice", "discounts"])
    assert (sub.latest_invoice.total, sub.discounts[0].end) == (900, at("2027-02-01"))
    clock("2026-11-16")
    how = {"items": [{"id": item_id(sub), "price": price(2000)}], "proration_behavior": "always_invoice"}
    assert [line.amount for line in change_of(client, sub, **how).latest_invoice.lines.data] == [-450, 900]
    for month, total in (("2026-12-01", 1800), ("2027-01-01", 1800), ("2027-02-01", 2000)):
        clock(month)
        assert client.v1.invoices.list({"limit": 1}).data[0].total == total


def test_seats_that_come_and_go_in_one_period_are_credited_by_each_debit(client, subscribe, with_card, clock):
    with_card()
    sub = subscribe(3000, 1)
    for day, seats, amounts in (("2026-11-11", 2, [-2000, 4000]), ("2026-11-21", 1, [-2000, 1000])):
        clock(day)
        how = {"items": [{"id": item_id(sub), "quantity": seats}], "proration_behavior": "always_invoice"}
        assert [line.amount for line in change_of(client, sub, **how).latest_invoice.lines.data] == amounts


def test_canceling_may_give_back_what_was_not_used(client, customer, subscribe, with_card, clock):
    with_card()
    sub = subscribe(3000)
    clock("2026-11-21")
    client.v1.subscriptions.cancel(sub.id, {"prorate": True, "invoice_now": True})
    assert client.v1.customers.retrieve(customer.id).balance == -1000


def test_a_preview_may_be_of_a_start_or_of_nothing(client, customer, subscribe, price, with_card):
    with_card()
    items = [{"price": price(1500), "quantity": 2}]
    start = client.v1.invoices.create_preview({"customer": customer.id, "subscription_details": {"items": items}})
    assert (start.total, start.lines.data[0].period.end) == (3000, NOVEMBER[1])
    sub = subscribe()
    with pytest.raises(stripe.InvalidRequestError) as none:
        preview_of(client, sub, cancel_at_period_end=True)
    assert (none.value.http_status, none.value.code) == (404, "invoice_upcoming_none")
    with pytest.raises(stripe.InvalidRequestError, match="proration_date"):
        preview_of(client, sub, items=[{"id": item_id(sub), "quantity": 2}], proration_date=at("2026-10-01"))


def test_a_preview_keeps_nothing(client, subscribe, price, with_card, panel):
    with_card()
    sub = subscribe()
    kinds = ("subscriptions", "invoices", "events", "customers", "payment_intents", "discounts")
    new = price(9000, "year")
    before = [panel.objects(kind) for kind in kinds]
    preview_of(client, sub, items=[{"id": item_id(sub), "price": new}], proration_behavior="always_invoice")
    assert [panel.objects(kind) for kind in kinds] == before


SECONDS = st.integers(NOVEMBER[0], NOVEMBER[1] - 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.tuples(st.integers(50, 99_999), st.integers(1, 99_999)),
    seats=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    moments=st.lists(SECONDS, min_size=1, max_size=3).map(sorted),
    behavior=st.sampled_from(["always_invoice", "create_prorations", "none"]),
    interval=st.sampled_from(["month", "month", "year"]),
    percent=st.sampled_from([None, 10, 33.3, 100]),
)
def test_a_preview_and_the_change_after_it_are_the_same_to_the_cent(
    amounts, seats, moments, behavior, interval, percent
):
    sandbox = StripeSandbox(None)
    client, panel = connect(sandbox), Panel(sandbox)
    panel.ask("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    product = client.v1.products.create({"name": "Professional"}).id
    terms = {"product": product, "currency": "usd"}
    old, new = (
        client.v1.prices.create({**terms, "unit_amount": amount, "recurring": {"interval": each}}).id
        for amount, each in zip(amounts, ("month", interval), strict=True)
    )
    customer = client.v1.customers.create({"payment_method": "pm_card_visa"})
    card = client.v1.customers.payment_methods.list(customer.id).data[0].id
    off = {}
    if percent:
        client.v1.coupons.create({"id": "OFF", "percent_off": percent, "duration": "forever"})
        off = {"discounts": [{"coupon": "OFF"}]}
    sub = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": old, "quantity": seats[0]}],
            "default_payment_method": card,
            **off,
        }
    )
    for number, moment in enumerate(moments if interval == "month" else moments[:1]):
        wanted = {"id": item_id(sub), "price": new, "quantity": seats[1] + number}
        how = {"items": [wanted], "proration_behavior": behavior, "proration_date": moment}
        now = client.v1.customers.retrieve(customer.id).balance
        preview = preview_of(client, sub, **how)
        after = change_of(client, sub, **how)
        if behavior == "always_invoice" or interval == "year":
            invoice = after.latest_invoice
            assert lines_of(invoice) == lines_of(preview)
            assert [getattr(invoice, name) for name in ("subtotal", "total", "amount_due", "starting_balance")] == [
                preview.subtotal,
                preview.total,
                preview.amount_due,
                now,
            ]
        else:  # what waits is what the preview of the next invoice said
            assert lines_of(preview_of(client, sub)) == lines_of(preview)
    sandbox.close()


@given(
    amount=st.integers(0, 10**8),
    moments=st.lists(st.integers(0, 10**7), min_size=3, max_size=3, unique=True).map(sorted),
)
def test_a_credit_is_the_unused_share_by_the_second_rounded_half_up(amount, moments):
    start, moment, end = moments
    debit = Debit(amount, start, end, "price_1", 1)
    exact = Fraction(amount * (end - moment), end - start)
    assert abs(-credit(debit, moment) - exact) <= Fraction(1, 2)
    left = used_up_to(debit, moment)
    assert left.amount - credit(debit, moment) == amount and left.end == moment
    assert (credit(debit, start), credit(debit, end)) == (-amount, 0)
    assert part(start, start, end) == 1


@pytest.mark.parametrize(("value", "rounded"), [("0", 0), ("1/2", 1), ("3/2", 2), ("5/2", 3), ("249/100", 2)])
def test_a_half_goes_up(value, rounded):
    assert half_up(Fraction(value)) == rounded
