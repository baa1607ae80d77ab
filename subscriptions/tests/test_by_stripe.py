"""Subscriptions that Stripe charges: begun, renewed, changed and ended, by both books and by the stand-in's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.notices import outbox
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions.saving_methods import customer_for
from payments.models import Invoice, LedgerLeg, Payment
from payments.providers import breaker
from subscriptions import tasks
from subscriptions.entitlement import entitlement
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import moves, price, two_plans
from subscriptions.tests.stripe_plans import begun, billed, followed, invoices, order, send, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe", "books_hold")]


def cash() -> int:
    return sum(LedgerLeg.objects.filter(account="cash_stripe").values_list("amount_minor", flat=True))


def test_the_guides_subscription_and_its_renewals(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    two_plans()
    answer = order(owner, seats=2).json()
    assert (answer["status"], answer["provider"], answer["seats"]) == ("active", "stripe", 2)
    assert invoices() == [("paid", 2_000)]
    subscription = Subscription.objects.get()
    told(stripe)
    for renewal in (2, 3):
        billed(stripe, subscription)
        told(stripe)
        told(stripe)
        assert invoices() == [("paid", 2_000)] * renewal
    fees = sum(each.fee_minor or 0 for each in Payment.objects.all())
    assert (stripe.taken(), cash()) == ([2_000] * 3, 6_000 - fees)
    assert Payment.objects.count() == 3, "its intent's own event is not a second one"
    spans = list(Invoice.objects.order_by("number").values_list("period_start", "period_end"))
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    subscription.refresh_from_db()
    assert (subscription.period_start, subscription.period_end) == spans[-1]
    assert entitlement(acme, timezone.now()).active


def test_the_guides_trial(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    price(code="professional", trial_days=14)
    body = {"planType": "professional", "billingCycle": "monthly", "paymentMethodId": "pm_1234567890", "trialDays": 14}
    answer = send(owner, "post", "", body).json()
    assert answer["status"] == "trialing"
    assert [each for each in invoices() if each[1]] == [] and stripe.taken() == []
    assert Subscription.objects.get().trial_start is not None


def books_agree(stripe: StripeWorld) -> None:
    """Bill for bill and payment for payment: the same references, and what was asked and taken."""
    theirs = {(each["id"], each["total"], each["status"]) for each in stripe.objects("invoices")}
    assert set(Invoice.objects.values_list("provider_ref", "total_minor", "status")) == theirs
    taken = {(each["payment_intent"], each["amount"]) for each in stripe.objects("charges") if each["paid"]}
    assert set(Payment.objects.filter(status="succeeded").values_list("provider_ref", "amount_minor")) == taken
    assert Invoice.objects.count() == len(theirs) and Payment.objects.count() == len(taken)


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "together"])
@pytest.mark.parametrize("order_of_events", ["forward", "backward"])
def test_a_renewals_events_in_both_orders_and_twice_are_one_invoice_and_one_payment(
    stripe: StripeWorld, owner: Client, order_of_events: str, one_by_one: bool
) -> None:
    two_plans()
    subscription = begun(owner)
    told(stripe)
    before = {each["id"] for each in stripe.objects("events")}
    stripe.panel("POST", "webhooks", {"mode": "drop"})
    billed(stripe, subscription)
    stripe.panel("POST", "webhooks", {"mode": "normal"})
    events = [each for each in stripe.objects("events") if each["id"] not in before]
    assert {"invoice.paid", "payment_intent.succeeded", "charge.succeeded"} <= {each["type"] for each in events}
    for event in events if order_of_events == "forward" else reversed(events):
        for _ in range(2):
            stripe.panel("POST", "webhooks/resend", {"eventId": event["id"]})
            if one_by_one:
                told(stripe)
    told(stripe)
    assert invoices() == [("paid", 1_000)] * 2
    books_agree(stripe)
    tasks.follow_all()
    books_agree(stripe)


@pytest.mark.parametrize("first", ["invoice.paid", "payment_intent.succeeded", "charge.succeeded"])
def test_any_one_event_of_a_renewal_alone_and_then_the_night_are_one_payment(
    stripe: StripeWorld, owner: Client, first: str
) -> None:
    two_plans()
    subscription = begun(owner)
    told(stripe)
    stripe.panel("POST", "webhooks", {"mode": "drop"})
    billed(stripe, subscription)
    stripe.panel("POST", "webhooks", {"mode": "normal"})
    event = [each["id"] for each in stripe.objects("events") if each["type"] == first][-1]
    stripe.panel("POST", "webhooks/resend", {"eventId": event})
    told(stripe)
    tasks.follow_all()
    assert invoices() == [("paid", 1_000)] * 2
    books_agree(stripe)


def test_the_same_renewal_seen_only_at_night(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    stripe.panel("POST", "webhooks", {"mode": "drop"})
    billed(stripe, subscription)
    for _ in range(2):
        tasks.follow_all()
        assert invoices() == [("paid", 1_000)] * 2
        books_agree(stripe)
    assert Payment.objects.count() == 2


def test_a_declined_first_payment_starts_nothing(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    two_plans()
    answer = order(owner, "pm_card_chargeCustomerFail")
    assert (answer.status_code, answer.json()["code"]) == (402, "card_declined"), answer.content
    assert not entitlement(acme, timezone.now()).active
    assert stripe.taken() == []
    assert "has not begun" in owner.get("/subscription").content.decode()
    again = begun(owner)
    assert (again.status, Subscription.objects.exclude(id=again.id).get().status) == ("active", "canceled")
    told(stripe)
    tasks.follow_all()
    assert stripe.taken() == [1_000]


def test_three_d_secure_confirmed_makes_it_active(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    two_plans()
    answer = order(owner, "pm_card_authenticationRequiredOnSetup")
    if answer.json().get("status") != "incomplete":
        answer = order(owner, "pm_card_authenticationRequired")
    made = answer.json()
    assert (answer.status_code, made["status"]) == (201, "incomplete"), answer.content
    intent = made["clientSecret"].partition("_secret")[0]
    assert not entitlement(acme, timezone.now()).active
    page = owner.get("/subscription").content.decode()
    assert "confirm the first payment" in page and f"/subscription/{made['id']}/confirm" in page
    stripe.authenticate(intent)
    told(stripe)
    assert (Subscription.objects.get(id=made["id"]).status, invoices()) == ("active", [("paid", 1_000)])


def test_an_upgrade_is_charged_as_it_was_shown(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner, seats=2)
    shown = send(owner, "post", "/preview", {"planType": "big"}).json()
    assert shown["when"] == "now" and shown["amountDueNow"] > 0
    changed = send(owner, "patch", "", {"planType": "big", "previewToken": shown["previewToken"]})
    assert (changed.status_code, changed.json()["planType"]) == (200, "big"), changed.content
    bill = Invoice.objects.get(billing_reason="change")
    assert (bill.total_minor, bill.status) == (shown["total"], "paid")
    lines = [{"title": each.title, "amount": each.amount_minor} for each in bill.lines.order_by("position")]
    assert lines == shown["lines"]
    asked = [each for each in stripe.panel("GET", "log") if each["path"].startswith("/v1/subscriptions/")]
    assert asked, "by one update of the subscription"
    told(stripe)
    subscription.refresh_from_db()
    assert Invoice.objects.count() == 2


def test_a_downgrade_waits_for_the_period_and_may_be_taken_back(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner, planType="big", seats=3)
    answer = send(owner, "patch", "", {"seats": 1}).json()
    assert (answer["seats"], answer["pendingChange"]["seats"]) == (3, 1)
    back = send(owner, "patch", "", {"seats": 3}).json()
    assert (back["seats"], back["pendingChange"]) == (3, None)
    send(owner, "patch", "", {"planType": "small"})
    told(stripe)
    billed(stripe, subscription)
    told(stripe)
    assert invoices()[-1] == ("paid", 3_000)
    assert owner.get("/api/subscription").json()["planType"] == "small"


def test_canceled_at_the_periods_end_and_kept(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    begun(owner)
    for _ in range(2):
        assert send(owner, "post", "/cancel").json()["cancelAtPeriodEnd"] is True
    assert stripe.objects("subscriptions")[0]["cancel_at_period_end"] is True
    for _ in range(2):
        assert send(owner, "post", "/resume").json()["cancelAtPeriodEnd"] is False
    assert stripe.objects("subscriptions")[0]["cancel_at_period_end"] is False
    ended = send(owner, "post", "/cancel", {"atPeriodEnd": False}).json()
    assert (ended["status"], stripe.objects("subscriptions")[0]["status"]) == ("canceled", "canceled")
    told(stripe)
    assert moves(Subscription.objects.get())[-1] == "canceled"


@pytest.mark.parametrize("again", ["by its tenant", "at night"])
def test_an_end_that_stripe_never_heard_of_is_said_again(stripe: StripeWorld, owner: Client, again: str) -> None:
    two_plans()
    begun(owner)
    stripe.fault("drop_before", "/v1/subscriptions/*")
    assert send(owner, "post", "/cancel").status_code == 503
    assert stripe.objects("subscriptions")[0]["cancel_at_period_end"] is False
    breaker.forget()
    if again == "at night":
        tasks.follow_all()
    else:
        assert send(owner, "post", "/cancel").json()["cancelAtPeriodEnd"] is True
    assert stripe.objects("subscriptions")[0]["cancel_at_period_end"] is True


def test_paused_its_bills_are_void_and_it_goes_on(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    assert send(owner, "post", "/pause").json()["status"] == "paused"
    billed(stripe, subscription)
    told(stripe)
    assert invoices() == [("paid", 1_000)]
    assert send(owner, "post", "/resume").json()["status"] == "active"


def test_a_renewal_that_is_declined_is_past_due_and_recovered(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    told(stripe)
    billed(stripe, subscription, "failed")
    told(stripe)
    subscription.refresh_from_db()
    assert (subscription.status, entitlement(acme, timezone.now()).active) == ("past_due", True)
    assert invoices() == [("paid", 1_000), ("open", 1_000)]
    assert Payment.objects.filter(status="failed").count() == 1
    bill = next(each for each in stripe.objects("invoices") if each["status"] == "open")
    stripe.api.invoices.pay(bill["id"], {"payment_method": "pm_card_visa"})
    told(stripe)
    subscription.refresh_from_db()
    assert (subscription.status, invoices()) == ("active", [("paid", 1_000)] * 2)
    assert stripe.taken() == [1_000, 1_000]


def test_an_answer_that_was_lost_begins_it_once(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    stripe.fault("drop_after", "/v1/subscriptions", times=2)
    answer = order(owner)
    assert answer.status_code in (201, 202)
    Subscription.objects.update(started_at=timezone.now() - timedelta(minutes=10))
    tasks.follow_begun()
    assert Subscription.objects.get().status == "active"
    assert (len(stripe.objects("subscriptions")), stripe.taken(), invoices()) == (1, [1_000], [("paid", 1_000)])


def test_a_method_of_another_customer_is_not_there(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    other = world.tenant(slug="other")
    theirs = stripe.saved_method(customer_for(tenant=other, provider=stripe.provider, now=timezone.now()).provider_ref)
    answer = order(owner, theirs)
    assert answer.status_code == 404, answer.content
    assert stripe.taken() == []


def waits_for_its_bank(client: Client) -> tuple[Subscription, str]:
    """Begun with a card whose bank asks each time, and the intent that it asks about."""
    made = order(client, "pm_card_authenticationRequired").json()
    assert made["status"] == "incomplete"
    return Subscription.objects.get(id=made["id"]), made["clientSecret"].partition("_secret")[0]


def test_three_d_secure_refused_leaves_it_incomplete_and_in_nobodys_way(
    stripe: StripeWorld, acme: Any, owner: Client
) -> None:
    two_plans()
    first, intent = waits_for_its_bank(owner)
    stripe.authenticate(intent, "failed")
    for _ in range(2):
        told(stripe)
        outbox.deliver_due(timezone.now())
    first.refresh_from_db()
    assert (first.status, entitlement(acme, timezone.now()).active) == ("incomplete", False)
    assert list(Payment.objects.values_list("status", flat=True)) == ["failed"]
    page = owner.get("/subscription").content.decode()
    assert "You did not confirm this payment at your bank" in page and "Try again" in page
    second, intent = waits_for_its_bank(owner)
    followed()
    assert [each["status"] for each in stripe.objects("subscriptions")] == ["incomplete_expired", "incomplete"]
    stripe.authenticate(intent)
    told(stripe)
    assert [Subscription.objects.get(id=each.id).status for each in (first, second)] == ["canceled", "active"]
    assert stripe.taken() == [1_000]
    assert not Invoice.objects.filter(status="open").exists()


def test_what_was_refused_is_confirmed_after_all_and_booked_once(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription, intent = waits_for_its_bank(owner)
    stripe.authenticate(intent, "failed")
    told(stripe)
    stripe.api.payment_intents.confirm(intent, {"payment_method": "pm_card_visa", "use_stripe_sdk": True})
    for _ in range(2):
        told(stripe)
    subscription.refresh_from_db()
    assert (subscription.status, invoices(), stripe.taken()) == ("active", [("paid", 1_000)], [1_000])
    assert sorted(Payment.objects.values_list("status", flat=True)) == ["failed", "succeeded"]


def test_a_start_that_another_replaced_can_not_be_paid_for_any_more(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    first, intent = waits_for_its_bank(owner)
    begun(owner)
    followed()
    assert stripe.api.payment_intents.retrieve(intent).status == "canceled"
    told(stripe)
    first.refresh_from_db()
    assert (first.status, stripe.taken()) == ("canceled", [1_000])
    assert sorted(Payment.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]


def test_a_start_by_invoice_replaces_it_too(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    first, intent = waits_for_its_bank(owner)
    by_invoice = send(owner, "post", "", {"planType": "small", "billingCycle": "monthly"})
    assert (by_invoice.status_code, by_invoice.json()["provider"]) == (201, "invoice"), by_invoice.content
    followed()
    assert stripe.api.payment_intents.retrieve(intent).status == "canceled"
    told(stripe)
    first.refresh_from_db()
    assert (first.status, stripe.taken(), invoices()) == ("canceled", [], [("paid", 1_000), ("open", 1_000)])


def test_what_was_confirmed_before_it_could_be_dropped_goes_back(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    two_plans()
    first, intent = waits_for_its_bank(owner)
    assert send(owner, "post", "", {"planType": "small", "billingCycle": "monthly"}).status_code == 201
    stripe.authenticate(intent)
    for _ in range(2):
        told(stripe)
        followed()
    first.refresh_from_db()
    assert first.status == "canceled" and stripe.objects("subscriptions")[0]["status"] == "canceled"
    assert (stripe.taken(), [each["amount"] for each in stripe.objects("refunds")]) == ([1_000], [1_000])
    assert queries.credit_balance(acme, "usd").minor == 0
    assert Invoice.objects.get(status="open").subscription_ref != first.id


def test_a_trial_whose_card_its_bank_wants_confirmed(stripe: StripeWorld, owner: Client) -> None:
    price(code="professional", trial_days=14)
    answer = order(owner, "pm_card_authenticationRequired", planType="professional", trialDays=14)
    made = answer.json()
    assert (answer.status_code, made["status"]) == (201, "trialing"), answer.content
    assert made["clientSecret"].startswith("seti_")
    stripe.authenticate(made["clientSecret"].partition("_secret")[0])
    told(stripe)
    (there,) = stripe.objects("subscriptions")
    assert (there["status"], there["pending_setup_intent"], stripe.taken()) == ("trialing", None, [])
