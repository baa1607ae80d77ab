"""Refunds of checks, wires and cash: reserved at once, sent by people, booked when they say so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing_portal.kit.errors import BadInput
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.tests.people import a_staff_member, client_of
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions.checking import check_due
from payments.actions.refunding import approve_refund, check_refund
from payments.errors import PaymentNotManual, PayoutNotWaiting, RefundExceedsPayment, SecondPersonNeeded
from payments.models import Attempt, LedgerLeg, Payment, Refund
from payments.tests.offline_world import not_paid_out, paid_out, verify_check
from payments.tests.refund_world import (
    NOW,
    accounts_of,
    bill,
    card_payment,
    check_payment,
    credit_of,
    moves,
    notes,
    refund,
    tenant,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture
def payment(acme: Tenant) -> Payment:
    """Of 7000, of which an invoice had 6000."""
    return check_payment(acme, 7_000, invoice=bill(acme, 6_000))


def test_a_payout_is_reserved_at_once_and_booked_when_it_was_sent(acme: Tenant, payment: Payment) -> None:
    given = refund(payment, 3_000)
    assert (given.status, given.next_check_at, given.outcome_unknown) == ("pending", None, False)
    assert (credit_of(acme), notes(payment.invoice), accounts_of(payment)["cash_bank"]) == (0, [], 7_000)
    with pytest.raises(RefundExceedsPayment):
        refund(payment, 4_001)
    sent = paid_out(given, " check 4711 ")
    assert (sent.status, sent.reference, sent.settled_at) == ("succeeded", "check 4711", NOW)
    assert moves(given) == [(None, "pending"), ("pending", "succeeded")]
    assert notes(payment.invoice) == [("refunded", 2_000, 0)]
    assert accounts_of(payment) == {"cash_bank": 4_000, "receivable": -6_000, "credit_notes": 2_000}
    assert OutboxMessage.objects.filter(topic="refund.succeeded").count() == 1
    shown = queries.payments(acme).get(id=payment.id)
    assert queries.shown_status(shown, shown.refunded_minor) == "partially_refunded"
    assert not Attempt.objects.exists(), "nobody was asked"


def test_it_is_recorded_once(payment: Payment) -> None:
    given = refund(payment, 3_000)
    paid_out(given, "check 4711")
    legs = LedgerLeg.objects.count()
    assert paid_out(given, "check 4712").reference == "check 4711"
    assert LedgerLeg.objects.count() == legs
    with pytest.raises(PayoutNotWaiting):
        not_paid_out(given)


def test_one_that_is_not_sent_lets_go_of_its_money(acme: Tenant, payment: Payment) -> None:
    given = refund(payment, 3_000, key="once")
    assert refund(payment, 3_000, key="once").id == given.id, "a second click finds it"
    assert not_paid_out(given).status == "canceled"
    assert not_paid_out(given).status == "canceled"
    assert (credit_of(acme), notes(payment.invoice)) == (1_000, [])
    with pytest.raises(PayoutNotWaiting):
        paid_out(given)
    assert refund(payment, 3_000, key="once").id != given.id, "the key is free again"


def test_nobody_asks_about_a_payout(payment: Payment) -> None:
    given = refund(payment, 3_000)
    days_later = NOW + timedelta(days=9)
    assert check_due(now=days_later).asked == 0
    assert check_refund(refund_id=given.id, actor=world.SYSTEM, now=days_later).status == "pending"


def test_what_was_sent_is_said(payment: Payment) -> None:
    given = refund(payment, 3_000)
    for reference in ("", "  ", "x" * 141):
        with pytest.raises(BadInput) as refused:
            paid_out(given, reference)
        assert refused.value.errors[0].field == "reference"
    assert paid_out(given, "x" * 140).status == "succeeded"


def test_above_the_threshold_another_person_agrees_before_it_is_sent(acme: Tenant) -> None:
    clerk, boss = world.user(staff=True), world.user(staff=True)
    large = check_payment_of_two(acme, 1_500_000)
    waiting = refund(large, 1_200_000, by=clerk)
    with pytest.raises(PayoutNotWaiting):
        paid_out(waiting)
    with pytest.raises(PayoutNotWaiting):
        not_paid_out(waiting)
    with pytest.raises(SecondPersonNeeded):
        approve_refund(refund_id=waiting.id, approver=clerk, actor=world.staff_actor(clerk), now=NOW)
    agreed = approve_refund(refund_id=waiting.id, approver=boss, actor=world.staff_actor(boss), now=NOW)
    assert (agreed.status, agreed.next_check_at) == ("pending", None)
    assert approve_refund(refund_id=waiting.id, approver=boss, actor=world.staff_actor(boss), now=NOW) == agreed
    assert paid_out(waiting).status == "succeeded"


def check_payment_of_two(acme: Tenant, cents: int) -> Payment:
    """A check above the threshold: one person took it down, another found the money."""
    return verify_check(world.check_for(acme, cents, world.user(staff=True), now=NOW))


def test_nobody_sends_by_hand_what_a_provider_gives_back(stripe: StripeWorld, acme: Tenant) -> None:
    given = refund(card_payment(acme, method="pm_card_pendingRefund"), 400)
    for verb in (paid_out, not_paid_out):
        with pytest.raises(PaymentNotManual):
            verb(given)


def test_credit_is_not_sent(payment: Payment) -> None:
    given = refund(payment, 1_000, destination="credit")
    with pytest.raises(PayoutNotWaiting):
        paid_out(given)


def test_the_api_answers_with_a_refund_that_is_pending(acme: Tenant, payment: Payment) -> None:
    answer = client_of(a_staff_member("finance")).post(
        f"/api/payments/{payment.id}/refund", {"amount": 2_500, "reason": "Sent twice"}, format="json"
    )
    assert (answer.status_code, answer.json()["status"], answer.json()["destination"]) == (201, "pending", "source")
    assert Refund.objects.get().status == "pending"
