"""A charge of ours that was declined is tried again, as often and as late as its bank's reason allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from billing_portal.notices import outbox
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import dunning
from payments.actions.collecting import collect_due, collect_invoice
from payments.actions.saving_methods import customer_for, set_default
from payments.actions.syncing_methods import sync_methods
from payments.models import Invoice, Payment
from payments.providers import breaker

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture(autouse=True)
def closed_breaker() -> None:
    breaker.forget()


@pytest.fixture
def acme(stripe: StripeWorld) -> Any:
    return world.subscribed(slug="acme")


def save(stripe: StripeWorld, tenant: Any, method: str, now: datetime = NOW) -> str:
    customer = customer_for(tenant=tenant, provider=stripe.provider, now=now)
    saved = stripe.saved_method(customer.provider_ref, method)
    sync_methods(tenant=tenant, now=now)
    return saved


def deliver(now: datetime = NOW) -> None:
    while outbox.deliver_due(now).done:
        pass


def tried(after: timedelta) -> int:
    found = collect_due(actor=world.SYSTEM, now=NOW + after)
    deliver(NOW + after)
    return found


def declined(stripe: StripeWorld, acme: Any, method: str = "pm_card_chargeCustomerFail") -> Invoice:
    """A month's overage that the default method's bank has refused."""
    save(stripe, acme, method)
    invoice = world.overage_invoice(acme, cents=4_200)
    deliver()
    assert [each.status for each in Payment.objects.all()] == ["failed"]
    return invoice


def test_it_is_tried_again_after_two_five_seven_and_seven_days_and_then_no_more(stripe: StripeWorld, acme: Any) -> None:
    declined(stripe, acme)
    day = timedelta(days=1)
    tries = [number for number in range(40) if tried(number * day + timedelta(hours=1))]
    assert tries == [2, 7, 14, 21]
    assert Payment.objects.count() == 5 and stripe.taken() == []
    assert len([each for each in mail.outbox if "could not be charged" in each.subject]) == 5


def test_it_is_paid_when_the_bank_takes_it(stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = declined(stripe, acme)
    good = save(stripe, acme, "pm_card_visa")
    from payments.models import PaymentMethod

    # The same method, whose owner has put money on the account: the stand-in has no such card, so another stands in.
    failed = Payment.objects.get()
    PaymentMethod.objects.filter(is_default=True).update(is_default=False)
    PaymentMethod.objects.filter(provider_ref=good).update(is_default=True)
    Payment.objects.filter(id=failed.id).update(method_ref=good)
    assert tried(timedelta(days=1)) == 0
    assert tried(timedelta(days=2)) == 1
    invoice.refresh_from_db()
    assert (invoice.status, stripe.taken()) == ("paid", [4_200])
    assert tried(timedelta(days=30)) == 0


def test_a_new_default_method_is_charged_at_once(stripe: StripeWorld, acme: Any) -> None:
    invoice = declined(stripe, acme)
    good = save(stripe, acme, "pm_card_visa", NOW + timedelta(hours=1))
    deliver(NOW + timedelta(hours=1))
    assert stripe.taken() == [], "it is saved, and not the default"
    for _ in range(2):
        set_default(tenant=acme, method_ref=good, now=NOW + timedelta(hours=2))
        deliver(NOW + timedelta(hours=2))
    invoice.refresh_from_db()
    assert (invoice.status, stripe.taken()) == ("paid", [4_200])


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("card", "lost_card"),
        ("card", "expired_card"),
        ("card", "stolen_card"),
        ("us_bank_account", "insufficient_funds"),
    ],
)
def test_what_no_bank_takes_back_waits_for_another_method(
    stripe: StripeWorld, acme: Any, method: str, code: str
) -> None:
    declined(stripe, acme)
    Payment.objects.update(method=method, decline_code=code)
    assert [tried(timedelta(days=day)) for day in (2, 5, 9, 30)] == [0, 0, 0, 0]
    good = save(stripe, acme, "pm_card_visa", NOW + timedelta(days=31))
    set_default(tenant=acme, method_ref=good, now=NOW + timedelta(days=31))
    deliver(NOW + timedelta(days=31))
    assert stripe.taken() == [4_200]


def test_paid_otherwise_meanwhile_nothing_is_tried(stripe: StripeWorld, acme: Any) -> None:
    from payments.tests.offline_world import verify_check

    invoice = declined(stripe, acme)
    verify_check(world.check_for(acme, 4_200, world.user(staff=True), invoice=invoice, now=NOW), now=NOW)
    assert tried(timedelta(days=2)) == 0
    assert stripe.taken() == []


def test_without_a_default_method_nothing_is_tried(stripe: StripeWorld, acme: Any) -> None:
    from payments.models import PaymentMethod

    declined(stripe, acme)
    PaymentMethod.objects.update(is_default=False)
    assert tried(timedelta(days=2)) == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_try_once(stripe: StripeWorld, acme: Any) -> None:
    invoice = declined(stripe, acme)
    later = NOW + timedelta(days=2)
    outcomes = at_once(6, lambda: collect_invoice(invoice_id=invoice.id, actor=world.SYSTEM, now=later))
    assert outcomes.errors == []
    assert Payment.objects.count() == 2


def test_the_pauses_count_from_the_last_try() -> None:
    tries = [Payment(status="failed", updated_at=NOW + timedelta(days=number)) for number in range(5)]
    assert [dunning.next_try(tries[:count]) for count in range(1, 6)] == [
        NOW + timedelta(days=2),
        NOW + timedelta(days=1 + 5),
        NOW + timedelta(days=2 + 7),
        NOW + timedelta(days=3 + 7),
        None,
    ]
