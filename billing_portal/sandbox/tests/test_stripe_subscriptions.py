"""Subscriptions from their first invoice to their end: paid, declined, with 3-D Secure, in a trial."""

import pytest
import stripe

from billing_portal.sandbox.stripe.checking import check_answer
from billing_portal.sandbox.tests.stripe_billing import at, kinds_since

SECRET = ["latest_invoice.confirmation_secret", "latest_invoice.payments", "pending_setup_intent"]


def intent_id(subscription):
    return subscription.latest_invoice.payments.data[0].payment.payment_intent


def test_a_good_card_makes_it_active_and_everything_of_it_is_told(client, subscribe, with_card, panel):
    with_card()
    before = len(panel.objects("events")) + 1  # the price
    sub = subscribe(4900, 5, expand=["latest_invoice.payments"])
    assert (sub.status, sub.latest_invoice.status, sub.latest_invoice.amount_paid) == ("active", "paid", 24500)
    item = sub["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (at("2026-11-01"), at("2026-12-01"))
    assert kinds_since(panel, before) == [
        "invoice.created",
        "customer.subscription.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]
    effects = [entry["effect"] for entry in panel.log() if entry["effect"]]
    assert [(e["kind"], e["id"], e["amount"], e["state"]) for e in effects] == [
        ("charge", intent_id(sub), 24500, "succeeded"),
        ("subscription", sub.id, 24500, "active"),
    ]
    assert effects[1]["metadata"] == {"subscription_id": "s1"}


def test_default_incomplete_waits_for_its_confirmation(client, customer, subscribe, with_card, panel):
    card = with_card()
    sub = subscribe(payment_behavior="default_incomplete", default_payment_method=card, expand=SECRET)
    assert (sub.status, sub.latest_invoice.status) == ("incomplete", "open")
    intent = client.v1.payment_intents.retrieve(intent_id(sub))
    assert (intent.status, intent.payment_method) == ("requires_confirmation", card)
    assert sub.latest_invoice.confirmation_secret.client_secret == intent.client_secret
    client.v1.payment_intents.confirm(intent.id)
    assert client.v1.subscriptions.retrieve(sub.id).status == "active"
    paid = client.v1.invoices.retrieve(sub.latest_invoice.id, {"expand": ["confirmation_secret"]})
    assert (paid.status, paid.confirmation_secret) == ("paid", None)


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_three_d_secure_decides_the_first_invoice(client, subscribe, with_card, panel, outcome):
    with_card("pm_card_authenticationRequired")
    sub = subscribe(payment_settings={"save_default_payment_method": "on_subscription"}, expand=SECRET)
    assert (sub.status, sub.latest_invoice.status) == ("incomplete", "open")
    assert client.v1.payment_intents.retrieve(intent_id(sub)).status == "requires_action"
    panel.ask("POST", "authenticate", {"id": intent_id(sub), "outcome": outcome})
    after = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]})
    if outcome == "succeeded":
        assert (after.status, after.latest_invoice.status) == ("active", "paid")
        assert after.default_payment_method
    else:
        assert (after.status, after.latest_invoice.status) == ("incomplete", "open")
        assert after.latest_invoice.attempt_count == 1


def test_the_panel_confirms_and_authenticates_what_waits_for_its_person(client, subscribe, with_card, panel):
    card = with_card("pm_card_authenticationRequired")
    sub = subscribe(payment_behavior="default_incomplete", default_payment_method=card, expand=SECRET)
    panel.ask("POST", "authenticate", {"id": intent_id(sub), "outcome": "succeeded"})
    assert client.v1.subscriptions.retrieve(sub.id).status == "active"
    trial = subscribe(trial_period_days=9, payment_behavior="default_incomplete", expand=SECRET)
    assert trial.pending_setup_intent.status == "requires_confirmation"
    panel.ask("POST", "authenticate", {"id": trial.pending_setup_intent.id, "outcome": "failed"})
    assert client.v1.setup_intents.retrieve(trial.pending_setup_intent.id).status == "requires_payment_method"
    panel.raw("POST", "authenticate", {"id": trial.pending_setup_intent.id, "outcome": "succeeded"})
    assert client.v1.subscriptions.retrieve(trial.id).pending_setup_intent == trial.pending_setup_intent.id


