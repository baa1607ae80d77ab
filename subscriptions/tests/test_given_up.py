"""The first payment of a subscription is given up where payments are: then the subscription does not begin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.notices.models import OutboxMessage
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Discrepancy, Invoice, Payment
from payments.providers import breaker
from subscriptions.models import Subscription
from subscriptions.tests.open_bills import by_card
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.stripe_plans import begun, followed, in_between, order, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe", "books_hold")]


def waits(client: Client) -> Payment:
    two_plans()
    assert order(client, "pm_card_authenticationRequired").json()["status"] == "incomplete"
    return Payment.objects.get()


def give_up(client: Client, payment: Payment, where: str) -> None:
    if where == "page":
        client.post(f"/payments/{payment.id}/give-up")
    else:
        answer = client.post(f"/api/payments/{payment.id}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "canceled"), answer.content


@pytest.mark.parametrize("where", ["page", "api"])
def test_the_subscription_ends_at_stripe_and_nothing_can_be_confirmed(
    stripe: StripeWorld, owner: Client, where: str
) -> None:
    payment = waits(owner)
    give_up(owner, payment, where)
    told(stripe)
    followed()
    told(stripe)
    (there,) = stripe.objects("subscriptions")
    assert there["status"] in ("canceled", "incomplete_expired")
    assert stripe.api.payment_intents.retrieve(payment.provider_ref or "").status == "canceled"
    assert {each.status for each in Payment.objects.all()} == {"canceled"}
    assert (Subscription.objects.get().status, Subscription.objects.get().cancel_reason) == ("canceled", "given up")
    assert not Invoice.objects.filter(status="open").exists() and stripe.taken() == []
    assert begun(owner).status == "active"


def test_stripe_is_told_again_when_it_did_not_hear(stripe: StripeWorld, owner: Client) -> None:
    payment = waits(owner)
    give_up(owner, payment, "api")
    stripe.fault("drop_before", "/v1/subscriptions/*", method="DELETE")
    followed()
    assert stripe.objects("subscriptions")[0]["status"] == "incomplete"
    breaker.forget()
    OutboxMessage.objects.filter(done_at=None).update(available_at=timezone.now())
    followed()
    assert stripe.objects("subscriptions")[0]["status"] in ("canceled", "incomplete_expired")
    assert Subscription.objects.get().status == "canceled"


def test_confirmed_in_another_tab_meanwhile_it_has_begun(stripe: StripeWorld, owner: Client) -> None:
    payment = waits(owner)
    give_up(owner, payment, "page")
    stripe.authenticate(payment.provider_ref or "")
    followed()
    told(stripe)
    assert Subscription.objects.get().status == "active"
    assert sorted(Payment.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]
    assert stripe.taken() == [1_000]


def test_come_alive_since_stripe_did_not_hear_it_was_not_given_up(stripe: StripeWorld, owner: Client) -> None:
    payment = waits(owner)
    give_up(owner, payment, "api")
    stripe.fault("drop_before", "/v1/subscriptions/*", method="DELETE")
    followed()
    assert Subscription.objects.get().cancel_reason == "given up"
    stripe.authenticate(payment.provider_ref or "")
    told(stripe)
    assert (Subscription.objects.get().status, Subscription.objects.get().cancel_reason) == ("active", "")


def test_paid_with_another_card_after_that_it_is_not_given_up(stripe: StripeWorld, owner: Client) -> None:
    given_up = waits(owner)
    give_up(owner, given_up, "page")
    answer = by_card(owner, Invoice.objects.get(), "pm_card_authenticationRequired")
    assert answer.json()["status"] == "requires_action", answer.content
    followed()
    told(stripe)
    (there,) = stripe.objects("subscriptions")
    assert (there["status"], Subscription.objects.get().status) == ("incomplete", "incomplete")
    stripe.authenticate(Payment.objects.get(id=answer.json()["id"]).provider_ref or "")
    told(stripe)
    followed()
    assert (Subscription.objects.get().status, stripe.taken()) == ("active", [1_000])


def test_staff_hear_of_one_that_came_alive_while_it_was_given_up(
    stripe: StripeWorld, owner: Client, monkeypatch: Any
) -> None:
    """Its tenant could use it by then: what it has charged is theirs to see to."""
    payment = waits(owner)
    give_up(owner, payment, "page")

    def confirmed_in_another_tab() -> None:
        stripe.authenticate(payment.provider_ref or "")
        told(stripe)
        assert Subscription.objects.get().status == "active"

    in_between(stripe, monkeypatch, ("delete", "/v1/subscriptions/"), confirmed_in_another_tab, after=False)
    followed()
    told(stripe)
    (there,) = stripe.objects("subscriptions")
    assert (there["status"], Subscription.objects.get().status, stripe.taken()) == ("canceled", "canceled", [1_000])
    assert "Give back what it has charged" in Discrepancy.objects.get(kind="state_differs").detail


def test_come_alive_just_before_it_is_ended_it_goes_on(stripe: StripeWorld, owner: Client, monkeypatch: Any) -> None:
    payment = waits(owner)
    give_up(owner, payment, "page")

    def confirmed_in_another_tab() -> None:
        stripe.authenticate(payment.provider_ref or "")
        told(stripe)

    in_between(stripe, monkeypatch, ("get", "/v1/subscriptions/"), confirmed_in_another_tab, after=True)
    followed()
    told(stripe)
    assert (stripe.objects("subscriptions")[0]["status"], Subscription.objects.get().status) == ("active", "active")
    assert stripe.taken() == [1_000] and not Discrepancy.objects.filter(kind="state_differs").exists()


def test_a_message_that_names_no_payment_gives_up_all_the_same(stripe: StripeWorld, owner: Client) -> None:
    give_up(owner, waits(owner), "api")
    OutboxMessage.objects.filter(topic="bill.given_up").update(
        payload={"subscriptionId": str(Subscription.objects.get().id)}
    )
    followed()
    assert Subscription.objects.get().status == "canceled"
