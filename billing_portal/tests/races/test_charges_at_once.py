"""Charging under fire: one key from forty threads, many hands on one invoice, a payer who confirms while others give
up. Afterwards the stand-in's books and ours are the same, to the cent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.agreement import books_agree
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments import queries
from payments.actions import checking
from payments.actions.charging import start_payment
from payments.actions.collecting import collect_invoice
from payments.actions.customers import customer_for
from payments.actions.giving_up import cancel_payment
from payments.actions.opening import MethodChoice
from payments.actions.saving_methods import set_default
from payments.actions.syncing import sync_payment
from payments.models import Payment
from payments.providers import breaker

pytestmark = pytest.mark.django_db(transaction=True)

NOW = at("2026-10-03 09:00")
LATER = at("2026-10-03 09:10")


@pytest.fixture(autouse=True)
def agreement(stripe: StripeWorld) -> Iterator[None]:
    yield
    breaker.forget()  # what is asked at the end is asked some time later
    checking.check_due(now=LATER)
    books_agree(stripe)


def caller(tenant: Tenant, key: str) -> Callable[..., Any]:
    """Posts a body as a server of the tenant's, under that key."""
    _, secret = create_api_key(
        tenant=tenant, name="spa", scopes=["billing:write", "billing:read"], actor=world.SYSTEM, now=NOW
    )
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}

    def post(path: str = "/api/payments", **more: Any) -> Any:
        method = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
        body = {"amount": 2_900, "currency": "usd", "paymentMethod": method, **more}
        return Client(headers=headers).post(path, json.dumps(body), content_type="application/json")

    return post


def pay(tenant: Tenant, *, cents: int = 2_900, method: str = "pm_card_visa", **how: Any) -> Payment:
    return start_payment(
        tenant=tenant,
        amount=Money(cents, "usd"),
        choice=MethodChoice("card", method_ref=method),
        actor=world.SYSTEM,
        now=NOW,
        **how,
    )


def test_one_key_from_forty_threads_over_http_is_one_charge(stripe: StripeWorld) -> None:
    post = caller(world.subscribed(), "once")
    answers = at_once(40, lambda: post("/api/payments"))
    assert answers.errors == []
    kinds = Counter((each.status_code, each.headers.get("Idempotent-Replayed")) for each in answers.results)
    assert kinds[201, None] == 1, kinds
    assert set(kinds) <= {(201, None), (201, "true"), (409, None)}
    assert {each.json()["id"] for each in answers.results if each.status_code == 201} == {str(Payment.objects.get().id)}
    assert stripe.taken() == [2_900]


@pytest.mark.parametrize("seconds", [0, 0.4])
def test_one_key_from_forty_threads_of_the_verb_is_one_charge(stripe: StripeWorld, seconds: float) -> None:
    """Also while the first of them still waits for its answer."""
    acme = world.subscribed()
    stripe.fault("delay", "/v1/payment_intents", seconds=seconds)
    outcomes = at_once(40, lambda: pay(acme, key="once"))
    assert stripe.taken() == [2_900]
    assert {each.id for each in outcomes.results} == {Payment.objects.get().id}
    assert outcomes.errors == []
    assert {each.status for each in outcomes.results} <= {"processing", "succeeded"}, "nobody calls it failed"
    assert Payment.objects.get().status == "succeeded"


def test_a_key_belongs_to_one_request_of_one_tenant(stripe: StripeWorld) -> None:
    acme, other = world.subscribed(), world.subscribed()
    invoice = world.overage_invoice(acme, cents=2_900)
    post, post_of_other = caller(acme, "the same"), caller(other, "the same")
    requests: list[Callable[[], Any]] = [
        post,
        lambda: post(amount=3_000),
        lambda: post(f"/api/invoices/{invoice.id}/pay"),
        post_of_other,
    ]
    made = post()
    assert made.status_code == 201

    answers = at_once(24, lambda number: requests[number % 4]())

    assert answers.errors == []
    by_request = [{each.status_code for each in answers.results[number::4]} - {409} for number in range(4)]
    for seen, answer in zip(by_request, [201, 422, 422, 201], strict=True):
        assert seen <= {answer}, "or it was told to wait"
    assert [each().status_code for each in requests] == [201, 422, 422, 201]
    assert all(each.json()["id"] == made.json()["id"] for each in answers.results[::4] if each.status_code == 201)
    assert (stripe.taken(), Payment.objects.count()) == ([2_900, 2_900], 2)
    assert {payment.tenant_id for payment in Payment.objects.all()} == {acme.id, other.id}


def test_eight_threads_that_pay_one_invoice_take_its_amount_once(stripe: StripeWorld) -> None:
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=2_900)
    outcomes = at_once(8, lambda number: pay(acme, invoice_id=invoice.id, key=f"key {number}"))
    assert stripe.taken() == [2_900]
    assert [each.status for each in outcomes.results] == ["succeeded"]
    assert {getattr(error, "code", error) for error in outcomes.errors} <= {"amount_exceeds_due", "already_paid"}
    invoice.refresh_from_db()
    assert invoice.status == "paid"
    assert queries.credit_balance(acme, "usd") == Money(0, "usd")


def test_the_first_payments_of_a_tenant_at_once_make_it_one_customer(stripe: StripeWorld) -> None:
    acme = world.subscribed()
    outcomes = at_once(8, lambda number: pay(acme, cents=1_000 + number, key=f"key {number}"))
    assert [getattr(error, "code", error) for error in outcomes.errors] == []
    assert sorted(stripe.taken()) == [1_000 + number for number in range(8)]
    assert len(stripe.objects("customers")) == 1


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_payer_who_confirms_while_others_cancel_and_refresh_pays_once_or_not_at_all(
    stripe: StripeWorld, outcome: str
) -> None:
    acme = world.subscribed()
    for _ in range(5):
        payment = pay(acme, method="pm_card_authenticationRequired", key=str(_))

        def act(number: int, payment: Payment = payment) -> str:
            try:
                if number == 0:
                    stripe.authenticate(payment.provider_ref or "", outcome)
                    return "authenticated"
                if number < 3:
                    return cancel_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW).status
                return sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW).status
            except BillingError as error:
                return error.code
            except AssertionError:
                return "too late"  # the bank's page says that the payment was given up

        outcomes = at_once(5, act)
        assert outcomes.errors == []
        sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW)
        payment.refresh_from_db()
        took = any(each["payment_intent"] == payment.provider_ref for each in stripe.objects("charges") if each["paid"])
        assert payment.status == ("succeeded" if took else "canceled" if "canceled" in outcomes else "failed")


@pytest.mark.parametrize("seconds", [0, 0.4])
def test_eight_threads_that_collect_one_invoice_charge_it_once(stripe: StripeWorld, seconds: float) -> None:
    acme = world.subscribed()
    customer = customer_for(tenant=acme, provider=stripe.provider, now=NOW)
    saved = stripe.saved_method(customer.provider_ref)
    set_default(tenant=acme, method_ref=saved, now=NOW)
    invoice = world.overage_invoice(acme, cents=2_900)
    stripe.fault("delay", "/v1/payment_intents", seconds=seconds)

    outcomes = at_once(8, lambda: collect_invoice(invoice_id=invoice.id, actor=world.SYSTEM, now=NOW))

    assert stripe.taken() == [2_900]
    assert outcomes.errors == []
    assert {each.id for each in outcomes.results if each} == {Payment.objects.get().id}
    invoice.refresh_from_db()
    assert invoice.status == "paid"
