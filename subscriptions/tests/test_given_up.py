"""The first payment of a subscription is given up where payments are: then the subscription does not begin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.notices.models import OutboxMessage
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Invoice, Payment
from payments.providers import breaker
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.stripe_plans import begun, followed, order, told

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
