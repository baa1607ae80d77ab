"""Checks that somebody has verified and that the bank has still to collect."""

from __future__ import annotations

import pytest

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.kit.moves import IllegalMove
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.tests.people import a_member, client_of
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.actions.charging import start_payment
from payments.actions.giving_up import cancel_payment
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment, reject_manual_payment
from payments.errors import (
    PaymentNotClearing,
    PaymentNotManual,
    PaymentNotRefundable,
    SecondPersonNeeded,
)
from payments.models import LedgerLeg
from payments.tests.offline_world import (
    cleared,
    clearing,
    open_of,
    paid_by,
    payment_moves,
    recorded,
    returned,
    verify_check,
)
from payments.tests.refund_world import (
    NOW,
    accounts_of,
    bill,
    card_payment,
    check_payment,
    credit_of,
    refund,
    tenant,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]

LATER = at("2026-11-10 09:00")
LATEST = at("2026-11-20 09:00")


@pytest.fixture
def acme() -> Tenant:
    return tenant()


# --- In clearing ---


def test_a_check_in_clearing_pays_at_once_with_undeposited_money(acme: Tenant) -> None:
    invoice = bill(acme, 6_000)
    payment = clearing(acme, 8_000, invoice)
    assert (payment.status, payment.succeeded_at) == ("clearing", None)
    assert accounts_of(payment) == {"undeposited": 8_000, "receivable": -6_000, "customer_credit": -2_000}
    assert (open_of(invoice), credit_of(acme)) == (("paid", 0), 2_000)
    assert OutboxMessage.objects.filter(topic="payment.moved").count() == 1


def test_its_credit_pays_the_next_invoice_after_that_of_money_that_is_here(acme: Tenant) -> None:
    not_cleared = clearing(acme, 5_000)
    here = check_payment(acme, 1_000)
    assert (here.status, credit_of(acme)) == ("succeeded", 6_000)
    invoice = bill(acme, 4_000)
    assert (open_of(invoice), credit_of(acme)) == (("paid", 0), 2_000)
    assert (paid_by(here), paid_by(not_cleared)) == ({invoice.number: 1_000}, {invoice.number: 3_000})


def test_when_it_clears_only_the_account_changes(acme: Tenant) -> None:
    payment = clearing(acme, 6_000, bill(acme, 6_000))
    before = LedgerLeg.objects.count()
    after = cleared(payment, LATER)
    assert (after.status, after.succeeded_at, payment_moves(payment)) == (
        "succeeded", LATER, ["awaiting_review", "clearing", "succeeded"],
    )  # fmt: skip
    assert accounts_of(payment) == {"cash_bank": 6_000, "receivable": -6_000}
    assert LedgerLeg.objects.count() == before + 2
    assert OutboxMessage.objects.filter(topic="payment.moved").count() == 2
    assert cleared(payment, LATEST).succeeded_at == LATER, "once"
    assert LedgerLeg.objects.count() == before + 2


def test_verifying_again_does_not_clear_it(acme: Tenant) -> None:
    payment = clearing(acme, 1_000)
    assert verify_check(payment).status == "clearing"
    assert verify_check(payment, clears_later=True).verified_by_id == payment.verified_by_id
    here = check_payment(acme, 500)
    assert verify_check(here, clears_later=True).status == "succeeded"


def test_what_has_not_cleared_is_not_given_back(acme: Tenant) -> None:
    payment = clearing(acme, 6_000, bill(acme, 4_000))
    for destination in ("source", "credit"):
        with pytest.raises(PaymentNotRefundable):
            refund(payment, 100, destination=destination)
    assert refund(cleared(payment), 100, destination="credit").status == "succeeded"


def test_what_its_payer_gave_up_does_not_clear(acme: Tenant) -> None:
    """Its money may still come: then somebody verifies it."""
    payer = Actor(ActorKind.USER, a_member(acme).id, "owner")
    payment = start_payment(tenant=acme, amount=Money(500, "usd"), choice=MethodChoice("check"), actor=payer, now=NOW)
    cancel_payment(payment_id=payment.id, actor=payer, now=NOW)
    for verb in (cleared, returned):
        with pytest.raises(IllegalMove):
            verb(payment)
    with pytest.raises(IllegalMove):
        verify_check(payment, clears_later=True)
    assert credit_of(acme) == 0


def test_who_may_and_what_may_clear(stripe: StripeWorld, acme: Tenant) -> None:
    waiting = recorded(acme, 1_000)
    with pytest.raises(PaymentNotClearing):
        cleared(waiting)
    with pytest.raises(PaymentNotManual):
        cleared(card_payment(acme, 500))
    with pytest.raises(PaymentNotManual):
        returned(card_payment(acme, 500))
    clerk = world.user(staff=True)
    large = world.check_for(acme, 1_000_001, clerk, now=NOW)
    with pytest.raises(SecondPersonNeeded):
        verify_check(large, by=clerk, clears_later=True)
    wire = record_manual_payment(
        tenant=acme, amount=Money(500, "usd"), choice=MethodChoice("wire"), actor=world.staff_actor(clerk), now=NOW
    )
    with pytest.raises(BadInput) as refused:
        verify_check(wire, clears_later=True)
    assert refused.value.code == "not_a_check"
    reject_manual_payment(payment_id=waiting.id, reason="x", actor=world.staff_actor(clerk), now=NOW)
    for verb in (cleared, returned):
        with pytest.raises(IllegalMove):
            verb(waiting)


# --- As the API shows it ---


def test_the_api_shows_each_state_and_the_whole_history(acme: Tenant) -> None:
    invoice = bill(acme, 6_000)
    payment, client = clearing(acme, 6_000, invoice), client_of(a_member(acme))
    url = f"/api/payments/{payment.id}"
    shown = client.get(url).json()
    assert (shown["status"], shown["invoiceId"], shown["amountRefunded"]) == ("clearing", str(invoice.id), 0)
    assert client.get("/api/payments?status=clearing").json()["count"] == 1
    cleared(payment, LATER)
    returned(payment, now=LATEST)
    shown = client.get(url).json()
    assert shown["status"] == "returned"
    assert [(each["from"], each["to"]) for each in shown["history"]] == [
        (None, "awaiting_review"),
        ("awaiting_review", "clearing"),
        ("clearing", "succeeded"),
        ("succeeded", "returned"),
    ]
    assert shown["history"][-1]["reason"] == "insufficient funds"
    assert client.get(f"/api/invoices/{invoice.id}").json()["payments"][0]["status"] == "returned"
