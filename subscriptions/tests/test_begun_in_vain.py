"""Starts at a provider that came to nothing, or that nobody could read: they charge nobody twice, run beside nothing,
and take away nothing that is paid for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.notices.models import OutboxMessage
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import SYSTEM
from payments.actions.crediting import issue_credit_note
from payments.actions.saving_methods import customer_for
from payments.actions.syncing_methods import sync_methods
from payments.models import Discrepancy, Invoice, Payment, Refund
from payments.providers import breaker
from payments.tests.offline_world import check_over, verify_check
from subscriptions import tasks
from subscriptions.actions import comparing, giving_up, moving
from subscriptions.actions.subscribing import start_subscription
from subscriptions.entitlement import entitlement
from subscriptions.models import Subscription
from subscriptions.tests import paypal_plans
from subscriptions.tests.pages_world import browser, sent
from subscriptions.tests.plan_world import price, two_plans
from subscriptions.tests.stripe_plans import begun, followed, in_between, order, send, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
NEEDS_BANK = "pm_card_authenticationRequired"


def test_agreed_to_in_another_currency_after_another_has_begun_it_ends_at_paypal(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    first = paypal_plans.begun(owner, paypal_plans.at_paypal(price(currency="eur")))
    start_subscription(tenant=acme, price=price(1_000, code="other"), seats=1, actor=SYSTEM, now=timezone.now())
    followed()
    paypal.approve(first.provider_ref or "")
    paypal_plans.told(paypal)
    tasks.follow_all()
    assert paypal.objects("subscriptions")[0]["status"] == "CANCELLED"
    told_of = Discrepancy.objects.filter(closed_at=None, kind=Discrepancy.Kind.AMOUNT_DIFFERS)
    assert "It could not be booked" in told_of.get().detail, "its money is for staff: our books can't hold it"


def test_begun_and_not_to_be_read_it_is_no_error_that_asks_to_begin_again(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    stripe.fault("html_500", "/v1/invoices*", method="GET", times=2)
    body = json.dumps({"planType": "small", "billingCycle": "monthly", "paymentMethodId": "pm_1234567890"})
    for _ in range(2):
        answer = owner.post("/api/subscription", body, "application/json", HTTP_IDEMPOTENCY_KEY="one")
        assert (answer.status_code, answer.json()["status"]) == (201, "incomplete"), answer.content
        breaker.forget()
    told(stripe)
    assert (Subscription.objects.get().status, stripe.taken()) == ("active", [1_000])


def by_debit(stripe: StripeWorld, acme: Any, owner: Client) -> Payment:
    """Of a start's first bill; its bank takes days."""
    two_plans()
    account = stripe.bank_account(customer_for(tenant=acme, provider=stripe.provider, now=timezone.now()).provider_ref)
    sync_methods(tenant=acme, now=timezone.now())
    answer = order(owner, account)
    assert (answer.status_code, answer.json()["status"]) == (201, "incomplete"), answer.content
    payment = Payment.objects.get()
    assert payment.status == "processing"
    return payment


