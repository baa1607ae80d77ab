"""Payments under fire: one key from forty threads, two verifiers at once, eight checks over one invoice."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from django.test import Client

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.money import Money
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments import queries
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.actions.recording import verify_manual_payment
from payments.errors import AlreadyPaid
from payments.models import Allocation, LedgerLeg, Payment, StatusChange
from usage.actions.closing import Closed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_hold")]

NOW = at("2026-10-03 09:00")


def test_one_idempotency_key_from_forty_threads_is_one_payment() -> None:
    acme = world.subscribed()
    _, secret = create_api_key(
        tenant=acme, name="spa", scopes=["billing:write", "billing:read"], actor=world.SYSTEM, now=NOW
    )
    body = json.dumps({"amount": 2900, "currency": "usd", "paymentMethod": {"type": "manual"}})
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "once"}

    answers = at_once(40, lambda: Client(headers=headers).post("/api/payments", body, content_type="application/json"))

    assert answers.errors == []
    assert Payment.objects.count() == 1
    # One ran; the others were told to come back, or got its answer.
    kinds = Counter((each.status_code, each.headers.get("Idempotent-Replayed")) for each in answers.results)
    assert kinds[201, None] == 1
    assert set(kinds) <= {(201, None), (201, "true"), (409, None)}


def test_the_verb_itself_makes_one_payment_of_one_key_from_forty_threads() -> None:
    acme, actor = world.subscribed(), Actor(ActorKind.USER, world.user().id, "owner")

    def pay() -> Payment:
        return start_payment(
            tenant=acme, amount=Money(2900, "usd"), choice=MethodChoice("check"), actor=actor, now=NOW, key="once"
        )

    outcomes = at_once(40, pay)
    assert outcomes.errors == []
    assert {payment.id for payment in outcomes.results} == {Payment.objects.get().id}


def test_two_verifiers_at_once_settle_a_check_once() -> None:
    invoice = world.overage_invoice(world.subscribed())
    clerk, finance, finance2 = (world.user(staff=True) for _ in range(3))
    for _ in range(5):
        payment = world.check_for(invoice.tenant, 1_000, clerk, invoice=invoice)

        def verify(number: int, payment: Payment = payment) -> Payment:
            who = (finance, finance2)[number]
            return verify_manual_payment(payment_id=payment.id, verifier=who, actor=world.staff_actor(who), now=NOW)

        outcomes = at_once(2, verify)
        assert outcomes.errors == []
        assert len({each.verified_by_id for each in outcomes.results}) == 1, "both see the one who was first"
        assert StatusChange.objects.filter(subject_id=payment.id, new="succeeded").count() == 1
        assert Allocation.objects.filter(payment=payment).count() == 1
        assert LedgerLeg.objects.filter(payment=payment).count() == 2


def test_eight_checks_over_one_invoice_at_once_never_over_allocate() -> None:
    invoice = world.overage_invoice(world.subscribed(), cents=12_000)
    clerk = world.user(staff=True)

    def record_and_verify() -> Payment:
        try:
            payment = world.check_for(invoice.tenant, 3_000, clerk, invoice=invoice)
        except AlreadyPaid:  # then it is recorded without the invoice's name
            payment = world.check_for(invoice.tenant, 3_000, clerk)
        return verify_manual_payment(payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=NOW)

    outcomes = at_once(8, record_and_verify)

    assert outcomes.errors == []
    invoice.refresh_from_db()
    assert (invoice.status, queries.amounts(invoice).open) == ("paid", 0)
    assert sum(Allocation.objects.filter(invoice=invoice).values_list("amount_minor", flat=True)) == 12_000
    assert queries.credit_balance(invoice.tenant, "usd") == Money(12_000, "usd")


def test_credit_is_spent_once_by_two_invoices_issued_at_once() -> None:
    price, clerk = world.plan_price(), world.user(staff=True)
    for _ in range(6):
        acme = world.subscribed(price)
        payment = world.check_for(acme, 5_000, clerk)
        verify_manual_payment(payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=NOW)
        world.call(acme, 5_100, at("2026-09-10 12:00"))  # $60.00 beyond the allowance, each month
        world.call(acme, 5_100, at("2026-10-10 12:00"))

        def close(number: int, acme: Tenant = acme) -> Closed:
            return world.close(acme, ("2026-09", "2026-10")[number], at("2026-11-02 00:00"))

        assert at_once(2, close).errors == []
        assert queries.credit_balance(acme, "usd") == Money(0, "usd")
        due = queries.amounts_of(queries.invoices(acme)).values()
        assert sum(each.open for each in due) == 12_000 - 5_000
