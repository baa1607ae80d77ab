"""Comparing our books with PayPal's, both ways: what no event told of is found, and mended or listed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import PayPalWorld
from payments.actions.reconciling import BOOKS_DIFFER, Reconciled, reconcile
from payments.models import Discrepancy, Dispute, ProviderEvent, Refund
from payments.providers import breaker, registry
from payments.providers.base import TakesPayments
from payments.tests.paypal_payments import agreed, asked_elsewhere, begun, capture, owner_of, paid, swept

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_hold(paypal: PayPalWorld) -> Iterator[None]:
    """Ours; and ours against PayPal's, where a test does not say that they can't."""
    breaker.forget()
    yield
    if Discrepancy.objects.filter(closed_at=None, kind__in=BOOKS_DIFFER).exists():
        assert check_books()[1] == []
    else:
        paypal_books_agree(paypal)


@pytest.fixture
def owner() -> Client:
    return owner_of(world.subscribed(slug="acme"))


def compared(*, days: int = 7) -> Reconciled:
    provider = registry.named("paypal", TakesPayments)
    assert provider
    now = timezone.now()
    return reconcile(provider=provider, since=now - timedelta(days=days), actor=world.SYSTEM, now=now)


def silent(paypal: PayPalWorld) -> None:
    """No webhook arrives from now on."""
    paypal.panel("POST", "webhooks", {"mode": "drop"})


def test_what_no_event_told_of_is_found_by_comparing(paypal: PayPalWorld, owner: Client) -> None:
    silent(paypal)
    closed_tab = agreed(paypal, owner, 1_100)
    lapsed = agreed(paypal, owner, 1_200)
    paypal.settle(lapsed.provider_ref or "", "denied")
    refunded, reversed_, disputed = (paid(paypal, owner, cents) for cents in (1_300, 1_400, 1_500))
    paypal.panel("POST", "refund", {"id": refunded.provider_ref, "amount": 300})
    paypal.settle(reversed_.capture_ref or "", "reversed", amount=400, code="CHARGEBACK")
    paypal.settle(disputed.capture_ref or "", "disputed")
    found = compared()
    assert found.agrees and not found.failed
    assert {refunded.id, reversed_.id, disputed.id, lapsed.id} <= found.synced
    assert (Refund.objects.get().payment_id, Refund.objects.get().amount_minor) == (refunded.id, 300)
    held = Dispute.objects.values_list("payment_id", "status", "withdrawn_minor")
    assert set(held) == {(reversed_.id, "lost", 400), (disputed.id, "open", 0)}
    lapsed.refresh_from_db()
    assert lapsed.status == "canceled"
    swept(minutes=6)
    closed_tab.refresh_from_db()
    assert closed_tab.status == "succeeded"
    again = compared()
    assert again.agrees and not again.synced, "the second time there is nothing to do"
    assert not ProviderEvent.objects.exists()


def test_a_capture_whose_answer_and_event_are_lost_is_found_by_comparing(paypal: PayPalWorld, owner: Client) -> None:
    silent(paypal)
    payment = agreed(paypal, owner)
    paypal.fault("drop_after", "/v2/checkout/orders/*/capture")
    capture(owner, payment)
    assert compared().agrees
    payment.refresh_from_db()
    assert (payment.status, payment.outcome_unknown, paypal.taken()) == ("succeeded", False, ["29.00"])


def test_an_order_that_its_payer_left_is_closed_by_comparing(paypal: PayPalWorld, owner: Client) -> None:
    payment = begun(owner)
    later = (timezone.now() + timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    paypal.panel("POST", "clock", {"now": later})
    assert compared().agrees
    payment.refresh_from_db()
    assert payment.status == "canceled"


def test_money_that_no_payment_of_ours_stands_for_is_listed(paypal: PayPalWorld, owner: Client) -> None:
    units = [
        {"reference_id": "test", "amount": {"currency_code": "USD", "value": "5.00"}, "custom_id": "nobody"},
        {"reference_id": "staging", "amount": {"currency_code": "USD", "value": "6.00"}, "custom_id": "nobody"},
    ]
    for number, unit in enumerate(units):
        order = asked_elsewhere(
            "/v2/checkout/orders", {"intent": "CAPTURE", "purchase_units": [unit]}, key=f"order {number}"
        )
        paypal.approve(order["id"])
        asked_elsewhere(f"/v2/checkout/orders/{order['id']}/capture", {}, key=f"capture {number}")
    found = compared()
    assert not found.agrees
    (listed,) = found.discrepancies
    assert (listed.kind, listed.amount_minor) == ("unknown_charge", 500), "another environment's is its own"


def test_a_payment_that_paypal_does_not_know_is_listed(paypal: PayPalWorld, owner: Client) -> None:
    payment = paid(paypal, owner)
    paypal.panel("POST", "reset")
    found = compared()
    assert [(each.kind, each.payment_id) for each in found.discrepancies] == [("missing_at_provider", payment.id)]
    assert not found.agrees
    payment.refresh_from_db()
    assert payment.status == "succeeded", "nobody takes it back on that word"
