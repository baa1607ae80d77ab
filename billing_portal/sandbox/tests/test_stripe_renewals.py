"""The clock of the stand-in for Stripe: renewals, failed charges and their retries, pauses, in the order of time."""

import pytest
import stripe

from billing_portal.sandbox.tests.stripe_billing import at, kinds_since


def invoices_of(client, sub):
    """Oldest first."""
    return client.v1.invoices.list({"subscription": sub.id, "limit": 100}).data[::-1]


def test_a_renewal_is_invoiced_and_charged_and_told(client, subscribe, with_card, clock, panel):
    with_card()
    sub = subscribe(4900)
    before = len(panel.objects("events"))
    clock("2026-12-01")
    assert kinds_since(panel, before) == [
        "invoice.created",
        "customer.subscription.updated",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    renewed = invoices_of(client, sub)[-1]
    line = renewed.lines.data[0]
    assert (renewed.billing_reason, renewed.created, renewed.attempt_count) == (
        "subscription_cycle",
        at("2026-12-01"),
        0,
    )
    assert (renewed.period_start, renewed.period_end) == (at("2026-11-01"), at("2026-12-01"))
    assert (line.period.start, line.period.end) == (at("2026-12-01"), at("2027-01-01"))
    assert renewed.parent.subscription_details.metadata.to_dict() == {"subscription_id": "s1"}
    effects = [entry["effect"] for entry in panel.log() if entry["effect"]]
    assert (effects[-1]["kind"], effects[-1]["amount"], effects[-1]["state"]) == ("charge", 4900, "succeeded")


def test_months_are_clamped_and_come_back_to_their_day(client, subscribe, with_card, clock):
    clock("2027-01-31 10:00")
    with_card()
    sub = subscribe()
    clock("2027-05-01")
    starts = [invoice.lines.data[0].period.start for invoice in invoices_of(client, sub)]
    assert starts == [at(f"2027-{day} 10:00") for day in ("01-31", "02-28", "03-31", "04-30")]


@pytest.mark.parametrize(
    ("interval", "count", "starts"),
    [
        ("week", 2, ["2026-11-01", "2026-11-15", "2026-11-29"]),
        ("day", 20, ["2026-11-01", "2026-11-21"]),
        ("year", 1, ["2026-11-01"]),
    ],
)
def test_other_intervals_have_their_own_length(client, subscribe, price, with_card, clock, interval, count, starts):
    with_card()
    sub = subscribe(price_id=price(1000, interval, count=count))
    clock("2026-12-01")
    assert [i.lines.data[0].period.start for i in invoices_of(client, sub)] == [at(day) for day in starts]


def test_things_happen_in_the_order_of_time_whoever_they_belong_to(client, subscribe, with_card, clock, panel):
    with_card()
    early = subscribe(1000)
    clock("2026-11-10")
    late = subscribe(2000)
    clock("2027-01-20")
    renewals = [i for i in panel.objects("invoices") if i["billing_reason"] == "subscription_cycle"]
    assert [(i["amount_paid"], i["created"]) for i in renewals] == [
        (1000, at("2026-12-01")),
        (2000, at("2026-12-10")),
        (1000, at("2027-01-01")),
        (2000, at("2027-01-10")),
    ]
    assert early.id != late.id
    charged = [e["at"] for e in panel.log() if e["effect"] and e["effect"]["kind"] == "charge"][2:]
    assert charged == [f"{day}T00:00:00Z" for day in ("2026-12-01", "2026-12-10", "2027-01-01", "2027-01-10")]
    created = [event["created"] for event in panel.objects("events")[1:]]  # the customer came before the clock stood
    assert created == sorted(created)


def test_a_stub_until_the_anchor_is_prorated_then_whole_months_follow(client, subscribe, with_card, clock):
    with_card()
    clock("2026-11-16")
    sub = subscribe(3000, billing_cycle_anchor=at("2026-12-01"), expand=["latest_invoice"])
    assert sub.latest_invoice.amount_paid == 1500
    free = subscribe(3000, billing_cycle_anchor=at("2026-12-01"), proration_behavior="none", expand=["latest_invoice"])
    assert (free.status, free.latest_invoice.total) == ("active", 0)
    clock("2026-12-01")
    assert [i.amount_paid for i in invoices_of(client, sub)] == [1500, 3000]


def test_a_declined_renewal_is_tried_again_after_three_five_and_seven_days_and_then_it_is_over(
    client, subscribe, with_card, clock, panel
):
    with_card()
    sub = subscribe()
    with_card("pm_card_chargeCustomerFail")
    before = len(panel.objects("events"))
    clock("2026-12-01")
    assert kinds_since(panel, before)[-3:] == [
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    for day, attempts, following, status in (
        ("2026-12-01", 1, "2026-12-04", "past_due"),
        ("2026-12-04", 2, "2026-12-09", "past_due"),
        ("2026-12-09", 3, "2026-12-16", "past_due"),
        ("2026-12-16", 4, None, "canceled"),
    ):
        clock(day)
        invoice = invoices_of(client, sub)[-1]
        assert (invoice.status, invoice.attempt_count) == ("open", attempts)
        assert invoice.next_payment_attempt == (at(following) if following else None)
        assert client.v1.subscriptions.retrieve(sub.id).status == status
    assert client.v1.subscriptions.retrieve(sub.id).cancellation_details.reason == "payment_failed"
    assert [i["id"] for i in panel.objects("payment_intents")[1:]] != []  # one intent for all attempts
    assert len(panel.objects("payment_intents")) == 2
    clock("2027-03-01")
    assert len(invoices_of(client, sub)) == 2


def test_the_account_may_leave_it_unpaid_instead(client, subscribe, with_card, clock, panel):
    assert panel.ask("POST", "settings", {"afterRetries": "unpaid"}) == {"afterRetries": "unpaid"}
    with_card()
    sub = subscribe()
    with_card("pm_card_chargeCustomerFail")
    clock("2027-01-02")
    assert client.v1.subscriptions.retrieve(sub.id).status == "unpaid"
    first, second, third = invoices_of(client, sub)
    assert (first.status, second.status, third.status, third.auto_advance) == ("paid", "open", "draft", False)
    with_card()
    client.v1.invoices.pay(third.id)
    assert client.v1.subscriptions.retrieve(sub.id).status == "active"


def test_a_new_card_pays_the_retry(client, subscribe, with_card, clock):
    with_card()
    sub = subscribe()
    with_card("pm_card_chargeCustomerFail")
    clock("2026-12-02")
    with_card()
    clock("2026-12-04")
    assert client.v1.subscriptions.retrieve(sub.id).status == "active"
    invoice = invoices_of(client, sub)[-1]
    assert (invoice.status, invoice.next_payment_attempt, invoice.attempt_count) == ("paid", None, 1)


def test_a_card_that_wants_its_person_is_past_due_until_they_come(client, subscribe, with_card, clock, panel):
    with_card()
    sub = subscribe()
    card = with_card("pm_card_authenticationRequired")
    clock("2026-12-01")
    assert client.v1.subscriptions.retrieve(sub.id).status == "past_due"
    assert "invoice.payment_action_required" in kinds_since(panel, 0)
    invoice = client.v1.invoices.retrieve(invoices_of(client, sub)[-1].id, {"expand": ["payments"]})
    intent = invoice.payments.data[0].payment.payment_intent
    assert client.v1.payment_intents.confirm(intent, {"payment_method": card}).status == "requires_action"
    panel.ask("POST", "authenticate", {"id": intent, "outcome": "succeeded"})
    assert client.v1.subscriptions.retrieve(sub.id).status == "active"


@pytest.mark.parametrize(
    ("account", "days", "status", "subscription"),
    [
        ("pm_usBankAccount_success", "2026-12-05", "paid", "active"),
        ("pm_usBankAccount_insufficientFunds", "2026-12-05", "open", "past_due"),
    ],
)
def test_a_renewal_by_bank_debit_is_under_way_for_days(
    client, subscribe, with_card, save, clock, account, days, status, subscription
):
    with_card()
    sub = subscribe()
    client.v1.subscriptions.update(sub.id, {"default_payment_method": save(account)})
    clock("2026-12-01")
    under_way = client.v1.invoices.retrieve(invoices_of(client, sub)[-1].id, {"expand": ["payments"]})
    assert (under_way.status, client.v1.subscriptions.retrieve(sub.id).status) == ("open", "active")
    intent = under_way.payments.data[0].payment.payment_intent
    assert client.v1.payment_intents.retrieve(intent).status == "processing"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.pay(under_way.id, {"payment_method": "pm_card_visa"})
    clock(days)
    assert client.v1.invoices.retrieve(under_way.id).status == status
    assert client.v1.subscriptions.retrieve(sub.id).status == subscription


def test_while_collection_is_paused_invoices_are_void(client, subscribe, with_card, clock):
    with_card()
    sub = subscribe()
    paused = client.v1.subscriptions.update(sub.id, {"pause_collection": {"behavior": "void"}})
    assert (paused.status, paused.pause_collection.behavior) == ("active", "void")
    clock("2026-12-15")
    assert [i.status for i in invoices_of(client, sub)] == ["paid", "void"]
    assert client.v1.subscriptions.update(sub.id, {"pause_collection": ""}).pause_collection is None
    clock("2027-01-15")
    assert [i.status for i in invoices_of(client, sub)] == ["paid", "void", "paid"]


def test_the_panel_renews_whatever_the_clock_and_the_card_say(client, subscribe, with_card, panel):
    with_card()
    sub = subscribe()
    renewed = panel.ask("POST", "bill", {"subscriptionId": sub.id, "outcome": "paid"})
    assert renewed["items"]["data"][0]["current_period_end"] == at("2027-01-01")
    failed = panel.ask("POST", "bill", {"subscriptionId": sub.id, "outcome": "failed"})
    assert failed["status"] == "past_due"
    assert [i.status for i in invoices_of(client, sub)] == ["paid", "paid", "open"]
    assert client.v1.invoices.pay(invoices_of(client, sub)[-1].id).status == "paid"
    client.v1.subscriptions.cancel(sub.id)
    status, refused = panel.raw("POST", "bill", {"subscriptionId": sub.id, "outcome": "paid"})
    assert status == 400 and "not renewed" in refused["error"]["message"]


def test_the_panel_ends_a_bank_debits_renewal_at_once(client, subscribe, with_card, save, panel):
    with_card()
    sub = subscribe()
    client.v1.subscriptions.update(sub.id, {"default_payment_method": save("pm_usBankAccount_success")})
    assert panel.ask("POST", "bill", {"subscriptionId": sub.id, "outcome": "failed"})["status"] == "past_due"
    assert panel.ask("POST", "bill", {"subscriptionId": sub.id, "outcome": "paid"})["status"] == "active"


def test_a_time_to_end_that_was_set_is_kept(client, subscribe, with_card, clock):
    with_card()
    sub = subscribe()
    client.v1.subscriptions.update(sub.id, {"cancel_at": at("2026-12-20")})
    clock("2027-02-01")
    after = client.v1.subscriptions.retrieve(sub.id)
    assert (after.status, after.ended_at, len(invoices_of(client, sub))) == ("canceled", at("2026-12-20"), 2)


def test_a_period_that_the_panel_began_may_be_changed_like_any_other(client, subscribe, price, with_card, panel):
    with_card()
    sub = subscribe(1000)
    panel.ask("POST", "bill", {"subscriptionId": sub.id, "outcome": "paid"})
    items = [{"id": sub["items"].data[0].id, "price": price(3000)}]
    how = {"items": items, "proration_behavior": "always_invoice", "proration_date": at("2026-11-01")}
    after = client.v1.subscriptions.update(sub.id, {**how, "expand": ["latest_invoice"]})
    assert [line.amount for line in after.latest_invoice.lines.data] == [-1000, 3000]
    assert client.v1.subscriptions.update(sub.id, {"metadata": {"seen": "1"}}).metadata["seen"] == "1"
