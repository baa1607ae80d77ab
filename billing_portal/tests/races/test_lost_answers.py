"""Answers of Stripe that are lost, late, broken or refused: for a charge, a refund, a cancellation and the saving of a
method. However often the client asks again under its key, nothing happens twice, and nothing is called failed that was
not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from django.test import Client
from django.utils import timezone

from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.agreement import books_agree
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions import checking
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.models import Payment, Refund, StatusChange
from payments.providers import breaker
from payments.providers.errors import ProviderUnavailable

pytestmark = pytest.mark.django_db(transaction=True)

RETRIES = 4
CENTS = 2_900
# Whether Stripe did what it was asked, and what it is planned with.
LOST: dict[str, tuple[bool, dict[str, Any]]] = {
    "drop_before": (False, {}),
    "drop_after": (True, {}),
    "delay": (True, {"seconds": 9}),
    "html_500": (False, {}),
    "status": (False, {"status": 500}),
    "garbage": (True, {}),
}
# Surely nothing happened, and nobody has to wait to know it.
NOTHING = ("rate_limit", "refused")


@pytest.fixture(autouse=True)
def agreement(stripe: StripeWorld) -> Iterator[None]:
    yield
    recover()
    books_agree(stripe)


@pytest.fixture
def acme() -> Tenant:
    return world.subscribed()


@pytest.fixture
def owner(acme: Tenant) -> Client:
    client = Client()
    client.force_login(world.member(acme))
    return client


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(world.user(staff=True, is_superuser=True))
    return client


Ask = Callable[[], Any]


def asking(client: Client, path: str, body: Any = None) -> Ask:
    """One request, to be sent again under its key."""
    content, key = json.dumps(body or {}), f"key of {path}"
    return lambda: client.post(path, content, content_type="application/json", HTTP_IDEMPOTENCY_KEY=key)


def card() -> dict[str, Any]:
    method = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
    return {"amount": CENTS, "currency": "usd", "paymentMethod": method}


def pay(tenant: Tenant, method: str = "pm_card_visa", **how: Any) -> Payment:
    return start_payment(
        tenant=tenant,
        amount=Money(CENTS, "usd"),
        choice=MethodChoice("card", method_ref=method),
        actor=world.SYSTEM,
        now=timezone.now(),
        **how,
    )


def plan(stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch, fault: str, path: str, *, times: int = 1) -> None:
    """For the next `times` requests to that path."""
    if fault != "refused":
        stripe.fault(fault, path, times=times, **LOST.get(fault, (False, {}))[1])
        return
    send, left = stripe.wire.request, ["refused"] * times

    def refuses(method: str, url: str, *more: Any, **facts: Any) -> Any:
        if method == "post" and path.rstrip("*") in url and left:
            left.pop()
            raise sdk.APIConnectionError("[Errno 111] Connection refused", should_retry=True)
        return send(method, url, *more, **facts)

    monkeypatch.setattr(stripe.wire, "request", refuses)


def recover() -> None:
    """The minutes after: questions are asked, what follows is done."""
    breaker.forget()
    for seconds in (6, 60, 130, 400, 1_200, 2_400):
        now = timezone.now() + timedelta(seconds=seconds)
        checking.check_due(now=now)
        outbox.deliver_due(now)


def states(payment: Payment) -> list[str]:
    return list(StatusChange.objects.filter(subject_id=payment.id).order_by("id").values_list("new", flat=True))


@pytest.mark.parametrize("fault", [*LOST, *NOTHING])
def test_a_charge(stripe: StripeWorld, owner: Client, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    plan(stripe, monkeypatch, fault, "/v1/payment_intents")
    ask = asking(owner, "/api/payments", card())
    first = ask()
    assert first.status_code == (503 if fault in NOTHING else 202)
    retried = [ask() for _ in range(RETRIES)]
    assert {each.status_code for each in retried} <= {201, 202}
    assert len({each.json()["id"] for each in retried}) == 1
    recover()

    payment = Payment.objects.get(id=retried[0].json()["id"])
    # What was lost on its way is sent again under its key; a failure of Stripe's own it repeats under that key.
    happened = fault != "status"
    assert (payment.status, stripe.taken()) == (("succeeded", [CENTS]) if happened else ("canceled", []))
    assert "failed" not in states(payment)
    if fault in NOTHING:
        assert Payment.objects.exclude(id=payment.id).get().failure_code == "not_sent"
    else:
        assert first.json()["id"] == str(payment.id) and Payment.objects.count() == 1
    ask()
    assert len(stripe.taken()) <= 1


@pytest.mark.parametrize("fault", [fault for fault in (*LOST, *NOTHING) if fault != "status"])
def test_a_refund(stripe: StripeWorld, acme: Tenant, boss: Client, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    payment = pay(acme)
    plan(stripe, monkeypatch, fault, "/v1/refunds")
    ask = asking(boss, f"/api/payments/{payment.id}/refund", {"amount": 1_000})
    first = ask()
    assert first.status_code == (503 if fault in NOTHING else 201)
    if first.status_code == 201:
        assert first.json()["status"] == "pending"
    retried = [ask() for _ in range(RETRIES)]
    assert {each.status_code for each in retried} == {201}
    recover()

    assert [each["amount"] for each in stripe.objects("refunds")] == [1_000]
    refund = Refund.objects.exclude(status="canceled").get()
    assert (str(refund.id), refund.status) == (retried[-1].json()["id"], "succeeded")
    assert Refund.objects.count() == (2 if fault in NOTHING else 1)


def test_a_refund_that_stripe_failed_by_its_own_fault_is_given_once_the_key_is_forgotten(
    stripe: StripeWorld, acme: Tenant, boss: Client
) -> None:
    """Stripe repeats its 500 under the same key for a day. Meanwhile the amount stays reserved, and nobody says that
    it failed."""
    payment = pay(acme)
    stripe.fault("status", "/v1/refunds", status=500)
    ask = asking(boss, f"/api/payments/{payment.id}/refund", {"amount": 1_000})
    assert {(each.status_code, each.json()["status"]) for each in (ask(), ask())} == {(201, "pending")}
    breaker.forget()
    tomorrow = timezone.now() + timedelta(hours=25)
    stripe.clock(tomorrow)
    checking.check_due(now=tomorrow)
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_000]
    assert Refund.objects.get().status == "succeeded"


@pytest.mark.parametrize("fault", [*LOST, *NOTHING])
def test_a_cancellation(
    stripe: StripeWorld, acme: Tenant, owner: Client, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    payment = pay(acme, "pm_card_authenticationRequired")
    plan(stripe, monkeypatch, fault, "/v1/payment_intents/*/cancel" if fault != "refused" else "/cancel")
    ask = asking(owner, f"/api/payments/{payment.id}/cancel")
    first = ask()
    code = "provider_unavailable" if fault in NOTHING else "provider_outcome_unknown"
    assert (first.status_code, first.json()["code"]) == (503, code)
    assert Payment.objects.get().status == "requires_action", "nobody knows better"
    retried = [ask() for _ in range(RETRIES)]

    assert {(each.status_code, each.json()["status"]) for each in retried} == {(200, "canceled")}
    assert stripe.objects("payment_intents")[0]["status"] == "canceled"
    assert states(payment) == ["created", "requires_action", "canceled"]
    assert stripe.taken() == []


@pytest.mark.parametrize("fault", [fault for fault in (*LOST, *NOTHING) if fault != "status"])
def test_the_saving_of_a_method(
    stripe: StripeWorld, owner: Client, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    ask = asking(owner, "/api/payments/setup-intent")
    # The SDK asks twice where no money moves, but after a refusal to take more and after half an answer.
    plan(stripe, monkeypatch, fault, "/v1/setup_intents", times=1 if fault in ("rate_limit", "garbage") else 2)
    assert ask().status_code == 503
    retried = [ask() for _ in range(RETRIES)]
    assert {each.status_code for each in retried} == {201}
    (made,) = stripe.objects("setup_intents")
    assert {each.json()["setupIntentId"] for each in retried} == {made["id"]}


def _killed(stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch, tenant: Tenant) -> Payment:
    """A payment whose caller died when Stripe had charged it."""
    charge = stripe.provider.charge

    def dies(request: Any) -> Any:
        charge(request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stripe.provider, "charge", dies)
        pay(tenant, key="k")
    payment = Payment.objects.get()
    assert payment.status == "created"
    return payment


@pytest.mark.parametrize("fault", [*NOTHING, "token_revoked", "breaker"])
def test_what_somebody_may_have_sent_before_is_not_given_up_because_the_next_one_is_refused(
    stripe: StripeWorld, acme: Tenant, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Or its key would be free for a second charge."""
    payment = _killed(stripe, monkeypatch, acme)
    if fault == "breaker":
        for _ in range(breaker.FAILURES):
            breaker.failed("stripe")
    else:
        plan(stripe, monkeypatch, fault, "/v1/payment_intents")
    for _ in range(3):
        with suppress(BillingError):
            assert pay(acme, key="k").id == payment.id
        breaker.forget()
    recover()
    assert (Payment.objects.get().status, stripe.taken()) == ("succeeded", [CENTS])
    assert states(payment)[-1] == "succeeded" and "canceled" not in states(payment)


