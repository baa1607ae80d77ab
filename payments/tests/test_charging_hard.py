"""What a hostile reader found, each as it happened: charging and collecting when everything goes wrong at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.notices.models import OutboxMessage
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions import charging, checking, collecting
from payments.actions.charging import start_payment
from payments.actions.collecting import collect_invoice
from payments.actions.customers import customer_for
from payments.actions.disputing import apply_disputes
from payments.actions.opening import MethodChoice
from payments.actions.recording import verify_manual_payment
from payments.actions.syncing import sync_payment
from payments.actions.syncing_methods import sync_methods
from payments.models import Discrepancy, Payment, ProviderCustomer, Refund
from payments.providers import breaker, registry
from payments.providers.stripe.reading import dispute_of
from payments.tests.refund_world import refund

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def owner(acme: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(world.member(acme))
    return client


def pay(tenant: Any, method: str = "pm_card_visa", *, cents: int = 2_900, at: Any = None, **how: Any) -> Payment:
    return start_payment(
        tenant=tenant,
        amount=Money(cents, "usd"),
        choice=MethodChoice(how.pop("kind", "card"), method_ref=method),
        actor=world.SYSTEM,
        now=at or timezone.now(),
        **how,
    )


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json", **headers)


def wish(method: str = "pm_card_visa", cents: int = 2_900) -> dict[str, Any]:
    return {
        "amount": cents,
        "currency": "usd",
        "paymentMethod": {"type": "card", "stripePaymentMethodId": method},
    }


def save(stripe: StripeWorld, tenant: Any, method: str = "pm_card_visa") -> None:
    customer = customer_for(tenant=tenant, provider=stripe.provider, now=timezone.now())
    stripe.saved_method(customer.provider_ref, method)
    sync_methods(tenant=tenant, now=timezone.now())


def bank(stripe: StripeWorld, tenant: Any) -> str:
    return stripe.bank_account(customer_for(tenant=tenant, provider=stripe.provider, now=timezone.now()).provider_ref)


def tamper(stripe: StripeWorld, monkeypatch: Any, change: Callable[[Any], Any], *, path: str, method: str) -> None:
    """What comes back over the wire is another than the stand-in said."""
    inner = stripe.wire.request

    def request(verb: str, url: str, headers: Any, post_data: Any = None, **facts: Any) -> Any:
        body, status, answered = inner(verb, url, headers, post_data, **facts)
        if path in url and verb.lower() == method and status == 200:
            body = json.dumps(change(json.loads(body)))
        return body, status, answered

    monkeypatch.setattr(stripe.wire, "request", request)


def killed_after(stripe: StripeWorld, tenant: Any, monkeypatch: Any, **how: Any) -> None:
    """The provider has taken the money, and whoever asked is gone."""
    charge = stripe.provider.charge

    def killed(request: Any) -> Any:
        charge(request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stripe.provider, "charge", killed)
        pay(tenant, **how)


def test_the_rest_beside_an_open_part_waits(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=12_000)
    part = {"amount": 5_000, "paymentMethod": {"type": "us_bank_account", "stripePaymentMethodId": bank(stripe, acme)}}
    assert post(owner, f"/api/invoices/{invoice.id}/pay", part).status_code == 202
    rest = post(owner, f"/api/invoices/{invoice.id}/pay", {"paymentMethod": wish()["paymentMethod"]})
    assert (rest.status_code, rest.json()["code"]) == (409, "payment_in_progress")
    outbox.deliver_due(timezone.now())
    assert OutboxMessage.objects.get(topic="invoice.collect").last_error == ""


def test_two_clicks_that_both_want_the_payer_are_one_payment(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = world.overage_invoice(acme, cents=12_000)
    make_way, once = charging.make_way, []

    def other_click(**facts: Any) -> None:
        make_way(**facts)
        if not once:
            once.append(1)
            pay(acme, "pm_card_authenticationRequired", cents=12_000, invoice_id=invoice.id)

    monkeypatch.setattr(charging, "make_way", other_click)
    with pytest.raises(BillingError) as raised:
        pay(acme, cents=12_000, invoice_id=invoice.id)
    assert raised.value.code == "payment_in_progress"


def test_a_mistake_gives_up_nothing(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=12_000)
    waiting = pay(acme, "pm_card_authenticationRequired", cents=12_000, invoice_id=invoice.id, key="a")
    too_much = {"amount": 99_999_999, "paymentMethod": wish()["paymentMethod"]}
    assert post(owner, f"/api/invoices/{invoice.id}/pay", too_much).status_code == 400
    waiting.refresh_from_db()
    assert waiting.status == "requires_action"


def test_a_key_that_the_provider_has_forgotten_is_looked_for_first(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = timezone.now()
    killed_after(stripe, acme, monkeypatch, key="k", at=began)
    stripe.clock(began + timedelta(hours=25))
    again = pay(acme, key="k", at=began + timedelta(hours=25))
    assert (again.status, stripe.taken(), Payment.objects.count()) == ("succeeded", [2_900], 1)


@pytest.mark.parametrize("over_http", [True, False])
def test_a_request_that_was_lost_is_sent_again_under_its_key(
    stripe: StripeWorld, acme: Any, owner: Client, over_http: bool
) -> None:
    stripe.fault("drop_before")
    began = timezone.now()
    first = post(owner, "/api/payments", wish(), HTTP_IDEMPOTENCY_KEY="k")
    assert (first.status_code, stripe.taken()) == (202, [])
    if over_http:
        again = post(owner, "/api/payments", wish(), HTTP_IDEMPOTENCY_KEY="k")
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    else:
        checking.check_due(now=began + timedelta(seconds=10))
    assert (Payment.objects.get().status, stripe.taken()) == ("succeeded", [2_900])


def test_a_collection_that_never_arrived_is_collected_all_the_same(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme)
    invoice = world.overage_invoice(acme, cents=4_200)
    stripe.fault("drop_before", times=50)
    began = timezone.now()
    outbox.deliver_due(began)
    for minutes in (1, 3, 8, 25):
        checking.check_due(now=began + timedelta(minutes=minutes))
    assert Payment.objects.get().status == "canceled"
    stripe.panel("DELETE", "faults")
    breaker.forget()
    outbox.deliver_due(began + timedelta(minutes=26))
    invoice.refresh_from_db()
    assert (invoice.status, stripe.taken()) == ("paid", [4_200])


@pytest.mark.parametrize(
    "change",
    [
        lambda intent: {name: value for name, value in intent.items() if name != "currency"},
        lambda intent: intent | {"currency": "usdc"},
        lambda intent: [intent],
        lambda intent: None,
        lambda intent: intent | {"payment_method": {"id": "pm_1"}},
        lambda intent: {name: value for name, value in intent.items() if name != "id"},
    ],
    ids=["no currency", "another currency", "a list", "null", "a method without type", "no id"],
)
def test_half_an_answer_is_no_answer_and_no_refusal(
    stripe: StripeWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
) -> None:
    with monkeypatch.context() as patch:
        tamper(stripe, patch, change, path="payment_intents", method="post")
        first = post(owner, "/api/payments", wish(), HTTP_IDEMPOTENCY_KEY="k")
    again = post(owner, "/api/payments", wish(), HTTP_IDEMPOTENCY_KEY="k")
    assert (first.status_code, again.status_code, stripe.taken()) == (202, 201, [2_900])


@pytest.mark.parametrize("change", [{"currency": "usdc"}, {"currency": None}])
def test_a_refunds_answer_that_can_not_be_read_leaves_it_pending(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    paid = pay(acme, key="k")
    with monkeypatch.context() as patch:
        tamper(stripe, patch, lambda answer: answer | change, path="/refunds", method="post")
        refund(paid, 2_900)
    row = Refund.objects.get()
    assert (row.status, row.outcome_unknown) == ("pending", True)
    checking.check_due(now=timezone.now() + timedelta(seconds=10))
    assert Refund.objects.get().status == "succeeded"
    assert [each["amount"] for each in stripe.objects("refunds")] == [2_900]


def test_a_lost_dispute_of_an_account_that_settles_elsewhere_opens_the_invoice(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=12_000)
    payment = pay(acme, cents=12_000, invoice_id=invoice.id)
    facts = {
        "id": "du_1",
        "status": "lost",
        "currency": "usd",
        "amount": 12_000,
        "payment_intent": payment.provider_ref,
        "created": int(timezone.now().timestamp()),
        "reason": "fraudulent",
        "balance_transactions": [{"amount": -10_000, "fee": 1_500, "currency": "eur"}],
    }
    apply_disputes(payment_id=payment.id, facts=[dispute_of(facts)], actor=world.SYSTEM, now=timezone.now())
    invoice.refresh_from_db()
    payment.refresh_from_db()
    assert (invoice.status, payment.status, payment.returned_minor) == ("open", "returned", 12_000)


def test_what_was_paid_while_it_was_reckoned_is_not_collected(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(stripe, acme)
    world.overage_invoice(acme, cents=12, month="2026-09")
    large = world.overage_invoice(acme, cents=12_000, month="2026-10")
    start, once = collecting.start_payment, []

    def meanwhile(**facts: Any) -> Payment:
        if not once:
            once.append(1)
            pay(acme, cents=9_900, invoice_id=large.id, key="person")
        return start(**facts)

    monkeypatch.setattr(collecting, "start_payment", meanwhile)
    collect_invoice(invoice_id=large.id, actor=world.SYSTEM, now=timezone.now())
    assert stripe.taken() == [9_900, 2_112]
    assert not queries.credit_balance(acme, "usd")


def test_what_is_too_small_is_carried_by_one_collection_alone(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(stripe, acme)
    world.overage_invoice(acme, cents=12, month="2026-09")
    one = world.overage_invoice(acme, cents=1_200, month="2026-10")
    other = world.overage_invoice(acme, cents=1_200, month="2026-11")
    start, once = collecting.start_payment, []

    def meanwhile(**facts: Any) -> Payment:
        if not once:
            once.append(1)
            collect_invoice(invoice_id=other.id, actor=world.SYSTEM, now=timezone.now())
        return start(**facts)

    monkeypatch.setattr(collecting, "start_payment", meanwhile)
    collect_invoice(invoice_id=one.id, actor=world.SYSTEM, now=timezone.now())
    assert sorted(stripe.taken()) == [1_200, 1_212]


def test_one_that_stumbles_holds_up_no_other(stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    began = timezone.now()
    lost = []
    for number in range(2):
        stripe.fault("drop_after")
        lost.append(pay(acme, key=f"k{number}", cents=1_000 + number, at=began + timedelta(seconds=number)))
    find = stripe.provider.find

    def stumbles(metadata_id: str, *, since: Any) -> Any:
        if metadata_id == str(lost[0].id):
            raise KeyError("currency")
        return find(metadata_id, since=since)

    monkeypatch.setattr(stripe.provider, "find", stumbles)
    checking.check_due(now=began + timedelta(minutes=1))
    lost[1].refresh_from_db()
    assert lost[1].status == "succeeded"


def test_what_nobody_can_read_in_the_account_hides_nothing(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe.fault("drop_after")
    payment = pay(acme, key="a")

    def with_a_stranger(page: Any) -> Any:
        if isinstance(page.get("data"), list) and page["data"]:
            page["data"].insert(0, page["data"][0] | {"id": "pi_other", "currency": "usdc", "metadata": {}})
        return page

    tamper(stripe, monkeypatch, with_a_stranger, path="payment_intents", method="get")
    checking.check_due(now=timezone.now() + timedelta(seconds=10))
    payment.refresh_from_db()
    assert payment.status == "succeeded"


def test_an_older_answer_is_no_difference(stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = pay(acme, "pm_card_authenticationRequired")
    look_up, once = stripe.provider.look_up, []

    def overtaken(reference: str) -> Any:
        result = look_up(reference)
        if not once:
            once.append(1)
            stripe.authenticate(reference)
            sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
        return result

    monkeypatch.setattr(stripe.provider, "look_up", overtaken)
    after = sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
    assert after.status == "succeeded"
    assert not Discrepancy.objects.exists()


def test_a_lost_customer_does_not_stop_a_tenant_that_has_moved(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    stripe.fault("drop_after", "/v1/customers", times=2)
    assert post(owner, "/api/payments", wish(), HTTP_IDEMPOTENCY_KEY="k1").status_code == 503
    acme.billing_email = "new@acme.example"
    acme.save()
    assert post(owner, "/api/payments", wish(), HTTP_IDEMPOTENCY_KEY="k2").status_code == 201


def test_a_customer_that_was_deleted_in_the_dashboard_is_made_anew(
    stripe: StripeWorld, acme: Any, owner: Client
) -> None:
    gone = customer_for(tenant=acme, provider=stripe.provider, now=timezone.now()).provider_ref
    stripe.api.customers.delete(gone)
    assert post(owner, "/api/payments", wish(), HTTP_IDEMPOTENCY_KEY="k").status_code == 201
    assert ProviderCustomer.objects.get().provider_ref != gone
    assert stripe.taken() == [2_900]


def test_one_odd_object_does_not_stop_the_others(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = pay(acme, "pm_card_authenticationRequired", key="a")
    with monkeypatch.context() as patch:
        tamper(stripe, patch, lambda it: it | {"status": "requires_capture"}, path=odd.provider_ref or "", method="get")
        for _ in range(breaker.FAILURES):
            with pytest.raises(Exception, match="can't be read"):
                sync_payment(payment_id=odd.id, actor=world.SYSTEM, now=timezone.now())
    assert pay(acme, cents=3_100, key="b").status == "succeeded"


def test_a_provider_that_is_off_holds_up_no_sweep(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe.fault("drop_after")
    payment = pay(acme, key="a")
    later = timezone.now() + timedelta(minutes=1)
    with monkeypatch.context() as patch:
        patch.setattr(registry, "providers", dict)
        checking.check_due(now=later)
    payment.refresh_from_db()
    assert payment.next_check_at and payment.next_check_at > later


@pytest.mark.parametrize(
    ("minor", "currency", "field"),
    [
        (150, "mga", "amount"),
        (12_345, "kwd", "amount"),
        (100_000_000, "usd", "amount"),
        (9_007_199_254_740_991, "usd", "amount"),
        (5_000, "iqd", "currency"),
    ],
)
def test_what_stripe_does_not_take_is_said_before_it_is_asked(
    stripe: StripeWorld, minor: int, currency: str, field: str
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.member(world.tenant(slug="odd")))
    answer = post(client, "/api/payments", wish() | {"amount": minor, "currency": currency})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert not Payment.objects.exists() and not stripe.objects("payment_intents")


def test_who_is_at_the_banks_page_does_not_pay_what_a_check_has_paid(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    waiting = pay(acme, "pm_card_authenticationRequired", cents=2_904, invoice_id=invoice.id)
    check = world.check_for(acme, 2_904, world.user(staff=True), invoice=invoice, now=timezone.now())
    verify_manual_payment(payment_id=check.id, verifier=world.user(staff=True), actor=world.SYSTEM, now=timezone.now())
    while outbox.deliver_due(timezone.now() + timedelta(seconds=1)).done:
        pass
    waiting.refresh_from_db()
    assert waiting.status == "canceled"
    assert {each["status"] for each in stripe.objects("payment_intents")} == {"canceled"}
