"""Starts at a provider whose place another took, or whose bank takes days: they end there when they can, and what they
charged goes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.notices.models import OutboxMessage
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import SYSTEM
from payments.actions.saving_methods import customer_for
from payments.actions.syncing_methods import sync_methods
from payments.models import Invoice, Payment
from subscriptions.actions import giving_up, moving
from subscriptions.actions.subscribing import start_subscription
from subscriptions.models import Subscription
from subscriptions.tests.pages_world import browser, sent
from subscriptions.tests.plan_world import price, two_plans
from subscriptions.tests.stripe_plans import followed, in_between, order, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
NEEDS_BANK = "pm_card_authenticationRequired"


def another_begins(acme: Any) -> None:
    """By invoice; and what follows from that is done."""
    start_subscription(tenant=acme, price=price(1_000, code="other"), seats=1, actor=SYSTEM, now=timezone.now())
    followed()


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


@pytest.mark.parametrize("after", [False, True], ids=["before they were read", "after that"])
def test_another_took_its_place_while_its_bills_were_read(
    stripe: StripeWorld, acme: Any, owner: Client, monkeypatch: Any, after: bool
) -> None:
    """No event tells of the bill that is void since: it stands open nowhere."""
    two_plans()
    in_between(stripe, monkeypatch, ("get", "/v1/invoices"), lambda: another_begins(acme), after=after)
    answer = order(owner, NEEDS_BANK)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed"), answer.content
    followed()
    assert not Payment.objects.filter(status="requires_action").exists() and stripe.taken() == []
    assert not Invoice.objects.exclude(provider=None).filter(status="open").exists()


def about_to_start(stripe: StripeWorld, acme: Any) -> tuple[Client, dict[str, str]]:
    """A browser, and the form of its start page, paid with a saved card."""
    price(2_900, code="pro")
    client = browser(acme)
    customer = customer_for(tenant=acme, provider=stripe.provider, now=timezone.now())
    card = stripe.saved_method(customer.provider_ref)
    client.post("/methods/saved", {"method_ref": card})
    return client, sent(client.get("/subscription/start?plan=pro&cycle=monthly&seats=2"), pay_with=card)


def test_its_page_does_not_say_that_it_has_begun(stripe: StripeWorld, acme: Any, monkeypatch: Any) -> None:
    client, form = about_to_start(stripe, acme)
    created = ("post", "/v1/subscriptions")
    in_between(stripe, monkeypatch, created, lambda: another_begins(acme), after=False)
    said = words(client.post("/subscription/start", form, follow=True))
    assert "Your subscription has begun already" in said and "You are on" not in said


def test_given_up_in_another_tab_its_page_says_that_it_has_ended(
    stripe: StripeWorld, acme: Any, monkeypatch: Any
) -> None:
    client, form = about_to_start(stripe, acme)

    def given_up() -> None:
        made = Subscription.objects.get()
        moving.end_unbegun(subscription_id=made.id, reason="given up", actor=SYSTEM, now=timezone.now())

    in_between(stripe, monkeypatch, ("post", "/v1/subscriptions"), given_up, after=False)
    said = words(client.post("/subscription/start", form, follow=True))
    assert "It has ended before it began" in said and "has begun already" not in said
    followed()
    told(stripe)
    followed()
    assert sum(stripe.taken()) == sum(each["amount"] for each in stripe.objects("refunds"))


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


def test_where_nobody_heard_the_answer_and_another_took_its_place_it_says_so(
    stripe: StripeWorld, acme: Any, owner: Client, monkeypatch: Any
) -> None:
    two_plans()
    stripe.fault("drop_after", "/v1/subscriptions", times=2)
    in_between(stripe, monkeypatch, ("post", "/v1/subscriptions"), lambda: another_begins(acme), after=False)
    answer = order(owner, NEEDS_BANK)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed"), answer.content
    told(stripe)
    assert stripe.objects("subscriptions")[0]["status"] == "incomplete_expired"
