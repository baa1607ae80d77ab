"""Saved methods by webhook: what is told about a customer of ours is read again, and what is not ours left alone."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.event_handlers import methods_changed
from payments.inbox import handling
from payments.inbox.registry import HandledEvent
from payments.models import PaymentMethod, ProviderEvent
from payments.providers.facts import Topic
from payments.tests.methods_world import NOW, card, customer, in_the_browser, post

pytestmark = pytest.mark.django_db

SETUP = "/api/payments/setup-intent"


@pytest.fixture
def acme() -> Tenant:
    return world.tenant("acme")


def event(stripe: StripeWorld, kind: str, object_ref: str) -> HandledEvent:
    (told,) = [each for each in stripe.api.events.list({"limit": 100}).data if each.type == kind][:1]
    return HandledEvent(
        id=uuid4(), provider="stripe", event_id=told.id, kind=kind, topic=Topic.METHOD,
        object_ref=object_ref, payload=told.to_dict(), occurred_at=NOW, attempt=1, now=NOW,
    )  # fmt: skip


def test_an_event_of_a_customer_of_ours_brings_its_methods_up_to_date(stripe: StripeWorld, acme: Tenant) -> None:
    visa = card(stripe, acme)
    reference = customer(stripe, acme)
    assert methods_changed(event(stripe, "payment_method.attached", reference)) is None
    assert PaymentMethod.objects.get().provider_ref == visa
    PaymentMethod.objects.update(exp_year=2001)
    assert methods_changed(event(stripe, "payment_method.attached", visa)) is None
    assert PaymentMethod.objects.get().exp_year != 2001
    stripe.api.payment_methods.detach(visa)
    assert methods_changed(event(stripe, "payment_method.detached", reference)) is None
    assert PaymentMethod.objects.get().removed_at == NOW


def test_a_card_saved_in_the_browser_is_taken_in_by_the_webhook_alone(stripe: StripeWorld, owner: Client) -> None:
    setup = post(owner, SETUP, {"type": "card"}).json()
    in_the_browser(stripe, setup, "pm_card_visa")
    stripe.deliver()
    handling.handle_due(timezone.now())
    told = ProviderEvent.objects.filter(kind__in=["setup_intent.succeeded", "payment_method.attached"])
    assert [each.status for each in told] == ["handled", "handled"]
    (row,) = PaymentMethod.objects.all()
    assert (row.last4, row.is_default) == ("4242", True)
    stripe.api.payment_methods.detach(row.provider_ref)
    stripe.deliver()
    handling.handle_due(timezone.now())
    row.refresh_from_db()
    assert row.removed_at is not None


def test_an_event_of_somebody_elses_customer_is_not_ours(stripe: StripeWorld) -> None:
    elsewhere = stripe.api.customers.create({"email": "shop@elsewhere.example"}).id
    method = stripe.saved_method(elsewhere)
    for reference in (elsewhere, method):
        assert methods_changed(event(stripe, "payment_method.attached", reference)) == "not of a customer of ours"
    assert not PaymentMethod.objects.exists()
