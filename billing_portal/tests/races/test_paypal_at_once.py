"""PayPal payments from many hands at once: the payer's return, a second click, the event and the sweep. Each order is
made once, captured once and booked once; afterwards PayPal's books and ours are the same.

`RACE_ORDERS` says how many orders the first test races over.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from billing_portal.kit.errors import BillingError
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import PayPalWorld
from payments import queries
from payments.actions import checking
from payments.actions.capturing import capture_payment
from payments.actions.giving_up import cancel_payment
from payments.actions.recording import verify_manual_payment
from payments.actions.syncing import sync_payment
from payments.errors import AlreadyPaid, RefundExceedsPayment
from payments.inbox.handling import handle_due
from payments.models import Discrepancy, Dispute, LedgerLeg, Payment, Refund, StatusChange
from payments.providers import breaker, registry
from payments.providers.base import ApprovesLater
from payments.providers.errors import ProviderUnavailable
from payments.tests.paypal_payments import started, swept, told
from payments.tests.refund_world import bill, refund, tenant

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("RACE_ORDERS", "25"))


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture(autouse=True)
def agreement(paypal: PayPalWorld) -> Iterator[None]:
    breaker.forget()
    yield
    breaker.forget()  # what is asked at the end is asked some time later
    told(paypal)
    swept(minutes=10)
    paypal_books_agree(paypal)


def agreed(paypal: PayPalWorld, of: Tenant, cents: int = 2_900, **how: Any) -> Payment:
    """An order whose payer has agreed."""
    payment = started(of, cents, **how)
    paypal.approve(payment.provider_ref or "")
    return payment


def taken(payment: Payment) -> Payment:
    return capture_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())


def requests_to_capture(paypal: PayPalWorld, payment: Payment) -> set[str]:
    """The ids under which PayPal was asked, by its own log."""
    path = f"/v2/checkout/orders/{payment.provider_ref}/capture"
    return {each["idempotencyKey"] for each in paypal.panel("GET", "log") if each["path"] == path}


def came_once(paypal: PayPalWorld, payment: Payment) -> None:
    payment.refresh_from_db()
    assert payment.status == "succeeded"
    assert StatusChange.objects.filter(subject_id=payment.id, new="succeeded").count() == 1
    arrived = LedgerLeg.objects.filter(payment=payment, account="cash_paypal", amount_minor=payment.amount_minor)
    assert arrived.count() == 1


def test_the_return_a_second_click_the_event_and_the_sweep_at_once_take_it_once(
    paypal: PayPalWorld, acme: Tenant
) -> None:
    for number in range(ROUNDS):
        payment = agreed(paypal, acme, key=f"round {number}")

        def act(number: int, payment: Payment = payment) -> object:
            now = timezone.now()
            if number < 2:
                return taken(payment).status
            if number == 2:
                return told(paypal)
            return checking.check_due(now=now + timedelta(minutes=6))

        outcomes = at_once(4, act)
        assert outcomes.errors == []
        assert {each for each in outcomes.results if isinstance(each, str)} <= {"succeeded", "processing"}
        told(paypal)
        swept(seconds=30)
        came_once(paypal, payment)
        assert requests_to_capture(paypal, payment) == {f"cap:{payment.id}"}, "PayPal can tell that it is one request"
    assert len(paypal.objects("captures")) == ROUNDS


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_eight_clicks_at_once_capture_once(paypal: PayPalWorld, acme: Tenant, seconds: float) -> None:
    """Also while the first of them waits for its answer."""
    _, secret = create_api_key(
        tenant=acme, name="spa", scopes=["billing:write"], actor=world.SYSTEM, now=timezone.now()
    )
    for number in range(5):
        payment = agreed(paypal, acme, key=str(number))
        paypal.fault("delay", "/v2/checkout/orders/*/capture", seconds=seconds)
        path = f"/api/payments/paypal/capture/{payment.provider_ref}"

        def click(_: int, path: str = path) -> Any:
            return Client(headers={"Authorization": f"Bearer {secret}"}).post(path, "{}", "application/json")

        answers = at_once(8, click)
        assert answers.errors == []
        seen = Counter((each.status_code, each.json().get("status")) for each in answers.results)
        assert set(seen) <= {(200, "succeeded"), (202, "processing")}, "nobody is told that it failed"
        swept(seconds=30)
        came_once(paypal, payment)


@pytest.mark.parametrize("fault", [None, "drop_after"])
def test_one_key_from_twelve_threads_is_one_order(paypal: PayPalWorld, acme: Tenant, fault: str | None) -> None:
    for number in range(4):
        if fault:
            paypal.fault(fault, "/v2/checkout/orders")
        outcomes = at_once(12, lambda _, number=number: started(acme, key=f"once {number}"))
        assert outcomes.errors == []
        row = Payment.objects.get(client_key=f"once {number}")
        assert {each.id for each in outcomes.results} == {row.id}
        row = started(acme, key=f"once {number}")
        assert row.status == "requires_action"
        theirs = [each for each in paypal.objects("orders") if each["purchase_units"][0]["custom_id"] == str(row.id)]
        assert [each["id"] for each in theirs] == [row.provider_ref]


def test_a_key_that_is_refused_while_another_asks_under_it_leaves_one_order(
    paypal: PayPalWorld, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is refused and may end the row, while PayPal makes an order for the other."""
    provider = registry.named("paypal", ApprovesLater)
    assert provider
    begin, has_begun, is_over = provider.begin, threading.Event(), threading.Event()

    def crossing(request: Any) -> Any:
        if not has_begun.is_set():
            has_begun.set()
            raise ProviderUnavailable("too many requests")
        answer = begin(request)
        assert is_over.wait(20)
        return answer

    def click() -> str:
        try:
            return started(acme, key="k").status
        except BillingError as error:
            return error.code
        finally:
            is_over.set()

    monkeypatch.setattr(provider, "begin", crossing)
    outcomes = at_once(2, click)
    assert outcomes.errors == []
    monkeypatch.setattr(provider, "begin", begin)
    payment = started(acme, key="k")
    assert payment.status == "requires_action"
    paypal.approve(payment.provider_ref or "")
    came_once(paypal, taken(payment))
    assert paypal.taken() == ["29.00"]


