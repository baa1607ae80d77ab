"""Schedules: a downgrade at the end of the period, to another interval too, and its undoing."""

import pytest
import stripe

from billing_portal.sandbox.tests.stripe_billing import at


@pytest.fixture
def planned(client, subscribe, price, with_card):
    """A monthly subscription that is to be another from 1 December on."""

    def planned(following, *, seats=1, **more):
        with_card()
        sub = subscribe(3000, 2)
        schedule = client.v1.subscription_schedules.create({"from_subscription": sub.id})
        now = schedule.phases[0]
        same = [{"price": each.price, "quantity": each.quantity} for each in now["items"]]
        phases = [
            {"items": same, "start_date": now.start_date, "end_date": now.end_date},
            {"items": [{"price": following, "quantity": seats}], "proration_behavior": "none", **more},
        ]
        return sub, client.v1.subscription_schedules.update(schedule.id, {"phases": phases})

    return planned


def test_a_downgrade_to_another_interval_comes_with_the_next_period(client, planned, price, clock, panel):
    yearly = price(10000, "year")
    sub, schedule = planned(yearly, metadata={"terms": "2"})
    assert client.v1.subscriptions.retrieve(sub.id).schedule == schedule.id
    assert (schedule.current_phase.end_date, schedule.phases[1].end_date) == (at("2026-12-01"), at("2027-12-01"))
    clock("2026-11-30")
    assert client.v1.subscriptions.retrieve(sub.id)["items"].data[0].quantity == 2
    clock("2026-12-01")
    after = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]})
    item = after["items"].data[0]
    assert (item.price.id, item.quantity, item.current_period_end) == (yearly, 1, at("2027-12-01"))
    assert (item.id, after.latest_invoice.amount_paid) == (sub["items"].data[0].id, 10000)
    assert [line.amount for line in after.latest_invoice.lines.data] == [10000]
    assert after.metadata.to_dict() == {"subscription_id": "s1", "terms": "2"}
    clock("2027-12-01")
    released = client.v1.subscription_schedules.retrieve(schedule.id)
    assert (released.status, released.released_subscription) == ("released", sub.id)
    assert client.v1.subscriptions.retrieve(sub.id).schedule is None
    assert client.v1.invoices.list({"limit": 1}).data[0].amount_paid == 10000


def test_a_released_schedule_leaves_the_subscription_as_it_is(client, planned, price, clock):
    sub, schedule = planned(price(1000))
    released = client.v1.subscription_schedules.release(schedule.id)
    assert (released.status, released.subscription, released.released_subscription) == ("released", None, sub.id)
    with pytest.raises(stripe.InvalidRequestError, match="`released` status"):
        client.v1.subscription_schedules.release(schedule.id)
    clock("2026-12-01")
    after = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]})
    assert (after.schedule, after.latest_invoice.total) == (None, 6000)


def test_a_canceled_schedule_cancels_its_subscription(client, planned, price):
    sub, schedule = planned(price(1000))
    assert client.v1.subscription_schedules.cancel(schedule.id).status == "canceled"
    assert client.v1.subscriptions.retrieve(sub.id).status == "canceled"


def test_the_end_of_a_scheduled_subscription_is_the_schedules(client, planned, price):
    sub, schedule = planned(price(1000))
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        client.v1.subscription_schedules.create({"from_subscription": sub.id})
    with pytest.raises(stripe.InvalidRequestError, match="start date of the current phase"):
        later = [{"items": [{"price": price(1)}], "start_date": at("2026-12-01"), "end_date": at("2027-01-01")}]
        client.v1.subscription_schedules.update(schedule.id, {"phases": later})


def test_the_phase_under_way_is_changed_by_the_subscription_alone(client, planned, price):
    _, schedule = planned(price(1000))
    now = schedule.phases[0]
    other = {"items": [{"price": price(500)}], "start_date": now.start_date, "end_date": now.end_date}
    with pytest.raises(stripe.InvalidRequestError, match="phase under way"):
        client.v1.subscription_schedules.update(schedule.id, {"phases": [other]})


def test_a_phase_in_the_middle_of_a_period_is_a_change_like_any_other(client, subscribe, price, with_card, clock):
    with_card()
    sub = subscribe(3000)
    schedule = client.v1.subscription_schedules.create({"from_subscription": sub.id})
    first = {"items": [{"price": schedule.phases[0]["items"][0].price}], "start_date": at("2026-11-01")}
    second = {"items": [{"price": price(6000)}], "proration_behavior": "always_invoice"}
    client.v1.subscription_schedules.update(
        schedule.id, {"phases": [{**first, "end_date": at("2026-11-16")}, second], "end_behavior": "cancel"}
    )
    clock("2026-11-20")
    invoice = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]}).latest_invoice
    assert ([line.amount for line in invoice.lines.data], invoice.created) == ([-1500, 3000], at("2026-11-16"))
    clock("2026-12-16")
    assert client.v1.subscriptions.retrieve(sub.id).status == "canceled"


def test_the_next_phase_charges_the_method_that_the_schedule_knows(
    client, subscribe, price, with_card, customer, clock
):
    first, second = with_card(), client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id}).id
    sub = subscribe(default_payment_method=first)
    schedule = client.v1.subscription_schedules.create({"from_subscription": sub.id})
    assert schedule.default_settings.default_payment_method == first
    client.v1.subscriptions.update(sub.id, {"default_payment_method": second})
    now = schedule.phases[0]
    same = {"items": [{"price": each.price, "quantity": each.quantity} for each in now["items"]]}
    phases = [{**same, "start_date": now.start_date, "end_date": now.end_date}, {"items": [{"price": price(500)}]}]
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    clock("2026-12-01")
    assert client.v1.subscriptions.retrieve(sub.id).default_payment_method == first
    told = client.v1.subscription_schedules.update(
        schedule.id, {"default_settings": {"default_payment_method": second}}
    )
    assert told.default_settings.default_payment_method == second
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        client.v1.subscription_schedules.update(
            schedule.id, {"default_settings": {"default_payment_method": "pm_nobody"}}
        )
