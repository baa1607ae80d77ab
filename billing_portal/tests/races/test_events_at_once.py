"""What Stripe tells under fire: copies, any order, from many connections, and before the answer to our own call."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.sandbox.stripe.webhooks import signature
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.agreement import books_agree
from billing_portal.tests.histories import History, history, told
from billing_portal.tests.stripe_world import WEBHOOK_PATH, WEBHOOK_SECRET, StripeWorld
from payments.actions.charging import start_payment
from payments.actions.customers import customer_for
from payments.actions.opening import MethodChoice
from payments.inbox import handling
from payments.models import Discrepancy, LedgerLeg, Payment, ProviderEvent, StatusChange

pytestmark = pytest.mark.django_db(transaction=True)

CONNECTIONS = 8
# The events that are shuffled, at least; 1000 is what RACE_EVENTS is for.
EVENTS = int(os.environ.get("RACE_EVENTS", "100"))


@pytest.fixture(autouse=True)
def agreement(stripe: StripeWorld) -> Iterator[None]:
    yield
    books_agree(stripe)


def post(event: dict[str, Any], client: Client) -> int:
    """To the portal's endpoint, signed now; its status."""
    body = json.dumps(event).encode()
    header = signature(WEBHOOK_SECRET, body, int(timezone.now().timestamp()))
    answer = client.post(WEBHOOK_PATH, body, content_type="application/json", HTTP_STRIPE_SIGNATURE=header)
    return answer.status_code


def handle_all() -> None:
    """Until nothing waits, also what somebody else was working on."""
    for tries in range(20):
        handling.handle_due(timezone.now() + handling.BUSY * tries)
        if not ProviderEvent.objects.filter(status="received").exists():
            return
    assert not list(ProviderEvent.objects.filter(status="received").values("kind", "note", "attempts"))


def test_one_event_fifty_times_from_eight_connections_is_one_entry_and_one_mail(stripe: StripeWorld) -> None:
    acme = world.subscribed()
    customer = customer_for(tenant=acme, provider=stripe.provider, now=world.START)
    payment = start_payment(
        tenant=acme,
        amount=Money(2_900, "usd"),
        choice=MethodChoice("us_bank_account", method_ref=stripe.bank_account(customer.provider_ref)),
        actor=world.SYSTEM,
        now=timezone.now(),
    )
    stripe.settle(payment.provider_ref or "", "succeeded")
    event = next(each for each in stripe.objects("events") if each["type"] == "payment_intent.succeeded")

    def send_and_work() -> handling.Handled:
        """Seven copies each, and each looks for work in between."""
        handled, client = handling.Handled(), Client()
        for _ in range(7):
            assert post(event, client) == 200
            done = handling.handle_due(timezone.now())
            handled.done, handled.failed = handled.done + done.done, handled.failed + done.failed
            outbox.deliver_due(timezone.now())
        return handled

    outcomes = at_once(CONNECTIONS, send_and_work)

    assert outcomes.errors == []
    handle_all()
    for _ in range(2):  # the notice, which leaves a mail; events that were busy were handled at a later `now`
        outbox.deliver_due(timezone.now() + timedelta(minutes=2))
    assert ProviderEvent.objects.get().status == "handled"
    assert sum(each.failed for each in outcomes.results) == 0
    assert StatusChange.objects.filter(subject_id=payment.id, new="succeeded").count() == 1
    assert LedgerLeg.objects.filter(payment=payment, account="cash_stripe", amount_minor=2_900).count() == 1
    assert len([each for each in mail.outbox if "29.00" in each.subject]) == 1


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_authenticationRequired"])
def test_an_event_that_comes_before_the_answer_to_our_call_is_about_the_same_payment(
    stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=2_900)
    customer_for(tenant=acme, provider=stripe.provider, now=world.START)
    stripe.panel("POST", "webhooks", {"mode": "before_response"})
    send, seen = stripe.sandbox.webhooks._send, []

    def send_and_let_a_worker_handle_it(*message: Any) -> int:
        def work() -> int:
            status = send(*message)
            handling.handle_due(timezone.now())
            seen.append(Payment.objects.get().status)
            return status

        return at_once(1, work).results[0]

    monkeypatch.setattr(stripe.sandbox.webhooks, "_send", send_and_let_a_worker_handle_it)
    payment = start_payment(
        tenant=acme,
        amount=Money(2_900, "usd"),
        choice=MethodChoice("card", method_ref=method),
        invoice_id=invoice.id,
        actor=world.SYSTEM,
        now=timezone.now(),
    )

    handle_all()
    expected = {"pm_card_visa": "succeeded", "pm_card_visa_chargeDeclined": "failed"}.get(method, "requires_action")
    assert expected in seen, "it was known before the answer came"
    assert payment.status == expected == Payment.objects.get().status
    moves = list(StatusChange.objects.filter(subject_id=payment.id).order_by("id").values_list("new", flat=True))
    assert moves == ["created", expected]
    assert payment.client_secret or expected != "requires_action"
    assert not Discrepancy.objects.exists()


def in_order(made: History, stripe: StripeWorld) -> None:
    """Each event once and at once."""
    for act in made.rounds:
        for story in made.stories:
            act(story)
            stripe.deliver()
            handling.handle_due(timezone.now())
    finish(stripe)


def finish(stripe: StripeWorld) -> None:
    """What was told is handled; then what follows from it, which the provider tells of too."""
    handle_all()
    outbox.deliver_due(timezone.now() + timedelta(minutes=2))
    stripe.panel("POST", "webhooks", {"mode": "normal"})
    stripe.panel("POST", "webhooks/release")
    stripe.deliver()
    handle_all()


def shuffled(made: History, stripe: StripeWorld, draw: random.Random) -> int:
    """One to five copies of each from eight connections, in any order and up to the end of the history late. Returns
    how many different ones."""
    stripe.panel("POST", "webhooks", {"mode": "drop"})
    before = sent = {each["id"] for each in stripe.objects("events")}
    for number, act in enumerate(made.rounds):
        for story in made.stories:
            act(story)
        is_last = number == len(made.rounds) - 1
        fresh = [each for each in stripe.objects("events") if each["id"] not in sent]
        chosen = [each for each in fresh if is_last or draw.random() < 0.4]
        sent = sent | {each["id"] for each in chosen}
        copies = [each for each in chosen for _ in range(draw.randint(1, 5))]
        draw.shuffle(copies)
        _from_eight_connections(copies)
    finish(stripe)
    return len(sent - before)


def _from_eight_connections(copies: list[dict[str, Any]]) -> None:
    def send_and_work(number: int) -> list[int]:
        answers, client = [], Client()
        for count, event in enumerate(copies[number::CONNECTIONS]):
            answers.append(post(event, client))
            if count % 10 == 9:
                handling.handle_due(timezone.now())
        handling.handle_due(timezone.now())
        return answers

    outcomes = at_once(CONNECTIONS, send_and_work, seconds=600)
    assert outcomes.errors == []
    assert {status for statuses in outcomes.results for status in statuses} <= {200}


def test_events_shuffled_and_copied_leave_the_same_books_as_in_order(stripe: StripeWorld) -> None:
    seed = int(os.environ.get("RACE_SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    payments = EVENTS // 5 + 1
    first = history(stripe, seed=seed, payments=payments)
    in_order(first, stripe)
    expected = told(first)

    second = history(stripe, seed=seed, payments=payments)
    different = shuffled(second, stripe, random.Random(seed))

    assert different >= EVENTS
    assert told(second) == expected
    assert not ProviderEvent.objects.exclude(status__in=["handled", "ignored", "waiting", "unhandled"]).exists()