def test_an_order_belongs_to_one_payment(paypal: PayPalWorld, acme: Tenant) -> None:
    """And its capture: whatever went wrong before, nothing is booked for another."""
    one, other = started(acme, key="one"), started(acme, key="other")
    for name, value in {"provider_ref": one.provider_ref, "capture_ref": "2GG279541U471931P"}.items():
        Payment.objects.filter(id=one.id).update(**{name: value})
        with pytest.raises(IntegrityError):
            Payment.objects.filter(id=other.id).update(**{name: value})
    Payment.objects.filter(id=one.id).update(capture_ref=None)


def test_what_is_given_up_and_captured_at_once_is_one_of_both(paypal: PayPalWorld, acme: Tenant) -> None:
    for number in range(12):
        payment = agreed(paypal, acme, key=str(number))

        def act(number: int, payment: Payment = payment) -> str:
            try:
                if number < 2:
                    return cancel_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now()).status
                return taken(payment).status
            except BillingError as error:
                return error.code

        outcomes = at_once(4, act)
        assert outcomes.errors == []
        assert set(outcomes) <= {"canceled", "succeeded", "processing", "payment_not_open", "gone"}
        sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
        payment.refresh_from_db()
        orders = [each["supplementary_data"]["related_ids"]["order_id"] for each in paypal.objects("captures")]
        assert payment.status == ("succeeded" if payment.provider_ref in orders else "canceled")


def test_an_order_and_a_check_for_the_same_invoice_at_once_pay_it_once(paypal: PayPalWorld) -> None:
    for _ in range(6):
        whose = tenant()
        invoice = bill(whose, 5_000)
        clerk = world.user(staff=True)
        check = world.check_for(whose, 5_000, clerk, invoice=invoice, now=timezone.now())
        payment = agreed(paypal, whose, 5_000, invoice=invoice)

        def act(number: int, payment: Payment = payment, check: Payment = check, clerk: Any = clerk) -> object:
            if number < 2:
                return taken(payment)
            actor = world.staff_actor(clerk)
            return verify_manual_payment(payment_id=check.id, verifier=clerk, actor=actor, now=timezone.now())

        outcomes = at_once(3, act)
        assert {getattr(each, "code", each) for each in outcomes.errors} <= {AlreadyPaid.code, "gone"}
        payment.refresh_from_db()
        invoice.refresh_from_db()
        twice = payment.status == "succeeded"
        assert (invoice.status, queries.credit_balance(whose, "usd").minor) == ("paid", 5_000 if twice else 0)
        assert Discrepancy.objects.filter(tenant=whose, kind="not_needed").exists() == twice


def test_of_eight_refunds_of_sixty_percent_exactly_one_is_given(paypal: PayPalWorld, acme: Tenant) -> None:
    payment = taken(agreed(paypal, acme, 10_000))
    people = [world.user(staff=True) for _ in range(8)]

    def give(number: int) -> Refund:
        return refund(payment, 6_000, by=people[number], now=timezone.now())

    outcomes = at_once(8, give)
    assert [each.status for each in outcomes.results] == ["succeeded"]
    assert outcomes.count(RefundExceedsPayment) == 7
    assert [each["amount"]["value"] for each in paypal.objects("refunds")] == ["60.00"]


def test_what_went_back_at_paypal_is_booked_once_whoever_reads_it_at_once(paypal: PayPalWorld, acme: Tenant) -> None:
    for number in range(4):
        payment = taken(agreed(paypal, acme, 10_000, key=str(number)))
        paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 3_000})
        paypal.settle(payment.capture_ref or "", "reversed", amount=2_000, code="CHARGEBACK")

        def read(number: int, payment: Payment = payment) -> object:
            now = timezone.now()
            if number == 0:
                paypal.deliver()
                return handle_due(now + timedelta(seconds=1))
            return sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=now)

        assert at_once(6, read).errors == []
        assert list(Refund.objects.filter(payment=payment).values_list("amount_minor", "status")) == [
            (3_000, "succeeded")
        ]
        assert list(Dispute.objects.filter(payment=payment).values_list("withdrawn_minor", "status")) == [
            (2_000, "lost")
        ]
        payment.refresh_from_db()
        assert payment.returned_minor == 2_000