def test_a_declined_card_leaves_it_incomplete_and_another_card_saves_it(client, subscribe, with_card):
    with_card("pm_card_chargeCustomerFail")
    sub = subscribe(expand=SECRET)
    assert (sub.status, sub.latest_invoice.status) == ("incomplete", "open")
    assert client.v1.payment_intents.retrieve(intent_id(sub)).status == "requires_payment_method"
    paid = client.v1.invoices.pay(sub.latest_invoice.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "paid"
    assert client.v1.subscriptions.retrieve(sub.id).status == "active"


def test_error_if_incomplete_leaves_nothing_behind(client, subscribe, with_card, panel):
    with_card("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as declined:
        subscribe(payment_behavior="error_if_incomplete")
    assert declined.value.error.decline_code == "generic_decline"
    with_card("pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as asked:
        subscribe(payment_behavior="error_if_incomplete")
    assert asked.value.error.code == "subscription_payment_intent_requires_action"
    for kind in ("subscriptions", "invoices", "payment_intents"):
        assert panel.objects(kind) == []


def test_without_any_card_it_is_refused_unless_it_may_wait(subscribe):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        subscribe()
    assert refused.value.code == "resource_missing"
    sub = subscribe(payment_behavior="default_incomplete", expand=SECRET)
    assert sub.status == "incomplete" and sub.latest_invoice.confirmation_secret.client_secret


def test_an_incomplete_one_expires_after_23_hours_and_nobody_owes_it(client, subscribe, clock, panel):
    sub = subscribe(payment_behavior="default_incomplete")
    clock("2026-11-01 22:59")
    assert client.v1.subscriptions.retrieve(sub.id).status == "incomplete"
    clock("2026-11-01 23:00")
    after = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]})
    assert (after.status, after.latest_invoice.status) == ("incomplete_expired", "void")
    assert [i["status"] for i in panel.objects("payment_intents")] == ["canceled"]


def test_a_bank_debit_is_waited_for(client, subscribe, save, clock, panel):
    account = save("pm_usBankAccount_success")
    sub = subscribe(default_payment_method=account, off_session=True, expand=SECRET)
    assert (sub.status, sub.latest_invoice.status) == ("incomplete", "open")
    clock("2026-11-03")
    assert client.v1.subscriptions.retrieve(sub.id).status == "incomplete"
    panel.ask("POST", "settle", {"id": intent_id(sub), "outcome": "succeeded"})
    assert client.v1.subscriptions.retrieve(sub.id).status == "active"


def test_a_trial_asks_for_a_card_that_works_later(client, customer, subscribe, with_card, panel):
    bare = subscribe(trial_period_days=14, payment_behavior="default_incomplete", expand=SECRET)
    assert (bare.status, bare.trial_end) == ("trialing", at("2026-11-15"))
    assert (bare.latest_invoice.status, bare.latest_invoice.total, bare.latest_invoice.payments.data) == ("paid", 0, [])
    assert bare.pending_setup_intent.status == "requires_payment_method"
    card = client.v1.payment_methods.attach("pm_card_authenticationRequiredOnSetup", {"customer": customer.id}).id
    asked = subscribe(trial_period_days=14, default_payment_method=card, expand=SECRET)
    assert asked.pending_setup_intent.status == "requires_action"
    panel.ask("POST", "authenticate", {"id": asked.pending_setup_intent.id, "outcome": "succeeded"})
    after = client.v1.subscriptions.retrieve(asked.id)
    assert (after.pending_setup_intent, after.default_payment_method) == (None, card)
    with_card()
    assert subscribe(trial_end=at("2026-12-01")).pending_setup_intent is None


def test_a_trial_told_of_three_days_before_ends_with_an_invoice(client, subscribe, with_card, clock, panel):
    with_card()
    sub = subscribe(trial_period_days=14)
    clock("2026-11-11 23:59")
    assert "customer.subscription.trial_will_end" not in kinds_since(panel, 0)
    clock("2026-11-12")
    assert kinds_since(panel, 0)[-1] == "customer.subscription.trial_will_end"
    clock("2026-11-15")
    after = client.v1.subscriptions.retrieve(sub.id, {"expand": ["latest_invoice"]})
    assert (after.status, after.latest_invoice.billing_reason) == ("active", "subscription_cycle")
    assert (after.latest_invoice.status, after.latest_invoice.amount_paid) == ("paid", 1000)
    assert after["items"].data[0].current_period_end == at("2026-12-15")


def test_a_trial_that_is_ended_now_is_charged_now(client, subscribe, with_card):
    with_card()
    sub = subscribe(trial_period_days=14)
    after = client.v1.subscriptions.update(sub.id, {"trial_end": "now", "expand": ["latest_invoice"]})
    assert (after.status, after.latest_invoice.amount_paid) == ("active", 1000)
    assert after["items"].data[0].current_period_start == at("2026-11-01")


