"""The broker is only for waking: when it is down, or emptied while work waits, the sweeps do all of it, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import current_app
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing_portal.notices import outbox, waking
from billing_portal.notices.models import OutboxMessage
from billing_portal.notices.tasks import deliver_outbox
from billing_portal.settings.env import cache_url
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.agreement import books_agree
from billing_portal.tests.stripe_world import StripeWorld
from payments.inbox import handling
from payments.models import Payment, ProviderEvent, StatusChange
from payments.tasks import check_unknown, handle_events

pytestmark = pytest.mark.django_db(transaction=True)

CENTS = 2_900


@pytest.fixture(autouse=True)
def agreement(stripe: StripeWorld) -> Iterator[None]:
    waking._producers.cache_clear()
    waking._resting_until = 0.0
    yield
    waking._producers.cache_clear()
    waking._resting_until = 0.0
    books_agree(stripe)


def traffic(stripe: StripeWorld) -> list[Payment]:
    """A card that is charged and one that its payer confirms; events of both are told."""
    acme = world.subscribed()
    client = Client()
    client.force_login(world.member(acme))
    for method in ("pm_card_visa", "pm_card_authenticationRequired"):
        wish = {"type": "card", "stripePaymentMethodId": method}
        body = json.dumps({"amount": CENTS, "currency": "usd", "paymentMethod": wish})
        answer = client.post("/api/payments", body, content_type="application/json", HTTP_IDEMPOTENCY_KEY=method)
        assert answer.status_code == 201
    stripe.authenticate(stripe.objects("payment_intents")[1]["id"])
    stripe.deliver()
    assert {each["last_status"] for each in deliveries(stripe)} == {200}
    assert ProviderEvent.objects.filter(status="received").exists()
    return list(Payment.objects.order_by("created_at"))


def deliveries(stripe: StripeWorld) -> list[dict[str, Any]]:
    rows = stripe.sandbox.books.db.execute("SELECT last_status FROM deliveries").fetchall()
    return [{"last_status": row[0]} for row in rows]


def sweep() -> None:
    """What beat sends for, whoever was woken."""
    handle_events()
    deliver_outbox()  # the notices, which leave mails
    deliver_outbox()


def done_once(payments: list[Payment]) -> None:
    for payment in payments:
        assert StatusChange.objects.filter(subject_id=payment.id, new="succeeded").count() == 1
    assert not ProviderEvent.objects.filter(status="received").exists()
    assert not list(OutboxMessage.objects.filter(done_at=None).values("topic", "attempts", "last_error"))
    assert len([each for each in mail.outbox if "29.00" in each.subject]) == 2


def test_with_the_broker_down_payments_and_events_are_taken_and_swept(
    stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    payments = traffic(stripe)
    assert waking._resting_until > 0, "nobody could be woken"
    sweep()
    done_once(payments)


def test_with_the_broker_emptied_while_work_waits_the_sweeps_do_it(
    stripe: StripeWorld, live_broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", live_broker)
    payments = traffic(stripe)
    server = redis.Redis.from_url(cache_url(live_broker))
    assert int(server.llen("celery")) > 0  # type: ignore[arg-type]
    server.flushall()
    sweep()
    done_once(payments)


def test_tasks_that_are_delivered_twice_and_run_at_once_have_their_effect_once(stripe: StripeWorld) -> None:
    payments = traffic(stripe)
    tasks = (handle_events, check_unknown, deliver_outbox)
    outcomes = at_once(9, lambda number: tasks[number % 3]())
    assert outcomes.errors == []
    later = timezone.now() + handling.BUSY  # what another was working on is taken up again then
    handling.handle_due(later)
    for _ in range(2):  # the notices, which leave mails
        outbox.deliver_due(later)
    done_once(payments)
