"""The failure cases ST1 to ST15 of docs/failure-cases.md: a test for each, through the doors, by both books."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tests import world
from billing_portal.tests.stripe_world import WEBHOOK_PATH, WEBHOOK_SECRET, StripeWorld
from payments import queries
from payments.actions import checking
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.actions.refunding import approve_refund, refund_payment
from payments.actions.saving_methods import customer_for
from payments.actions.syncing_methods import sync_methods
from payments.inbox.handling import handle_due
from payments.models import Discrepancy, Dispute, Invoice, LedgerLeg, Payment, ProviderEvent, Refund

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def pay(tenant: Any, method: str = "pm_card_visa", *, cents: int = 2_900, kind: str = "card", **how: Any) -> Payment:
    return start_payment(
        tenant=tenant,
        amount=Money(cents, how.pop("currency", "usd")),
        choice=MethodChoice(kind, method_ref=method),
        actor=world.SYSTEM,
        now=timezone.now(),
        **how,
    )


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json", **headers)


def told(stripe: StripeWorld) -> None:
    """What is queued arrives, and is handled."""
    stripe.deliver()
    handle_due(timezone.now() + timedelta(seconds=1))


def written() -> None:
    """What follows is done, and the mails are sent."""
    while outbox.deliver_due(timezone.now() + timedelta(seconds=2)).done:
        pass


def signed(event: dict[str, Any], *, secret: str = WEBHOOK_SECRET, age: int = 0) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(event).encode()
    stamp = int(timezone.now().timestamp()) - age
    signature = sdk.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    return body, {"HTTP_STRIPE_SIGNATURE": f"t={stamp},v1={signature}"}


def receive(body: bytes, headers: dict[str, str]) -> int:
    return Client().post(WEBHOOK_PATH, body, content_type="application/json", **headers).status_code


def event_of(stripe: StripeWorld, kind: str) -> dict[str, Any]:
    return next(each for each in stripe.objects("events") if each["type"] == kind)


def test_st1_the_same_event_again_does_nothing(stripe: StripeWorld, acme: Any) -> None:
    waiting = pay(acme, "pm_card_authenticationRequired")
    stripe.panel("POST", "webhooks", {"mode": "duplicate", "copies": 5})
    stripe.authenticate(waiting.provider_ref or "")
    told(stripe)
    assert ProviderEvent.objects.filter(kind="payment_intent.succeeded").count() == 1
    assert LedgerLeg.objects.filter(payment=waiting, account="cash_stripe", amount_minor=2_900).count() == 1
    written()
    assert len(mail.outbox) == 1


def test_st2_several_events_about_one_fact_are_one_payment(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme)
    stripe.panel("POST", "refund", {"id": payment.provider_ref, "amount": 900})
    told(stripe)
    kinds = set(ProviderEvent.objects.values_list("kind", flat=True))
    assert {"payment_intent.succeeded", "charge.refunded", "refund.created"} <= kinds
    assert (Payment.objects.count(), Refund.objects.count()) == (1, 1)


def test_st3_the_order_of_events_does_not_matter(stripe: StripeWorld, acme: Any) -> None:
    waiting = pay(acme, "pm_card_authenticationRequired")
    stripe.panel("POST", "webhooks", {"mode": "shuffle"})
    stripe.authenticate(waiting.provider_ref or "")
    told(stripe)
    before = event_of(stripe, "payment_intent.requires_action")
    failed = before | {"id": "evt_late", "type": "payment_intent.payment_failed"}
    assert receive(*signed(failed)) == 200
    handle_due(timezone.now() + timedelta(seconds=1))
    waiting.refresh_from_db()
    assert waiting.status == "succeeded", "an older word of the provider's takes nothing back"


def test_st4_an_event_may_come_before_the_answer(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge: Callable[..., Any] = stripe.provider.charge

    def slowly(request: Any) -> Any:
        result = charge(request)
        told(stripe)
        return result

    monkeypatch.setattr(stripe.provider, "charge", slowly)
    payment = pay(acme)
    assert (payment.status, Payment.objects.count(), stripe.taken()) == ("succeeded", 1, [2_900])
    assert LedgerLeg.objects.filter(payment=payment, account="cash_stripe", amount_minor=2_900).count() == 1


def test_st5_a_timeout_after_the_charge_is_asked_about_and_never_repeated(stripe: StripeWorld, acme: Any) -> None:
    stripe.fault("delay", seconds=30)
    payment = pay(acme, key="k")
    assert (payment.status, payment.outcome_unknown) == ("processing", True)
    checking.check_due(now=timezone.now() + timedelta(seconds=10))
    assert pay(acme, key="k").status == "succeeded"
    assert stripe.taken() == [2_900]


def test_st6_a_crash_between_charge_and_commit_is_found(
    stripe: StripeWorld, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = stripe.provider.charge

    def killed(request: Any) -> Any:
        charge(request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stripe.provider, "charge", killed)
        pay(acme)
    assert Payment.objects.get().status == "created"
    checking.check_due(now=timezone.now() + timedelta(minutes=1))
    assert (Payment.objects.get().status, stripe.taken()) == ("succeeded", [2_900])


def test_st7_a_double_click_and_a_retry_are_one_charge(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    body = {
        "amount": 2_904,
        "currency": "usd",
        "invoiceId": str(invoice.id),
        "paymentMethod": {"type": "card", "stripePaymentMethodId": "pm_card_visa"},
    }
    first = post(owner, "/api/payments", body, HTTP_IDEMPOTENCY_KEY="k")
    again = post(owner, "/api/payments", body, HTTP_IDEMPOTENCY_KEY="k")
    other = post(owner, "/api/payments", body, HTTP_IDEMPOTENCY_KEY="another")
    assert (first.status_code, again.json()) == (201, first.json())
    assert (other.status_code, other.json()["code"]) == (409, "already_paid")
    assert stripe.taken() == [2_904]


def test_st8_refunds_made_in_the_dashboard_are_booked_and_failed_ones_undone(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme, "pm_card_refundFail")
    stripe.panel("POST", "refund", {"id": payment.provider_ref, "amount": 900})
    told(stripe)
    assert queries.payments(acme).get().refunded_minor == 900
    stripe.settle(stripe.objects("refunds")[0]["id"], "failed")
    told(stripe)
    assert (Refund.objects.get().status, queries.payments(acme).get().refunded_minor) == ("failed", 0)
    assert queries.credit_balance(acme, "usd") == Money(2_900, "usd")


def test_st9_two_refunds_never_give_back_more_than_came_in(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme)
    staff = world.user(staff=True)
    facts = {"reason": "", "destination": "source", "requester": staff, "actor": world.staff_actor(staff)}
    refund_payment(payment_id=payment.id, amount=Money(1_740, "usd"), now=timezone.now(), **facts)
    with pytest.raises(BillingError) as raised:
        refund_payment(payment_id=payment.id, amount=Money(1_740, "usd"), now=timezone.now(), **facts)
    assert raised.value.code == "refund_exceeds_payment"
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_740]


def test_st10_a_dispute_blocks_refunds_and_opens_the_invoice_when_it_is_lost(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    due_at = invoice.due_at
    payment = pay(acme, cents=2_904, invoice_id=invoice.id)
    stripe.settle(payment.provider_ref or "", "disputed")
    told(stripe)
    staff = world.user(staff=True)
    with pytest.raises(BillingError) as raised:
        refund_payment(
            payment_id=payment.id,
            amount=None,
            reason="",
            destination="source",
            requester=staff,
            actor=world.staff_actor(staff),
            now=timezone.now(),
        )
    assert raised.value.code == "payment_disputed"
    assert Discrepancy.objects.get(closed_at=None).kind == "disputed"
    stripe.settle(stripe.objects("disputes")[0]["id"], "dispute_lost")
    told(stripe)
    payment.refresh_from_db()
    invoice.refresh_from_db()
    assert (Dispute.objects.get().status, payment.status) == ("lost", "returned")
    assert (invoice.status, invoice.due_at) == (Invoice.Status.OPEN, due_at)


def test_st11_a_bank_debit_takes_days_and_may_come_back_afterwards(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    customer = customer_for(tenant=acme, provider=stripe.provider, now=timezone.now())
    account = stripe.bank_account(customer.provider_ref)
    payment = pay(acme, account, kind="us_bank_account", cents=2_904, invoice_id=invoice.id)
    assert payment.status == "processing"
    with pytest.raises(BillingError):
        pay(acme, cents=2_904, invoice_id=invoice.id)
    stripe.settle(payment.provider_ref or "", "succeeded")
    told(stripe)
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.PAID
    stripe.settle(payment.provider_ref or "", "returned")
    told(stripe)
    payment.refresh_from_db()
    invoice.refresh_from_db()
    assert (payment.status, invoice.status) == ("returned", Invoice.Status.OPEN)


def test_st12_a_bank_that_wants_the_absent_payer_is_no_decline(stripe: StripeWorld, acme: Any) -> None:
    customer = customer_for(tenant=acme, provider=stripe.provider, now=timezone.now())
    stripe.saved_method(customer.provider_ref, "pm_card_authenticationRequired")
    sync_methods(tenant=acme, now=timezone.now())
    world.overage_invoice(acme, cents=2_904)
    written()
    told(stripe)
    payment = Payment.objects.get()
    assert (payment.status, len(stripe.objects("payment_intents"))) == ("requires_action", 1)
    assert [each for each in mail.outbox if "confirm" in each.subject.lower()]


@pytest.mark.parametrize(
    ("currency", "minor", "counted"), [("jpy", 2_900, 2_900), ("kwd", 12_340, 12_340), ("isk", 5_000, 500_000)]
)
def test_st13_every_currency_keeps_its_size(stripe: StripeWorld, currency: str, minor: int, counted: int) -> None:
    tenant = world.subscribed(world.plan_price(currency), slug="zero")
    payment = pay(tenant, cents=minor, currency=currency)
    assert (payment.status, payment.amount_minor) == ("succeeded", minor)
    assert stripe.objects("charges")[0]["amount"] == counted
    staff = world.user(staff=True)
    refund = refund_payment(
        payment_id=payment.id,
        amount=Money(minor // 10 * 5, currency),
        reason="",
        destination="source",
        requester=staff,
        actor=world.staff_actor(staff),
        now=timezone.now(),
    )
    if refund.status == "awaiting_approval":  # no threshold is set for the currency
        second = world.user(staff=True)
        refund = approve_refund(
            refund_id=refund.id, approver=second, actor=world.staff_actor(second), now=timezone.now()
        )
    assert stripe.objects("refunds")[0]["amount"] * minor == counted * refund.amount_minor


def test_st14_an_event_of_the_other_mode_is_kept_and_changes_nothing(stripe: StripeWorld, acme: Any) -> None:
    waiting = pay(acme, "pm_card_authenticationRequired")
    stripe.panel("POST", "webhooks", {"mode": "drop"})
    stripe.authenticate(waiting.provider_ref or "")
    event = event_of(stripe, "payment_intent.succeeded") | {"livemode": True}
    assert receive(*signed(event)) == 200
    handle_due(timezone.now() + timedelta(seconds=1))
    waiting.refresh_from_db()
    assert (ProviderEvent.objects.get().status, waiting.status) == ("ignored", "requires_action")


def test_st15_what_stripe_did_not_sign_now_leaves_no_trace(stripe: StripeWorld, acme: Any) -> None:
    pay(acme)
    event = event_of(stripe, "payment_intent.succeeded")
    body, headers = signed(event)
    forged = [
        (body, {}),
        (body + b" ", headers),
        (json.dumps(event, separators=(",", ":")).encode(), headers),
        signed(event, secret="whsec_of_somebody_else"),
        signed(event, age=301),
        signed(event, age=-310),  # a second may pass until it is read
        (body, {"HTTP_STRIPE_SIGNATURE": "t=1,v1=\u00e4"}),
    ]
    assert [receive(*each) for each in forged] == [400] * len(forged)
    assert not ProviderEvent.objects.exists()
    assert receive(body, headers) == 200
