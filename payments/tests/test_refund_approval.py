"""Refunds above the threshold, and what the tenant hears of a refund."""

from __future__ import annotations

import pytest

from billing_portal.kit.moves import IllegalMove
from billing_portal.notices import outbox
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.models import Tenant, User
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions.refunding import approve_refund, cancel_refund
from payments.errors import (
    RefundNotWaiting,
    SecondPersonNeeded,
)
from payments.models import Payment
from payments.tests.refund_world import (
    NOW,
    bill,
    card_payment,
    credit_of,
    notes,
    refund,
    synced,
    tenant,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture
def boss() -> User:
    return world.user(staff=True)


def test_above_the_threshold_another_person_approves(stripe: StripeWorld, acme: Tenant, boss: User) -> None:
    payment = card_payment(acme, 2_000_000)
    waiting = refund(payment, 1_000_001, by=boss)
    assert (waiting.status, stripe.objects("refunds"), credit_of(acme)) == ("awaiting_approval", [], 999_999)
    with pytest.raises(SecondPersonNeeded):
        approve_refund(refund_id=waiting.id, approver=boss, actor=world.staff_actor(boss), now=NOW)
    other = world.user(staff=True)
    facts = {"refund_id": waiting.id, "approver": other, "actor": world.staff_actor(other), "now": NOW}
    assert approve_refund(**facts).status == "succeeded"
    assert approve_refund(**facts).status == "succeeded"
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_000_001]
    with pytest.raises(RefundNotWaiting):
        cancel_refund(refund_id=waiting.id, reason="too late", actor=world.SYSTEM, now=NOW)


def test_up_to_the_threshold_one_person_is_enough(stripe: StripeWorld, acme: Tenant) -> None:
    assert refund(card_payment(acme, 2_000_000), 1_000_000).status == "succeeded"


def test_what_nobody_approves_is_free_again(stripe: StripeWorld, acme: Tenant, boss: User) -> None:
    payment = card_payment(acme, 2_000_000)
    waiting = refund(payment, 1_500_000, by=boss)
    facts = {"refund_id": waiting.id, "reason": "no", "actor": world.SYSTEM, "now": NOW}
    assert cancel_refund(**facts).status == cancel_refund(**facts).status == "canceled"
    assert credit_of(acme) == 2_000_000
    with pytest.raises(IllegalMove):
        approve_refund(refund_id=waiting.id, approver=world.user(staff=True), actor=world.SYSTEM, now=NOW)
    assert refund(payment, 600_000).status == "succeeded"


def test_a_large_refund_to_credit_waits_too(stripe: StripeWorld, acme: Tenant, boss: User) -> None:
    invoice = bill(acme, 1_500_000)
    payment = card_payment(acme, 1_500_000, invoice=invoice)
    waiting = refund(payment, 1_200_000, by=boss, destination="credit")
    assert (waiting.status, credit_of(acme), notes(invoice)) == ("awaiting_approval", 0, [])
    other = world.user(staff=True)
    approve_refund(refund_id=waiting.id, approver=other, actor=world.staff_actor(other), now=NOW)
    assert (credit_of(acme), notes(invoice)) == (1_200_000, [("credited", 1_200_000, 0)])


def test_the_tenant_is_told_once_that_money_is_on_its_way_back(
    stripe: StripeWorld, acme: Tenant, mailoutbox: list
) -> None:
    payment = card_payment(acme)
    outbox.deliver_due(NOW)
    mailoutbox.clear()
    refund(payment, 2_500)
    synced(payment)
    outbox.deliver_due(NOW)
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == ([acme.billing_email], "We sent $25.00 back to you")
    assert "$25.00 of your payment of $100.00 from November\xa03,\xa02026" in mail.body
    assert "your Visa card ending in 4242" in mail.body
    assert OutboxMessage.objects.filter(topic="refund.succeeded").count() == 1


def test_payments_are_found_by_the_status_that_they_show(stripe: StripeWorld, acme: Tenant) -> None:
    whole, part, none = (card_payment(acme) for _ in range(3))
    refund(whole), refund(part, 1)
    found = {
        status: set(queries.payments(acme).filter(queries.shown_as(status)).values_list("id", flat=True))
        for status in ("refunded", "partially_refunded", "succeeded", "disputed", "returned")
    }
    assert found == {
        "refunded": {whole.id},
        "partially_refunded": {part.id},
        "succeeded": {none.id},
        "disputed": set(),
        "returned": set(),
    }
    assert Payment.objects.count() == 3
