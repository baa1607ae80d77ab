"""While one takes a PayPal payment, nobody else ends it, gives it back to its payer, or pays its invoice beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import PayPalWorld
from payments.actions import capturing
from payments.models import Payment
from payments.providers import breaker, registry
from payments.providers.base import ApprovesLater
from payments.tests.paypal_payments import agreed, capture, owner_of, post, swept, told, wish

pytestmark = pytest.mark.django_db(transaction=True)
TAKER, SECOND = "taker", "second"


@pytest.fixture(autouse=True)
def agreement(paypal: PayPalWorld) -> Iterator[None]:
    breaker.forget()
    yield
    breaker.forget()
    told(paypal)
    swept(minutes=10)
    paypal_books_agree(paypal)


@pytest.fixture
def acme() -> Any:
    return world.subscribed(slug="acme")


@pytest.fixture
def owner(acme: Any) -> Client:
    return owner_of(acme)


def while_taken(
    patch: pytest.MonkeyPatch, payment: Payment, during: Callable[[], None], *, behind: timedelta = timedelta()
) -> Payment:
    """The payment after somebody took it, whose request was on its way when `during` was done; `behind`: how far their
    clock is."""
    provider = registry.named("paypal", ApprovesLater)
    assert provider
    real, entered, go = provider.capture, threading.Event(), threading.Event()

    def slowly(reference: str, *, key: str) -> Any:
        if threading.current_thread().name == TAKER:
            entered.set()
            assert go.wait(20)
        return real(reference, key=key)

    patch.setattr(provider, "capture", slowly)
    thread, outcome = in_thread(TAKER, payment, behind)
    assert entered.wait(20)
    during()
    go.set()
    thread.join(20)
    assert isinstance(outcome[0], Payment), outcome
    return outcome[0]


def in_thread(name: str, payment: Payment, behind: timedelta = timedelta()) -> tuple[threading.Thread, list[Any]]:
    outcome: list[Any] = []

    def run() -> None:
        try:
            now = timezone.now() - behind
            outcome.append(capturing.capture_payment(payment_id=payment.id, actor=world.SYSTEM, now=now))
        except Exception as error:  # noqa: BLE001 (an outcome)
            outcome.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread, outcome


def nobody_pays_beside(owner: Client, invoice: Any) -> None:
    refused = post(owner, "/api/payments", wish(2_904, invoice))
    assert (refused.status_code, refused.json()["code"]) == (400, "amount_exceeds_due")
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("behind", [timedelta(), timedelta(seconds=150)], ids=["on time", "behind"])
def test_neither_a_cancel_nor_a_look_ends_what_is_being_taken(
    paypal: PayPalWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch, behind: timedelta
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = agreed(paypal, owner, 2_904, invoice)

    def during() -> None:
        for door in ("refresh", "cancel"):
            post(owner, f"/api/payments/{payment.id}/{door}")
            assert Payment.objects.get().status == "processing"
        swept(seconds=30)
        nobody_pays_beside(owner, invoice)

    assert while_taken(monkeypatch, payment, during, behind=behind).status == "succeeded"
    assert paypal.taken() == ["29.04"]


def test_who_has_read_that_it_waits_does_not_cancel_it_under_the_takers_hands(
    paypal: PayPalWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gives it up asks PayPal first, and is told that nothing was taken; then it is being taken."""
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = agreed(paypal, owner, 2_904, invoice)
    provider = registry.named("paypal", ApprovesLater)
    assert provider
    plain, asked, go = provider.cancel, threading.Event(), threading.Event()

    def late(reference: str) -> Any:
        answer = plain(reference)
        asked.set()
        assert go.wait(20)
        return answer

    monkeypatch.setattr(provider, "cancel", late)
    answers: list[int] = []

    def give_up() -> None:
        answers.append(post(owner, f"/api/payments/{payment.id}/cancel").status_code)
        connections.close_all()

    thread = threading.Thread(target=give_up, daemon=True)
    thread.start()
    assert asked.wait(20)

    def during() -> None:
        go.set()
        thread.join(20)
        assert (answers, Payment.objects.get().status) == ([409], "processing")
        nobody_pays_beside(owner, invoice)

    assert while_taken(monkeypatch, payment, during).status == "succeeded"


def test_a_second_taker_does_not_take_the_firsts_claim_for_its_own(
    paypal: PayPalWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read that the payment waits before the first claims it, and PayPal would refuse it."""
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = agreed(paypal, owner, 2_904, invoice)
    has_read, go, named = threading.Event(), threading.Event(), registry.named

    def preempted(name: str, kind: Any) -> Any:
        if threading.current_thread().name == SECOND and not has_read.is_set():
            has_read.set()
            assert go.wait(20)
        return named(name, kind)

    monkeypatch.setattr(capturing.registry, "named", preempted)
    thread, outcome = in_thread(SECOND, payment)
    assert has_read.wait(20)
    handle = paypal.transport.handle_request

    def during() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(
                paypal.transport,
                "handle_request",
                lambda request: (
                    httpx.Response(429, json={"name": "RATE_LIMIT_REACHED"})
                    if request.url.path.endswith("/capture")
                    else handle(request)
                ),
            )
            go.set()
            thread.join(20)
        assert (outcome[0].status, Payment.objects.get().status) == ("processing", "processing")
        nobody_pays_beside(owner, invoice)

    assert while_taken(monkeypatch, payment, during).status == "succeeded"


def test_after_a_lost_answer_it_waits_for_nobody_else_while_the_request_may_still_arrive(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = agreed(paypal, owner, 2_904, invoice)
    paypal.fault("drop_before", "/v2/checkout/orders/*/capture")
    assert capture(owner, payment).status_code == 202
    post(owner, f"/api/payments/{payment.id}/refresh")
    nobody_pays_beside(owner, invoice)
    assert capture(owner, payment).status_code == 200, "the same key is the same capture: it may be asked for again"


def test_a_taker_that_died_leaves_it_to_the_sweep(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    from payments.actions import waiting

    payment = agreed(paypal, owner, 2_904, world.overage_invoice(acme, cents=2_904))
    claimed = waiting.claim_to_take(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
    assert claimed and claimed.claim
    assert waiting.claim_to_take(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now()) is None
    swept(seconds=60)
    assert Payment.objects.get().status == "processing"
    swept(seconds=150)
    swept(seconds=500)
    assert Payment.objects.get().status == "succeeded"
