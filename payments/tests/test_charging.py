"""Charging at Stripe: every answer there is, in our books and in the stand-in's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing_portal.kit.errors import BillingError, IdempotencyMismatch
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions import checking
from payments.actions.charging import start_payment
from payments.actions.giving_up import cancel_payment
from payments.actions.opening import MethodChoice
from payments.actions.saving_methods import customer_for
from payments.actions.syncing import sync_payment
from payments.models import Attempt, Discrepancy, Invoice, LedgerLeg, Payment
from payments.providers import breaker

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def closed_breaker() -> None:
    breaker.forget()


def pay(tenant: Any, method: str = "pm_card_visa", *, cents: int = 2_900, at: datetime = NOW, **how: Any) -> Payment:
    kind = how.pop("kind", "card")
    return start_payment(
        tenant=tenant,
        amount=Money(cents, "usd"),
        choice=MethodChoice(kind, method_ref=method, saves=how.pop("saves", False)),
        actor=world.SYSTEM,
        now=at,
        **how,
    )


def legs(payment: Payment) -> dict[str, int]:
    return dict(LedgerLeg.objects.filter(payment=payment).values_list("account", "amount_minor"))


def test_a_card_that_is_good_pays_its_invoice(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    payment = pay(acme, invoice_id=invoice.id, key="k")
    assert (payment.status, payment.method_brand, payment.method_last4) == ("succeeded", "visa", "4242")
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.PAID
    (charge,) = stripe.objects("charges")
    assert charge["amount"] == 2_900 and charge["payment_intent"] == payment.provider_ref
    (intent,) = stripe.objects("payment_intents")
    assert intent["metadata"] == {
        "tenant_id": str(acme.id),
        "payment_id": str(payment.id),
        "invoice_id": str(invoice.id),
        "env": "test",
    }


def test_the_fee_is_booked_beside_the_payment(stripe: StripeWorld, acme: Any) -> None:
    payment = sync_payment(payment_id=pay(acme).id, actor=world.SYSTEM, now=NOW)
    (moved,) = stripe.objects("balance_transactions")
    payment.refresh_from_db()
    assert payment.fee_minor == moved["fee"] == 114
    net = sum(leg.amount_minor for leg in LedgerLeg.objects.filter(payment=payment, account="cash_stripe"))
    assert net == moved["net"]
    again = sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW)
    assert LedgerLeg.objects.filter(payment=again, account="provider_fees").count() == 1


@pytest.mark.parametrize(
    ("method", "code", "decline"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
def test_a_decline_is_a_failed_payment_and_frees_the_invoice(
    stripe: StripeWorld, acme: Any, method: str, code: str, decline: str | None
) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    failed = pay(acme, method, invoice_id=invoice.id)
    assert (failed.status, failed.failure_code, failed.decline_code) == ("failed", code, decline)
    assert failed.failure_message
    assert stripe.taken() == []
    assert (Attempt.objects.get(operation="charge").outcome, Attempt.objects.get(operation="charge").code) == (
        "declined",
        code,
    )
    again = pay(acme, invoice_id=invoice.id)
    assert again.status == "succeeded" and again.id != failed.id
    outbox.deliver_due(NOW)
    states = {each["metadata"]["payment_id"]: each["status"] for each in stripe.objects("payment_intents")}
    assert states == {str(failed.id): "canceled", str(again.id): "succeeded"}, "no second try on the failed one"


def test_three_d_secure_is_finished_in_the_browser_and_settled_by_a_refresh(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    waiting = pay(acme, "pm_card_authenticationRequired", invoice_id=invoice.id)
    assert waiting.status == "requires_action" and waiting.client_secret
    assert waiting.client_secret not in str(Payment.objects.values().get(id=waiting.id)), "never stored"
    stripe.authenticate(waiting.provider_ref or "")
    assert sync_payment(payment_id=waiting.id, actor=world.SYSTEM, now=NOW).status == "succeeded"
    assert stripe.taken() == [2_900]


def test_three_d_secure_that_the_bank_refuses_has_failed(stripe: StripeWorld, acme: Any) -> None:
    waiting = pay(acme, "pm_card_authenticationRequired")
    stripe.authenticate(waiting.provider_ref or "", "failed")
    after = sync_payment(payment_id=waiting.id, actor=world.SYSTEM, now=NOW)
    assert (after.status, stripe.taken()) == ("failed", [])


def test_a_new_attempt_first_gives_up_the_one_that_waits(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    waiting = pay(acme, "pm_card_authenticationRequired", invoice_id=invoice.id)
    paid = pay(acme, invoice_id=invoice.id)
    waiting.refresh_from_db()
    assert (waiting.status, paid.status, stripe.taken()) == ("canceled", "succeeded", [2_900])


def test_the_one_that_waited_and_was_finished_meanwhile_is_not_paid_twice(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    waiting = pay(acme, "pm_card_authenticationRequired", invoice_id=invoice.id)
    stripe.authenticate(waiting.provider_ref or "")
    with pytest.raises(BillingError) as raised:
        pay(acme, invoice_id=invoice.id)
    assert raised.value.code == "already_paid"
    assert stripe.taken() == [2_900]


def test_a_bank_debit_takes_days_and_holds_its_amount_meanwhile(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    customer = customer_for(tenant=acme, provider=stripe.provider, now=NOW)
    account = stripe.bank_account(customer.provider_ref)
    payment = pay(acme, account, kind="us_bank_account", invoice_id=invoice.id)
    assert (payment.status, payment.outcome_unknown) == ("processing", False)
    assert queries.amounts(invoice).payable == 0
    with pytest.raises(BillingError) as raised:
        pay(acme, invoice_id=invoice.id)
    assert raised.value.code == "amount_exceeds_due"
    stripe.settle(payment.provider_ref or "", "succeeded")
    assert sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW).status == "succeeded"


def test_a_bank_debit_that_bounces_has_failed_and_the_invoice_is_open(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    customer = customer_for(tenant=acme, provider=stripe.provider, now=NOW)
    account = stripe.bank_account(customer.provider_ref, "pm_usBankAccount_insufficientFunds")
    payment = pay(acme, account, kind="us_bank_account", invoice_id=invoice.id)
    stripe.settle(payment.provider_ref or "", "failed", "insufficient_funds")
    after = sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW)
    assert after.status == "failed" and queries.amounts(invoice).payable == 2_900


def test_a_bank_account_without_a_mandate_is_refused(stripe: StripeWorld, acme: Any) -> None:
    with pytest.raises(BillingError) as raised:
        pay(acme, "pm_usBankAccount_success", kind="us_bank_account")
    assert raised.value.code == "mandate_required"
    assert not Payment.objects.exists()


def test_another_tenants_method_does_not_exist(stripe: StripeWorld, acme: Any) -> None:
    other = world.subscribed(slug="other")
    pay(other, saves=True)
    theirs = stripe.objects("payment_methods")[-1]["id"]
    with pytest.raises(BillingError) as known:
        pay(acme, theirs)
    with pytest.raises(BillingError) as unknown:
        pay(acme, "pm_nobody")
    assert (known.value.code, known.value.detail) == (unknown.value.code, unknown.value.detail)
    assert known.value.code == "payment_method_not_found"
    assert stripe.taken() == [2_900]


@pytest.mark.parametrize("fault", ["drop_after", "html_500", "garbage"])
def test_an_answer_that_is_lost_is_unknown_and_found_later(stripe: StripeWorld, acme: Any, fault: str) -> None:
    stripe.fault(fault)
    payment = pay(acme, key="k")
    assert (payment.status, payment.outcome_unknown) == ("processing", True)
    assert payment.next_check_at and payment.next_check_at <= NOW + timedelta(seconds=10)
    later = NOW + timedelta(seconds=10)
    assert checking.check_due(now=later).asked == 1
    payment.refresh_from_db()
    assert (payment.status, stripe.taken()) == ("succeeded", [2_900]), "found, or sent again under the same key"


def test_what_never_arrives_however_often_it_is_sent_ends_after_a_while(stripe: StripeWorld, acme: Any) -> None:
    stripe.fault("drop_before", times=50)
    payment = pay(acme, key="k")
    for minutes in (1, 5, 12):
        checking.check_due(now=NOW + timedelta(minutes=minutes))
        payment.refresh_from_db()
        assert payment.status == "processing", "the request may still be on its way"
    checking.check_due(now=NOW + timedelta(minutes=25))
    payment.refresh_from_db()
    assert (payment.status, payment.failure_code, stripe.taken()) == ("canceled", "not_sent", [])
    stripe.panel("DELETE", "faults")
    breaker.forget()
    again = pay(acme, key="k", at=NOW + timedelta(minutes=26))
    assert (again.status, stripe.taken()) == ("succeeded", [2_900]), "its key is free"


def test_the_same_key_after_a_lost_answer_finds_the_charge(stripe: StripeWorld, acme: Any) -> None:
    stripe.fault("drop_after")
    first = pay(acme, key="k")
    second = pay(acme, key="k", at=NOW + timedelta(seconds=1))
    assert (second.id, second.status, stripe.taken()) == (first.id, "succeeded", [2_900])


def test_the_same_key_with_another_amount_is_another_request(stripe: StripeWorld, acme: Any) -> None:
    pay(acme, key="k")
    with pytest.raises(IdempotencyMismatch):
        pay(acme, key="k", cents=3_000)


def test_a_row_whose_caller_was_killed_is_charged_by_the_same_key(stripe: StripeWorld, acme: Any, monkeypatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stripe.provider, "charge", _killed)
        pay(acme, key="k")
    assert Payment.objects.get().status == "created"
    assert pay(acme, key="k").status == "succeeded"
    assert (Payment.objects.count(), stripe.taken()) == (1, [2_900])


def test_a_row_whose_caller_was_killed_after_the_charge_is_found(stripe: StripeWorld, acme: Any, monkeypatch) -> None:
    charge = stripe.provider.charge

    def killed_after(request: Any) -> Any:
        charge(request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stripe.provider, "charge", killed_after)
        pay(acme)
    checking.check_due(now=NOW + timedelta(minutes=1))
    assert Payment.objects.get().status == "succeeded"
    assert stripe.taken() == [2_900]


def _killed(request: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize("fault", ["rate_limit"])
def test_a_provider_that_did_nothing_leaves_nothing_but_a_canceled_row(
    stripe: StripeWorld, acme: Any, fault: str
) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    stripe.fault(fault)
    with pytest.raises(BillingError) as raised:
        pay(acme, invoice_id=invoice.id, key="k")
    assert (raised.value.status, raised.value.code) == (503, "provider_unavailable")
    assert Payment.objects.get().status == "canceled"
    assert pay(acme, invoice_id=invoice.id, key="k").status == "succeeded", "the key is free again"
    assert stripe.taken() == [2_900]


def test_a_provider_that_is_silent_is_not_asked_for_a_while(stripe: StripeWorld, acme: Any) -> None:
    stripe.fault("rate_limit", times=breaker.FAILURES)
    for number in range(breaker.FAILURES):
        with pytest.raises(BillingError):
            pay(acme, key=f"k{number}")
    sent = len(stripe.panel("GET", "log"))
    with pytest.raises(BillingError) as raised:
        pay(acme, key="last")
    assert raised.value.status == 503
    assert len(stripe.panel("GET", "log")) == sent, "nothing was sent"


def test_an_answer_about_another_amount_is_not_booked(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme, "pm_card_authenticationRequired")
    Payment.objects.filter(id=payment.id).update(amount_minor=100)
    stripe.authenticate(payment.provider_ref or "")
    sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW)
    payment.refresh_from_db()
    assert payment.status == "requires_action"
    assert Discrepancy.objects.get().kind == "amount_differs"
    assert not LedgerLeg.objects.filter(payment=payment).exists()


def test_money_that_comes_late_is_booked_and_told_to_staff(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme, "pm_card_authenticationRequired")
    Payment.objects.filter(id=payment.id).update(status="canceled")
    stripe.authenticate(payment.provider_ref or "")
    after = sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW)
    assert after.status == "succeeded"
    assert Discrepancy.objects.get().kind == "late_success"
    assert queries.credit_balance(acme, "usd") == Money(2_900, "usd")


def test_what_is_given_up_is_given_up_at_the_provider(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme, "pm_card_authenticationRequired")
    assert cancel_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW).status == "canceled"
    assert stripe.objects("payment_intents")[0]["status"] == "canceled"
    assert cancel_payment(payment_id=payment.id, actor=world.SYSTEM, now=NOW).status == "canceled"


def test_what_has_taken_money_can_not_be_given_up(stripe: StripeWorld, acme: Any) -> None:
    with pytest.raises(BillingError) as raised:
        cancel_payment(payment_id=pay(acme).id, actor=world.SYSTEM, now=NOW)
    assert raised.value.code == "payment_not_open"


def test_below_the_providers_least_amount_nothing_is_asked(stripe: StripeWorld, acme: Any) -> None:
    with pytest.raises(BillingError) as raised:
        pay(acme, cents=49)
    assert raised.value.code == "invalid_amount"
    assert not Payment.objects.exists()


def test_a_second_click_without_a_key_is_noticed(stripe: StripeWorld, acme: Any) -> None:
    pay(acme)
    with pytest.raises(BillingError) as raised:
        pay(acme)
    assert raised.value.code == "possible_duplicate"
    assert pay(acme, at=NOW + timedelta(seconds=61)).status == "succeeded"


def test_no_call_is_made_inside_a_transaction(stripe: StripeWorld, acme: Any) -> None:
    from django.db import transaction

    with pytest.raises(RuntimeError), transaction.atomic():
        pay(acme)
    assert stripe.taken() == []


def test_a_row_that_may_have_been_sent_is_not_ended_by_a_refusal(stripe: StripeWorld, acme: Any, monkeypatch) -> None:
    """Killed after the charge; the retry meets a provider that takes no requests. Were the row to end and its key to be
    free, the next retry would charge a second time."""
    charge = stripe.provider.charge

    def killed_after(request: Any) -> Any:
        charge(request)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stripe.provider, "charge", killed_after)
        pay(acme, key="k")
    stripe.fault("rate_limit")
    unknown = pay(acme, key="k")
    assert (unknown.status, unknown.outcome_unknown) == ("processing", True)
    assert pay(acme, key="k", at=NOW + timedelta(seconds=9)).status == "succeeded"
    assert (Payment.objects.count(), stripe.taken()) == (1, [2_900])
