"""Checks, wires and cash: recorded, verified by the right person, and booked in full, in part, or over."""

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from billing_portal.kit.errors import NotFound
from billing_portal.kit.money import Money
from billing_portal.kit.moves import IllegalMove
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.models import Tenant, User
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments import queries
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment, reject_manual_payment, verify_manual_payment
from payments.errors import AlreadyPaid, CurrencyMismatch, SecondPersonNeeded
from payments.models import Allocation, LedgerLeg, Payment, StatusChange
from subscriptions.actions.subscribing import start_subscription

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]

NOW = at("2026-10-03 09:00")


def verify(payment: Payment, by: User, now: datetime = NOW) -> Payment:
    return verify_manual_payment(payment_id=payment.id, verifier=by, actor=world.staff_actor(by), now=now)


def legs(payment: Payment) -> dict[str, int]:
    return dict(LedgerLeg.objects.filter(payment=payment).values_list("account", "amount_minor"))


@pytest.fixture
def clerk() -> User:
    return world.user(staff=True)


@pytest.fixture
def finance() -> User:
    return world.user(staff=True)


def test_a_recorded_check_books_nothing_until_it_is_verified(clerk: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    payment = world.check_for(invoice.tenant, 12_000, clerk, invoice=invoice)
    assert payment.status == "awaiting_review"
    assert not Allocation.objects.exists()
    assert queries.amounts(invoice).open == 12_000


def test_a_check_in_full_pays_the_invoice(clerk: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    payment = verify(world.check_for(invoice.tenant, 12_000, clerk, invoice=invoice), clerk)
    invoice.refresh_from_db()
    assert (payment.status, invoice.status, invoice.paid_at) == ("succeeded", "paid", NOW)
    assert legs(payment) == {"cash_bank": 12_000, "receivable": -12_000}
    assert list(StatusChange.objects.filter(subject_id=payment.id).values_list("old", "new", "actor_label")) == [
        (None, "awaiting_review", clerk.email),
        ("awaiting_review", "succeeded", clerk.email),
    ]


def test_a_check_in_part_leaves_the_rest_due(clerk: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    verify(world.check_for(invoice.tenant, 5_000, clerk, invoice=invoice), clerk)
    invoice.refresh_from_db()
    assert (invoice.status, queries.amounts(invoice).open) == ("open", 7_000)
    verify(world.check_for(invoice.tenant, 7_000, clerk, invoice=invoice), clerk)
    invoice.refresh_from_db()
    assert invoice.status == "paid"


def test_a_check_over_the_amount_leaves_the_rest_as_credit(clerk: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    payment = verify(world.check_for(invoice.tenant, 15_000, clerk, invoice=invoice), clerk)
    assert legs(payment) == {"cash_bank": 15_000, "receivable": -12_000, "customer_credit": -3_000}
    assert queries.credit_balance(invoice.tenant, "usd") == Money(3_000, "usd")


def test_a_check_for_an_invoice_that_was_paid_meanwhile_is_all_credit(clerk: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    first = world.check_for(invoice.tenant, 12_000, clerk, invoice=invoice)
    second = world.check_for(invoice.tenant, 12_000, clerk, invoice=invoice)
    verify(first, clerk)
    verify(second, clerk)
    assert queries.credit_balance(invoice.tenant, "usd") == Money(12_000, "usd")
    assert Allocation.objects.get().payment == first


def test_the_next_invoice_uses_the_credit_oldest_payment_first(clerk: User) -> None:
    acme = world.subscribed()
    first, second = world.check_for(acme, 5_000, clerk), world.check_for(acme, 9_000, clerk)
    verify(second, clerk, at("2026-09-06 09:00"))
    verify(first, clerk, at("2026-09-05 09:00"))
    invoice = world.overage_invoice(acme, cents=12_000)
    invoice.refresh_from_db()
    assert invoice.status == "paid"
    assert dict(invoice.allocations.values_list("payment_id", "amount_minor")) == {first.id: 5_000, second.id: 7_000}
    assert queries.credit_balance(acme, "usd") == Money(2_000, "usd")


def test_verifying_twice_settles_once(clerk: User, finance: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    payment = world.check_for(invoice.tenant, 12_000, clerk, invoice=invoice)
    verify(payment, clerk)
    assert verify(payment, finance).verified_by == clerk
    assert StatusChange.objects.filter(subject_id=payment.id).count() == 2
    assert OutboxMessage.objects.filter(topic="payment.moved").count() == 1


def test_above_the_threshold_somebody_else_must_verify(clerk: User, finance: User) -> None:
    acme = world.subscribed()
    payment = world.check_for(acme, 1_000_001, clerk)
    with pytest.raises(SecondPersonNeeded):
        verify(payment, clerk)
    assert verify(payment, finance).status == "succeeded"


def test_up_to_the_threshold_one_person_is_enough(clerk: User) -> None:
    assert verify(world.check_for(world.subscribed(), 1_000_000, clerk), clerk).status == "succeeded"


def test_the_database_holds_the_second_person_too(clerk: User) -> None:
    payment = world.check_for(world.subscribed(), 1_000_001, clerk)
    with pytest.raises(IntegrityError, match="payment_second_person_is_another"), transaction.atomic():
        Payment.objects.filter(id=payment.id).update(verified_by=clerk)
    with pytest.raises(IntegrityError, match="payment_manual_is_verified"), transaction.atomic():
        Payment.objects.filter(id=payment.id).update(status="succeeded")


def test_a_rejected_check_leaves_the_invoice_open_and_can_not_be_verified(clerk: User, finance: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    payment = world.check_for(invoice.tenant, 12_000, clerk, invoice=invoice)
    rejected = reject_manual_payment(
        payment_id=payment.id, reason="No such check.", actor=world.staff_actor(finance), now=NOW
    )
    assert (rejected.status, rejected.failure_message) == ("rejected", "No such check.")
    assert queries.amounts(invoice).open == 12_000
    with pytest.raises(IllegalMove):
        verify(payment, clerk)


def test_a_paid_invoice_takes_no_further_check_by_name(clerk: User) -> None:
    invoice = world.overage_invoice(world.subscribed())
    verify(world.check_for(invoice.tenant, 12_000, clerk, invoice=invoice), clerk)
    with pytest.raises(AlreadyPaid):
        world.check_for(invoice.tenant, 1, clerk, invoice=invoice)


def test_a_check_in_another_currency_is_refused(clerk: User) -> None:
    kanto = world.subscribed(world.plan_price("jpy"))
    with pytest.raises(CurrencyMismatch):
        record_manual_payment(
            tenant=kanto, amount=Money(100, "usd"), choice=MethodChoice("wire"), actor=world.staff_actor(clerk), now=NOW
        )


def test_money_under_way_in_another_currency_stands_in_the_way_of_a_subscription(clerk: User) -> None:
    acme = world.tenant()
    payment = record_manual_payment(
        tenant=acme, amount=Money(500, "eur"), choice=MethodChoice("wire"), actor=world.staff_actor(clerk), now=NOW
    )
    price = world.plan_price("usd")
    with pytest.raises(CurrencyMismatch):
        start_subscription(tenant=acme, price=price, seats=1, actor=world.SYSTEM, now=NOW)
    reject_manual_payment(payment_id=payment.id, reason="x", actor=world.staff_actor(clerk), now=NOW)
    start_subscription(tenant=acme, price=price, seats=1, actor=world.SYSTEM, now=NOW)
    stale = Tenant(id=acme.id, slug=acme.slug, currency=None)
    with pytest.raises(CurrencyMismatch):
        record_manual_payment(
            tenant=stale, amount=Money(500, "eur"), choice=MethodChoice("wire"), actor=world.staff_actor(clerk), now=NOW
        )


def test_another_tenants_invoice_is_not_there(clerk: User) -> None:
    with pytest.raises(NotFound):
        world.check_for(world.subscribed(), 100, clerk, invoice=world.overage_invoice(world.subscribed()))


def test_the_same_form_sent_twice_makes_one_payment(clerk: User) -> None:
    acme = world.subscribed()
    facts = {
        "tenant": acme,
        "amount": Money(500, "usd"),
        "choice": MethodChoice("check", "20984"),
        "actor": world.staff_actor(clerk),
        "now": NOW,
        "key": "form-1",
    }
    assert record_manual_payment(**facts) == record_manual_payment(**facts)
    assert Payment.objects.count() == 1