@pytest.mark.parametrize(
    ("then", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
)
def test_a_trial_that_ends_without_a_card_does_as_it_was_set(client, subscribe, with_card, clock, then, status):
    behavior = {"end_behavior": {"missing_payment_method": then}}
    sub = subscribe(trial_period_days=7, trial_settings=behavior)
    clock("2026-11-08")
    assert client.v1.subscriptions.retrieve(sub.id).status == status
    if status == "paused":
        with_card()
        resumed = client.v1.subscriptions.resume(sub.id, {"billing_cycle_anchor": "now"})
        assert (resumed.status, resumed["items"].data[0].current_period_start) == ("active", at("2026-11-08"))


def test_canceling_twice_is_no_such_subscription(client, subscribe, with_card, panel):
    with_card()
    sub = subscribe()
    ended = client.v1.subscriptions.cancel(sub.id)
    assert (ended.status, ended.ended_at) == ("canceled", at("2026-11-01"))
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.subscriptions.cancel(sub.id)
    assert (gone.value.http_status, gone.value.code) == (404, "resource_missing")
    assert str(gone.value.user_message) == f"No such subscription: '{sub.id}'"
    assert client.v1.subscriptions.retrieve(sub.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="can only update"):
        client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    assert kinds_since(panel, 0)[-1] == "customer.subscription.deleted"


def test_an_end_at_the_periods_end_may_be_taken_back(client, subscribe, with_card, clock):
    with_card()
    sub = subscribe()
    ending = client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at) == ("active", at("2026-12-01"))
    kept = client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    clock("2026-12-02")
    after = client.v1.subscriptions.retrieve(sub.id)
    assert (after.status, after.ended_at, after.latest_invoice) == ("canceled", at("2026-12-01"), sub.latest_invoice)


def test_a_list_shows_what_has_not_ended_unless_it_is_asked_for(client, customer, subscribe, with_card):
    with_card()
    first, second = subscribe(), subscribe()
    client.v1.subscriptions.cancel(first.id)
    shown = client.v1.subscriptions.list
    assert [s.id for s in shown({"customer": customer.id}).data] == [second.id]
    assert [s.id for s in shown({"status": "all", "created": {"gte": at("2026-11-01")}}).data] == [second.id, first.id]
    assert [s.id for s in shown({"status": "ended"}).data] == [first.id]
    assert [s.id for s in shown({"price": second["items"].data[0].price.id}).data] == [second.id]


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": [{"price": "price_none"}]},
        {"trial_end": at("2026-10-01")},
        {"billing_cycle_anchor": at("2027-01-01")},
        {"default_payment_method": "pm_card_visa"},
        {"discounts": [{"coupon": "NONE"}]},
    ],
)
def test_what_makes_no_sense_is_refused(subscribe, with_card, panel, wrong):
    with_card()
    with pytest.raises(stripe.InvalidRequestError):
        subscribe(**wrong)
    assert panel.objects("subscriptions") == []


def test_a_customer_is_billed_in_one_currency(subscribe, price, with_card):
    with_card()
    subscribe()
    with pytest.raises(stripe.InvalidRequestError, match="cannot combine currencies"):
        subscribe(price_id=price(1000, currency="eur"))


def test_a_deleted_customer_has_no_subscriptions_and_a_detached_card_is_nobodys(client, customer, subscribe, with_card):
    card = with_card()
    sub = subscribe(default_payment_method=card)
    client.v1.payment_methods.detach(card)
    assert client.v1.subscriptions.retrieve(sub.id).default_payment_method is None
    client.v1.customers.delete(customer.id)
    assert client.v1.subscriptions.retrieve(sub.id).status == "canceled"


def test_the_same_key_subscribes_once(client, customer, price, with_card, panel):
    with_card()
    params = {"customer": customer.id, "items": [{"price": price(1000)}]}
    one, other = (client.v1.subscriptions.create(params, {"idempotency_key": "sub:1"}) for _ in range(2))
    assert one.id == other.id and len(panel.objects("subscriptions")) == 1


def test_all_of_it_has_the_shape_that_the_sdk_says(client, customer, subscribe, price, with_card, panel, clock):
    with_card()
    client.v1.coupons.create({"id": "WELCOME", "percent_off": 10, "duration": "forever"})
    sub = subscribe(discounts=[{"coupon": "WELCOME"}])
    subscribe(trial_period_days=3)
    client.v1.subscription_schedules.create({"from_subscription": sub.id})
    with_card("pm_card_chargeCustomerFail")
    change = {"items": [{"id": sub["items"].data[0].id, "price": price(9000)}], "proration_behavior": "always_invoice"}
    client.v1.subscriptions.update(sub.id, {**change, "payment_behavior": "pending_if_incomplete"})
    clock("2026-11-05")
    classes = {
        "subscriptions": stripe.Subscription,
        "invoices": stripe.Invoice,
        "invoice_payments": stripe.InvoicePayment,
        "discounts": stripe.Discount,
        "subscription_schedules": stripe.SubscriptionSchedule,
        "payment_intents": stripe.PaymentIntent,
        "setup_intents": stripe.SetupIntent,
        "events": stripe.Event,
    }
    for kind, shape in classes.items():
        things = panel.objects(kind)
        assert things or kind == "setup_intents", kind
        for thing in things:
            check_answer(shape, thing)
    for invoice in panel.objects("invoices"):
        for line in invoice["lines"]["data"]:
            check_answer(stripe.InvoiceLineItem, line)
    for each in panel.objects("subscriptions"):
        for item in each["items"]["data"]:
            check_answer(stripe.SubscriptionItem, item)
            check_answer(stripe.Price, item["price"])
            check_answer(stripe.Plan, item["plan"])