def test_a_provider_that_is_away_for_ten_minutes_is_asked_when_it_is_back(
    stripe: StripeWorld, acme: Tenant, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe.fault("drop_after", "/v1/payment_intents")
    payment = pay(acme, key="before")
    send, now = stripe.wire.request, timezone.now()

    def refuses(*_: Any, **__: Any) -> Any:
        raise sdk.APIConnectionError("Connection refused")

    monkeypatch.setattr(stripe.wire, "request", refuses)
    for seconds in range(10, 600, 60):
        breaker.forget()  # its pauses have passed
        checking.check_due(now=now + timedelta(seconds=seconds))
        answer = owner.post("/api/payments", json.dumps(card() | {"amount": 100}), content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    payment.refresh_from_db()
    assert (payment.status, payment.outcome_unknown) == ("processing", True)
    monkeypatch.setattr(stripe.wire, "request", send)
    breaker.forget()
    checking.check_due(now=now + timedelta(seconds=1_200))
    payment.refresh_from_db()
    assert (payment.status, stripe.taken()) == ("succeeded", [CENTS])


def test_the_questions_asked_twice_at_once_settle_a_payment_and_a_refund_once(
    stripe: StripeWorld, acme: Tenant, boss: Client
) -> None:
    payments = []
    for number in range(3):
        stripe.fault("drop_after", "/v1/payment_intents")
        payments.append(pay(acme, key=f"k{number}"))
    given = pay(acme, key="given")
    stripe.fault("drop_after", "/v1/refunds")
    asking(boss, f"/api/payments/{given.id}/refund", {"amount": 1_000})()
    breaker.forget()
    later = timezone.now() + timedelta(seconds=10)

    outcomes = at_once(8, lambda: checking.check_due(now=later))

    assert outcomes.errors == []
    for payment in payments:
        assert states(payment) == ["created", "processing", "succeeded"]
    assert stripe.taken() == [CENTS] * 4
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_000]
    assert Refund.objects.get().status == "succeeded"


def test_whoever_is_refused_while_another_sends_the_same_request_gives_nothing_up(
    stripe: StripeWorld, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clicks at once: Stripe charges for the second, and takes no more from the first."""
    pay(acme, key="the customer is known")
    charge = stripe.provider.charge
    is_inside, is_charged, has_ended = (threading.Event() for _ in range(3))

    def crossing(request: Any) -> Any:
        if not is_inside.is_set():
            is_inside.set()
            assert is_charged.wait(20)
            raise ProviderUnavailable("too many requests")
        answer = charge(request)
        is_charged.set()
        assert has_ended.wait(20)
        return answer

    monkeypatch.setattr(stripe.provider, "charge", crossing)

    def click(number: int) -> str:
        if number == 1:
            is_inside.wait(20)
            return pay(acme, key="k").status
        try:
            return pay(acme, key="k").status
        except BillingError as error:
            return error.code
        finally:
            has_ended.set()

    outcomes = at_once(2, click)
    assert outcomes.errors == []
    assert outcomes[1] == "succeeded"
    monkeypatch.setattr(stripe.provider, "charge", charge)
    payment = pay(acme, key="k")
    assert stripe.taken() == [CENTS, CENTS]
    assert (payment.status, "canceled" in states(payment)) == ("succeeded", False)