def test_a_debit_under_way_is_not_declined(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    payment = by_debit(stripe, acme, owner)
    said = words(owner.get("/subscription"))
    assert "Your bank is collecting the first payment" in said and "Try again" not in said
    stripe.settle(payment.provider_ref or "", "succeeded")
    told(stripe)
    assert (Subscription.objects.get().status, stripe.taken()) == ("active", [1_000])


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_what_a_bank_collects_for_a_start_that_lost_its_place_goes_back_once_it_has_come(
    stripe: StripeWorld, acme: Any, owner: Client, outcome: str
) -> None:
    """Nobody can end that before: Stripe refuses it, and is not asked again and again."""
    payment = by_debit(stripe, acme, owner)
    another_begins(acme)
    told(stripe)
    assert stripe.objects("subscriptions")[0]["status"] == "incomplete"
    assert not OutboxMessage.objects.filter(done_at=None).exists()
    stripe.settle(payment.provider_ref or "", outcome)
    told(stripe)
    followed()
    assert stripe.objects("subscriptions")[0]["status"] in ("canceled", "incomplete_expired")
    came = [1_000] if outcome == "succeeded" else []
    assert [each["amount"] for each in stripe.objects("refunds")] == stripe.taken() == came
    assert Subscription.objects.get(status="active").engine == "invoice"


def test_a_refusal_to_end_it_for_no_debit_is_tried_again(
    stripe: StripeWorld, acme: Any, owner: Client, monkeypatch: Any
) -> None:
    two_plans()
    order(owner, NEEDS_BANK)
    stripe.fault("status", "/v1/subscriptions/*", method="DELETE", status=400)
    another_begins(acme)
    assert OutboxMessage.objects.get(done_at=None).topic == "subscription.dropped"


def test_given_up_while_its_bank_collects_it_goes_on(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    payment = by_debit(stripe, acme, owner)
    made = Subscription.objects.get()
    giving_up.give_up(subscription_id=made.id, actor=SYSTEM, now=timezone.now())
    stripe.settle(payment.provider_ref or "", "succeeded")
    told(stripe)
    made.refresh_from_db()
    assert (made.status, made.cancel_reason) == ("active", "")


def test_what_is_paid_for_stays_whatever_was_begun_in_vain(
    stripe: StripeWorld, paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    paid = paypal_plans.agreed(paypal, paypal_plans.begun(owner, paypal_plans.at_paypal(price())))
    paypal_plans.post(owner, f"{paypal_plans.PATH}/{paid.id}/cancel")
    before = entitlement(acme, timezone.now())
    assert before.active, "to the end of what was paid"
    two_plans()
    made = Subscription.objects.get(id=order(owner, NEEDS_BANK).json()["id"])
    giving_up.give_up(subscription_id=made.id, actor=SYSTEM, now=timezone.now())
    assert entitlement(acme, timezone.now()) == before


def test_a_check_for_a_bill_that_is_void_is_credit_and_does_not_go_back_by_itself(
    stripe: StripeWorld, owner: Client
) -> None:
    two_plans()
    made = Subscription.objects.get(id=order(owner, NEEDS_BANK).json()["id"])
    check = check_over([], [], amount=1_000, named=Invoice.objects.get(), now=timezone.now())
    giving_up.give_up(subscription_id=made.id, actor=SYSTEM, now=timezone.now())
    told(stripe)
    followed()
    verify_check(check, now=timezone.now())
    assert send(owner, "post", "", {"planType": "small", "billingCycle": "monthly"}).status_code == 201
    tasks.follow_all()
    followed()
    assert not Refund.objects.exists(), "it has paid the subscription that runs"


def test_a_list_that_is_old_by_now_ends_and_tells_nothing(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    begun(owner)
    told(stripe)
    old = list(stripe.provider.subscriptions_since(timezone.now() - timedelta(days=2)))
    send(owner, "post", "/cancel", {"atPeriodEnd": False})

    class Page:
        """The provider, whose list was read before."""

        def __getattr__(self, name: str) -> Any:
            return getattr(stripe.provider, name)

        def subscriptions_since(self, since: Any) -> Any:
            return iter(old)

    comparing.compare(provider=Page(), since=timezone.now(), actor=SYSTEM, now=timezone.now())  # type: ignore[arg-type]
    assert not Discrepancy.objects.exists()


def another_begins(acme: Any) -> None:
    """By invoice; and what follows from that is done."""
    start_subscription(tenant=acme, price=price(1_000, code="other"), seats=1, actor=SYSTEM, now=timezone.now())
    followed()


@pytest.mark.parametrize("method", ["pm_1234567890", NEEDS_BANK])
@pytest.mark.parametrize("after", [False, True], ids=["before Stripe knew", "after Stripe knew"])
def test_where_another_took_its_place_meanwhile_it_says_so_and_ends(
    stripe: StripeWorld, acme: Any, owner: Client, monkeypatch: Any, method: str, after: bool
) -> None:
    two_plans()
    created = ("post", "/v1/subscriptions")
    in_between(stripe, monkeypatch, created, lambda: another_begins(acme), after=after)
    answer = order(owner, method)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed"), answer.content
    followed()
    told(stripe)
    followed()
    assert stripe.objects("subscriptions")[0]["status"] in ("canceled", "incomplete_expired")
    assert sum(stripe.taken()) == sum(each["amount"] for each in stripe.objects("refunds"))
    assert not Payment.objects.filter(status="requires_action").exists()
    assert not Invoice.objects.exclude(provider=None).filter(status="open").exists()


def test_its_page_does_not_say_that_it_has_begun(stripe: StripeWorld, acme: Any, monkeypatch: Any) -> None:
    price(2_900, code="pro")
    client = browser(acme)
    customer = customer_for(tenant=acme, provider=stripe.provider, now=timezone.now())
    card = stripe.saved_method(customer.provider_ref)
    client.post("/methods/saved", {"method_ref": card})
    page = client.get("/subscription/start?plan=pro&cycle=monthly&seats=2")
    created = ("post", "/v1/subscriptions")
    in_between(stripe, monkeypatch, created, lambda: another_begins(acme), after=False)
    said = words(client.post("/subscription/start", sent(page, pay_with=card), follow=True))
    assert "Your subscription has begun already" in said and "You are on" not in said


def test_come_to_wait_for_its_payer_after_it_ended_here_it_ends_there(stripe: StripeWorld, owner: Client) -> None:
    """It was given up while nobody knew that Stripe had begun it."""
    two_plans()
    stripe.fault("drop_after", "/v1/subscriptions", times=2)
    made = Subscription.objects.get(id=order(owner, NEEDS_BANK).json()["id"])
    moving.end_unbegun(subscription_id=made.id, reason="given up", actor=SYSTEM, now=timezone.now())
    told(stripe)
    assert stripe.objects("subscriptions")[0]["status"] == "incomplete_expired"
    assert not Payment.objects.filter(status="requires_action").exists()
    assert not Invoice.objects.filter(status="open").exists()


@pytest.mark.parametrize(("other", "back"), [(600, [400]), (1_000, []), (0, [1_000])])
def test_what_has_paid_something_else_by_now_does_not_go_back_by_itself(
    stripe: StripeWorld, acme: Any, owner: Client, other: int, back: list[int]
) -> None:
    """Its bill was credited before its payer confirmed: the money was credit then, and has paid for what runs."""
    two_plans()
    order(owner, NEEDS_BANK)
    payment = Payment.objects.get()
    moving.end_unbegun(
        subscription_id=Subscription.objects.get().id, reason="given up", actor=SYSTEM, now=timezone.now()
    )
    facts: dict[str, Any] = {"amount": payment.amount, "reason": "it never began", "actor": SYSTEM}
    issue_credit_note(invoice_id=Invoice.objects.get().id, now=timezone.now(), **facts)
    stripe.authenticate(payment.provider_ref or "")
    told(stripe)
    if other:
        facts = {"price": price(other, code="other"), "seats": 1, "actor": SYSTEM, "now": timezone.now()}
        start_subscription(tenant=acme, **facts)
    for _ in range(2):
        followed()
        assert [each["amount"] for each in stripe.objects("refunds")] == back
    staffs = Discrepancy.objects.get(kind="not_needed", closed_at=None)
    assert staffs.amount_minor == (other or 1_000)
    assert ("has paid other invoices" in staffs.detail) is bool(other)


@pytest.mark.parametrize("how", ["another was begun", "given up", "lapsed"])
def test_one_that_never_began_is_not_said_to_have_ended(
    stripe: StripeWorld, acme: Any, owner: Client, mailoutbox: list[Any], how: str
) -> None:
    two_plans()
    made = Subscription.objects.get(id=order(owner, NEEDS_BANK).json()["id"])
    if how == "another was begun":
        another_begins(acme)
    elif how == "given up":
        giving_up.give_up(subscription_id=made.id, actor=SYSTEM, now=timezone.now())
    else:
        stripe.clock(timezone.now() + timedelta(days=1, hours=1))
    told(stripe)
    followed()
    made.refresh_from_db()
    assert made.status == "canceled"
    assert not [each.subject for each in mailoutbox if "ended" in each.subject + each.body]
