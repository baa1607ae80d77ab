"""A tenant is put on a plan once, in one currency."""

from typing import Any

import pytest
from django.test import Client

from billing_portal.invariants import check_books
from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment, verify_manual_payment
from payments.errors import CurrencyMismatch
from payments.models import Invoice
from subscriptions import queries
from subscriptions.actions.subscribing import start_subscription
from subscriptions.errors import AlreadySubscribed
from subscriptions.models import Subscription
from subscriptions.tests import plan_world

NOW = at("2026-09-16 00:00")


def start(tenant: Any, price: Any, seats: int = 1) -> Subscription:
    return start_subscription(tenant=tenant, price=price, seats=seats, actor=world.SYSTEM, now=NOW)


@pytest.mark.django_db
def test_the_first_subscription_sets_the_billing_currency() -> None:
    acme = world.tenant()
    start(acme, world.plan_price("eur"))
    acme.refresh_from_db()
    assert acme.currency == "eur"
    assert check_books()[1] == []


@pytest.mark.django_db
def test_credit_in_another_currency_stands_in_the_way() -> None:
    acme, clerk = world.tenant(), world.user(staff=True)
    payment = record_manual_payment(
        tenant=acme, amount=Money(100, "eur"), choice=MethodChoice("wire"), actor=world.staff_actor(clerk), now=NOW
    )
    verify_manual_payment(payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=NOW)
    with pytest.raises(CurrencyMismatch):
        start(acme, world.plan_price("usd"))
    start(acme, world.plan_price("eur"))


@pytest.mark.django_db
def test_who_has_one_hears_that_whatever_the_other_is_billed_in() -> None:
    acme = world.tenant()
    start(acme, plan_world.price(1_000))
    assert Invoice.objects.get().status == "open", "it is owed in dollars"
    with pytest.raises(AlreadySubscribed):
        start(acme, plan_world.price(1_000, code="other", currency="eur"))


@pytest.mark.django_db
def test_too_few_seats_are_refused() -> None:
    with pytest.raises(BadInput) as refused:
        start(world.tenant(), world.plan_price(), seats=0)
    assert refused.value.errors[0].field == "seats"


@pytest.mark.django_db(transaction=True)
def test_one_live_subscription_whoever_starts_it_at_once() -> None:
    acme, price = world.tenant(), world.plan_price()
    outcomes = at_once(6, lambda: start(acme, price))
    assert outcomes.count(AlreadySubscribed) == 5
    assert Subscription.objects.count() == 1


@pytest.mark.django_db
def test_the_guides_subscription_shows_plan_seats_and_period() -> None:
    acme = world.tenant(time_zone="America/New_York")
    start(acme, world.plan_price(), seats=3)
    client = Client()
    client.force_login(world.member(acme))
    shown = client.get("/api/subscription").json()
    subscription = queries.live_subscription(acme)
    assert subscription is not None
    assert (shown["id"], shown["status"], shown["seats"]) == (str(subscription.id), "active", 3)
    assert (shown["pendingChange"], shown["latestInvoiceId"], shown["approvalUrl"]) == (None, None, None)
    assert (shown["provider"], shown["billingCycle"], shown["currency"]) == ("invoice", "monthly", "usd")


@pytest.mark.django_db
def test_nobody_subscribed_is_404() -> None:
    client = Client()
    client.force_login(world.member(world.tenant()))
    answer = client.get("/api/subscription")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