def test_its_parts_are_opened_on_request(client, subscribe, with_card):
    card = with_card()
    client.v1.coupons.create({"id": "TEN", "percent_off": 10, "duration": "forever"})
    sub = subscribe(default_payment_method=card, discounts=[{"coupon": "TEN"}])
    wanted = ["customer", "default_payment_method", "items.data.price.product", "discounts.source.coupon"]
    opened = client.v1.subscriptions.retrieve(sub.id, {"expand": wanted})
    assert opened.customer.email == "owner@acme.example"
    assert opened.default_payment_method.card.last4 == "4242"
    assert opened["items"].data[0].price.product.name == "Professional"
    assert opened.discounts[0].source.coupon.percent_off == 10
    deep = ["latest_invoice.payments.data.payment", "latest_invoice.discounts"]
    invoice = client.v1.subscriptions.retrieve(sub.id, {"expand": deep}).latest_invoice
    assert invoice.payments.data[0].payment.payment_intent.startswith("pi_")
    assert invoice.discounts[0].subscription == sub.id


def test_it_is_found_by_what_its_maker_wrote_on_it(client, subscribe, with_card):
    with_card()
    sub = subscribe()
    query = {"query": "metadata['subscription_id']:'s1'"}
    assert [each.id for each in client.v1.subscriptions.search(query).data] == [sub.id]
    assert client.v1.invoices.search({"query": "status:'paid'"}).data[0].id == sub.latest_invoice


def test_one_that_never_began_expires_when_it_is_canceled_and_is_only_updated(client, subscribe, panel):
    sub = subscribe(payment_behavior="default_incomplete")
    ended = client.v1.subscriptions.cancel(sub.id)
    assert (ended.status, ended.canceled_at) == ("incomplete_expired", at("2026-11-01"))
    assert kinds_since(panel, 0)[-1] == "customer.subscription.updated"
    assert panel.objects("invoices")[0]["status"] == "void"


def test_what_happens_by_itself_is_in_the_log_too(subscribe, with_card, panel, sandbox):
    card = with_card()
    sub = subscribe(default_payment_method=card)
    sandbox.books.note("clock", at("2026-12-01"))
    sandbox.tick()
    last = panel.log()[-1]
    assert (last["path"], last["effect"]["kind"], last["effect"]["amount"]) == ("/__sandbox/clock", "charge", 1000)
    assert panel.objects("subscriptions")[0]["id"] == sub.id


def test_the_cycle_may_begin_anew_today(client, subscribe, with_card, clock):
    with_card()
    sub = subscribe(3000)
    clock("2026-11-16")
    how = {"billing_cycle_anchor": "now", "proration_behavior": "create_prorations"}
    preview = client.v1.invoices.create_preview({"subscription": sub.id, "subscription_details": how})
    after = client.v1.subscriptions.update(sub.id, {**how, "expand": ["latest_invoice"]})
    assert [line.amount for line in after.latest_invoice.lines.data] == [-1500, 3000]
    assert preview.amount_due == after.latest_invoice.amount_paid == 1500
    assert after["items"].data[0].current_period_end == at("2026-12-16")


def test_items_come_and_go(client, subscribe, price, with_card, clock):
    with_card()
    sub = subscribe(3000)
    clock("2026-11-16")
    how = {"proration_behavior": "always_invoice", "expand": ["latest_invoice"]}
    more = client.v1.subscriptions.update(sub.id, {"items": [{"price": price(600)}], **how})
    assert [item.price.unit_amount for item in more["items"].data] == [3000, 600]
    assert more.latest_invoice.total == 300
    gone = {"id": more["items"].data[0].id, "deleted": True}
    less = client.v1.subscriptions.update(sub.id, {"items": [gone], **how})
    assert ([item.price.unit_amount for item in less["items"].data], less.latest_invoice.total) == ([600], -1500)
    with pytest.raises(stripe.InvalidRequestError, match="prices of this subscription are in usd"):
        swapped = [{"id": less["items"].data[0].id, "price": price(500, currency="eur")}]
        client.v1.subscriptions.update(sub.id, {"items": swapped})
