"""`kill -9` of the web server and of a worker, at each step of a charge, a refund and an event: afterwards both books
are the same to the cent, whoever comes first, the client again or reconciliation."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.sandbox.stripe.webhooks import signature
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.actions.tokens import issue_token
from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once, wait_until
from billing_portal.tests import world
from billing_portal.tests.agreement import books_agree
from billing_portal.tests.processes import Answer, Child, Portal, StripeProcess, request
from billing_portal.tests.stripe_world import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_PATH, WEBHOOK_SECRET
from payments.actions import checking
from payments.actions.charging import start_payment
from payments.actions.customers import customer_for
from payments.actions.opening import MethodChoice
from payments.actions.reconciling import reconcile
from payments.actions.saving_methods import set_default
from payments.inbox import handling
from payments.models import LedgerLeg, Payment, ProviderEvent, Refund, StatusChange
from payments.providers import breaker, registry
from payments.providers.base import Charges
from payments.providers.stripe.client import build_client

pytestmark = pytest.mark.django_db(transaction=True)

# How often a server is killed at a random moment.
KILLS = int(os.environ.get("RACE_KILLS", "4"))
CENTS = 2_900
OF_REQUESTS = ["key claimed", "before the answer is kept", "before the response"]
OF_CHARGES = [
    "charge: row not committed",
    "charge: row committed",
    "charge: customer made",
    "charge: before it is sent",
    "charge: answered",
    "charge: answer noted",
    "charge: end not committed",
    "charge: end committed",
]
OF_REFUNDS = [
    "refund: row not committed",
    "refund: row committed",
    "refund: before it is sent",
    "refund: answered",
    "refund: answer noted",
    "refund: end not committed",
    "refund: end committed",
]
OF_EVENTS = [
    "event: object claimed",
    "event: object read",
    "event: end not committed",
    "event: end committed",
    "event: handled, not said",
]
IN_THE_CALL = "sent, and not answered"
WHO_COMES_FIRST = ("client", "reconciliation")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    process = StripeProcess(Path(tmp_path_factory.mktemp("stripe")))
    yield process
    process.stop()


@pytest.fixture(scope="module")
def portal(
    stand_in: StripeProcess, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    processes = Portal(stand_in.url, tmp_path_factory.mktemp("portal") / "log")
    yield processes
    processes.stop()


@pytest.fixture(scope="module")
def healthy(portal: Portal) -> Iterator[Child]:
    """The web server that clients find when the killed one was started again."""
    child = portal.web()
    yield child
    child.kill()


@pytest.fixture(autouse=True)
def stripe(stand_in: StripeProcess, settings: Any) -> Iterator[StripeProcess]:
    """Stripe is on in this process too: here, recovery runs."""
    stand_in.reset()
    settings.STRIPE_SECRET_KEY, settings.STRIPE_PUBLISHABLE_KEY = SECRET_KEY, PUBLISHABLE_KEY
    settings.STRIPE_WEBHOOK_SECRETS, settings.STRIPE_API_BASE = [WEBHOOK_SECRET], stand_in.url
    settings.PROVIDER_ENVIRONMENT = "test"
    breaker.forget()
    registry.providers.cache_clear()
    yield stand_in
    registry.providers.cache_clear()


@pytest.fixture
def acme() -> Tenant:
    return world.subscribed()


Ask = Callable[..., Answer]


def charger(tenant: Tenant, **more: Any) -> Ask:
    """A request that charges a card: sent again it has the same key."""
    _, secret = create_api_key(
        tenant=tenant, name="spa", scopes=["billing:write"], actor=world.SYSTEM, now=timezone.now()
    )
    method = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
    body = {"amount": CENTS, "currency": "usd", "paymentMethod": method, **more}
    headers = {"Authorization": f"Bearer {secret}", "Idempotency_Key": f"charge {random.random()}"}
    return lambda server: request(f"{server.url}/api/payments", body, **headers)


def refunder(payment: Payment, cents: int) -> Ask:
    boss = world.user(staff=True, is_superuser=True)
    _, secret = issue_token(user=boss, now=timezone.now())
    headers = {"Authorization": f"Bearer {secret}", "Idempotency_Key": f"refund {random.random()}"}
    return lambda server: request(f"{server.url}/api/payments/{payment.id}/refund", {"amount": cents}, **headers)


def paid(tenant: Tenant, cents: int = CENTS, *, method: str = "pm_card_visa", **more: Any) -> Payment:
    return start_payment(
        tenant=tenant,
        amount=Money(cents, "usd"),
        choice=MethodChoice("card", method_ref=method),
        actor=world.SYSTEM,
        now=timezone.now(),
        **{"key": f"paid {random.random()}", **more},
    )


def kill(portal: Portal, stripe: StripeProcess, step: str, ask: Ask, kind: str) -> None:
    """Send the request to a server that dies there. While Stripe keeps its answer back, from outside."""
    if step == IN_THE_CALL:
        web, before = portal.web(), len(stripe.objects(kind))
        stripe.fault("delay", {"charges": "/v1/payment_intents", "refunds": "/v1/refunds"}[kind], seconds=0.5)
        client = threading.Thread(target=ask, args=(web,))
        client.start()
        wait_until(lambda: len(stripe.objects(kind)) > before)
        web.kill()
        client.join(10)
        return
    web = portal.web(die_at=step)
    assert ask(web) == Answer(0), f"it answered, and never came to: {step}"
    web.wait()


def again(server: Child, ask: Ask) -> Answer:
    """The client sends it once more, as often as it is told to wait."""
    answers: list[Answer] = []

    def answered() -> bool:
        answers.append(ask(server))
        return answers[-1].status not in (409, 503)

    wait_until(answered, seconds=20, every=0.1)
    assert 200 <= answers[-1].status < 300, answers
    return answers[-1]


def recover() -> None:
    """What the clock does by itself in the next minutes, then the nightly comparison."""
    for seconds in (50, 200):
        now = timezone.now() + timedelta(seconds=seconds)
        checking.check_due(now=now)
        handling.handle_due(now)
        outbox.deliver_due(now)
    (provider,) = registry.able(Charges)
    now = timezone.now() + timedelta(seconds=800)
    report = reconcile(provider=provider, since=now - timedelta(days=1), actor=world.SYSTEM, now=now)
    assert report.agrees, (report.failed, report.discrepancies)


@pytest.mark.parametrize("step", [*OF_REQUESTS, *OF_CHARGES, IN_THE_CALL])
def test_a_web_server_killed_while_it_charges(stripe: StripeProcess, portal: Portal, healthy: Child, step: str) -> None:
    for first in WHO_COMES_FIRST:
        acme, before = world.subscribed(), len(stripe.taken())
        invoice = world.overage_invoice(acme, cents=CENTS)
        ask = charger(acme, invoiceId=str(invoice.id))
        kill(portal, stripe, step, ask, "charges")
        if first == "reconciliation":
            recover()
        answer = again(healthy, ask)
        recover()

        books_agree(stripe)
        payment = Payment.objects.get(tenant=acme, id=answer.body["id"])
        # What was never sent is given up after a while, and its key is free: the same request starts another then.
        others = Payment.objects.filter(tenant=acme).exclude(id=payment.id)
        given_up = {(each.status, each.failure_code) for each in others}
        assert given_up <= ({("canceled", "not_sent")} if first == "reconciliation" else set()), first
        invoice.refresh_from_db()
        assert (payment.status, invoice.status) == ("succeeded", "paid"), first
        assert stripe.taken()[before:] == [CENTS], first
        assert again(healthy, ask).body["id"] == str(payment.id)
        assert stripe.taken()[before:] == [CENTS]


@pytest.mark.parametrize("step", [*OF_REQUESTS, *OF_REFUNDS, IN_THE_CALL])
def test_a_web_server_killed_while_it_refunds(stripe: StripeProcess, portal: Portal, healthy: Child, step: str) -> None:
    for number, first in enumerate(WHO_COMES_FIRST, 1):
        acme = world.subscribed()
        invoice = world.overage_invoice(acme, cents=1_900)
        payment = paid(acme, invoice_id=invoice.id, cents=1_900)
        ask = refunder(payment, 900)  # twice that would be taken, too
        kill(portal, stripe, step, ask, "refunds")
        if first == "reconciliation":
            recover()
        answer = again(healthy, ask)
        recover()

        books_agree(stripe)
        refund = Refund.objects.get(payment=payment)
        assert (answer.status, answer.body["id"], refund.status) == (201, str(refund.id), "succeeded"), first
        assert again(healthy, ask).body["id"] == str(refund.id)
        assert [each["amount"] for each in stripe.objects("refunds")] == [900] * number, first


@pytest.mark.parametrize("step", OF_EVENTS)
def test_a_worker_killed_while_it_handles_an_event(
    stripe: StripeProcess, portal: Portal, healthy: Child, acme: Tenant, step: str
) -> None:
    payment = paid(acme, method="pm_card_authenticationRequired")
    stripe.panel("POST", "authenticate", {"id": payment.provider_ref, "outcome": "succeeded"})
    event = next(each for each in stripe.objects("events") if each["type"] == "payment_intent.succeeded")
    body = json.dumps(event)
    header = signature(WEBHOOK_SECRET, body.encode(), int(timezone.now().timestamp()))
    assert request(f"{healthy.url}{WEBHOOK_PATH}", event, Stripe_Signature=header).status == 200

    portal.work("payments.handle_events", die_at=step)
    assert ProviderEvent.objects.get().status == "received"
    handling.handle_due(timezone.now() + timedelta(minutes=6))

    assert ProviderEvent.objects.get().status == "handled"
    books_agree(stripe)
    assert StatusChange.objects.filter(subject_id=payment.id, new="succeeded").count() == 1
    assert LedgerLeg.objects.filter(payment=payment, account="cash_stripe", amount_minor=CENTS).count() == 1


@pytest.mark.parametrize("step", [step for step in OF_CHARGES if step != "charge: customer made"])
def test_a_worker_killed_while_it_collects_an_invoice(
    stripe: StripeProcess, portal: Portal, acme: Tenant, step: str
) -> None:
    _default_method(acme, stripe)
    invoice = world.overage_invoice(acme, cents=CENTS)

    portal.work("notices.deliver_outbox", die_at=step)
    outbox.deliver_due(timezone.now() + timedelta(minutes=6))

    assert stripe.taken() == [CENTS]
    books_agree(stripe)
    invoice.refresh_from_db()
    assert (invoice.status, Payment.objects.get().status) == ("paid", "succeeded")


def _default_method(tenant: Tenant, stripe: StripeProcess) -> None:
    (provider,) = registry.able(Charges)
    customer = customer_for(tenant=tenant, provider=provider, now=timezone.now())  # type: ignore[arg-type]
    api = build_client(SECRET_KEY, api_base=stripe.url).v1
    saved = api.payment_methods.attach("pm_card_visa", {"customer": customer.provider_ref}).id
    set_default(tenant=tenant, method_ref=saved, now=timezone.now())


def test_killed_at_random_moments_each_request_has_its_effect_once(
    stripe: StripeProcess, portal: Portal, healthy: Child, acme: Tenant
) -> None:
    seed = int(os.environ.get("RACE_SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    draw = random.Random(seed)
    expected, given = 0, 0
    for _ in range(KILLS):
        payment = paid(acme)
        asks = [charger(acme), charger(acme), refunder(payment, 700)]
        web = portal.web()
        delay = draw.uniform(0.02, 0.2)

        def act(number: int, web: Child = web, asks: list[Ask] = asks, delay: float = delay) -> None:
            if number < len(asks):
                asks[number](web)
            else:
                threading.Event().wait(delay)
                web.kill()

        assert at_once(len(asks) + 1, act).errors == []
        if draw.random() < 0.5:
            recover()
        for ask in asks:
            assert again(healthy, ask).status in (201, 202)
        expected, given = expected + 3, given + 1
    recover()

    books_agree(stripe)
    ended = Payment.objects.exclude(status="canceled", failure_code="not_sent")
    assert set(ended.values_list("status", flat=True)) == {"succeeded"}
    assert len(stripe.taken()) == ended.count() == expected
    assert [each["amount"] for each in stripe.objects("refunds")] == [700] * given
