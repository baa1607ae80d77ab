"""From the provider's event to our books: the signed request, the inbox, the fresh read, the booking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.inbox import handling
from payments.models import Payment, ProviderEvent, Refund, StatusChange

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_hold")]


def pay(method: str) -> Payment:
    return start_payment(
        tenant=world.subscribed(),
        amount=Money(2_900, "usd"),
        choice=MethodChoice("card", method_ref=method),
        actor=world.SYSTEM,
        now=timezone.now(),
        key="k",
    )


def work() -> handling.Handled:
    """As the worker would, a moment later: what was told of one object is handled together."""
    return handling.handle_due(timezone.now() + timedelta(seconds=1))


def test_a_payer_who_confirms_in_the_browser_pays_by_the_webhook_alone(stripe: StripeWorld) -> None:
    payment = pay("pm_card_authenticationRequired")
    assert payment.status == "requires_action"
    stripe.authenticate(payment.provider_ref)
    stripe.deliver()
    work()
    payment.refresh_from_db()
    assert payment.status == "succeeded"
    assert stripe.taken() == [2_900]
    change = StatusChange.objects.get(subject_id=payment.id, new="succeeded")
    assert (change.actor_kind, change.actor_label) == ("provider", "Stripe")
    about = ProviderEvent.objects.filter(object_ref=payment.provider_ref)
    assert set(about.values_list("status", flat=True)) <= {"handled", "unhandled"}
    assert about.filter(kind="payment_intent.succeeded", status="handled").count() == 1


def test_an_event_that_comes_before_the_answer_finds_our_row_by_the_id_that_was_sent_along(
    stripe: StripeWorld,
) -> None:
    stripe.fault("drop_after", times=2)
    payment = pay("pm_card_visa")
    assert (payment.status, payment.provider_ref) == ("processing", None)
    stripe.deliver()
    work()
    payment.refresh_from_db()
    assert (payment.status, payment.outcome_unknown) == ("succeeded", False)
    assert stripe.taken() == [2_900]


def test_all_copies_of_all_events_again_change_nothing(stripe: StripeWorld) -> None:
    payment = pay("pm_card_visa")
    stripe.deliver()
    work()
    before = list(StatusChange.objects.filter(subject_id=payment.id).values_list("id", flat=True))
    ProviderEvent.objects.filter(status="handled").update(status="received")
    work()
    assert list(StatusChange.objects.filter(subject_id=payment.id).values_list("id", flat=True)) == before


def test_a_payment_that_another_system_made_is_none_of_ours(stripe: StripeWorld) -> None:
    stripe.api.payment_intents.create(
        {
            "amount": 700,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    stripe.deliver()
    work()
    told = ProviderEvent.objects.filter(topic="payment")
    assert set(told.values_list("status", flat=True)) == {"ignored"}
    assert all("not a payment of ours" in note for note in told.values_list("note", flat=True))
    assert not Payment.objects.exists()


def test_a_refund_made_in_the_dashboard_arrives(stripe: StripeWorld) -> None:
    payment = pay("pm_card_visa")
    stripe.deliver()
    work()
    stripe.api.refunds.create({"payment_intent": str(payment.provider_ref), "amount": 900})
    stripe.deliver()
    work()
    refund = Refund.objects.get(payment=payment)
    assert (refund.status, refund.amount_minor) == ("succeeded", 900)
