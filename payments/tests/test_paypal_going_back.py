"""Money of PayPal payments that goes back: by staff, by PayPal's dashboard, by payers and banks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import PayPalWorld
from payments import queries
from payments.actions.syncing import sync_payment
from payments.models import CreditNote, Discrepancy, Dispute, Invoice, Payment, ProviderEvent, Refund
from payments.providers import breaker
from payments.tests.paypal_payments import (
    REFUNDS,
    agreed,
    capture,
    cash,
    finance,
    given,
    mocked,
    paid,
    swept,
    told,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_agree(paypal: PayPalWorld) -> Iterator[None]:
    breaker.forget()
    yield
    paypal_books_agree(paypal)


@pytest.fixture
def echeck(paypal: PayPalWorld, owner: Client) -> Payment:
    """What was paid by eCheck goes back by eCheck, which takes days."""
    payment = agreed(paypal, owner, 2_923)
    assert capture(owner, payment).status_code == 202
    payment.refresh_from_db()
    paypal.settle(payment.capture_ref or "", "succeeded")
    told(paypal)
    payment.refresh_from_db()
    assert payment.status == "succeeded"
    return payment


def test_staff_give_an_invoices_payment_back_in_parts_and_then_the_rest(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment, staff = paid(paypal, owner, 2_904, invoice), finance()
    part = given(staff, payment, 1_000)
    assert (part.status_code, part.json()["status"]) == (201, "succeeded")
    assert owner.get(f"/api/payments/{payment.id}").json()["status"] == "partially_refunded"
    rest = given(staff, payment)
    assert rest.json()["amount"] == 1_904
    assert owner.get(f"/api/payments/{payment.id}").json()["status"] == "refunded"
    told(paypal)
    sent = [(each["amount"]["value"], each["invoice_id"]) for each in paypal.objects("refunds")]
    assert sent == [("10.00", f"test-R-{part.json()['id']}"), ("19.04", f"test-R-{rest.json()['id']}")]
    assert sorted(CreditNote.objects.values_list("amount_minor", flat=True)) == [1_000, 1_904]
    assert cash() == -(Payment.objects.get().fee_minor or 0), "PayPal keeps its fee"


def test_more_than_is_left_is_never_asked_for(paypal: PayPalWorld, owner: Client) -> None:
    payment, staff = paid(paypal, owner), finance()
    assert given(staff, payment, 1_000).status_code == 201
    answer = given(staff, payment, 1_901)
    assert (answer.status_code, answer.json()["code"]) == (400, "refund_exceeds_payment")
    assert len(paypal.objects("refunds")) == 1


def test_a_refund_that_is_pending_is_settled_by_its_event(paypal: PayPalWorld, echeck: Payment) -> None:
    answer = given(finance(), echeck, 900)
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    refund = Refund.objects.get()
    assert (refund.outcome_unknown, refund.provider_ref) == (False, paypal.objects("refunds")[0]["id"])
    paypal.settle(refund.provider_ref or "", "succeeded")
    told(paypal)
    refund.refresh_from_db()
    assert refund.status == "succeeded"


def test_a_refund_that_fails_gives_its_amount_back(paypal: PayPalWorld, acme: Any, echeck: Payment) -> None:
    staff = finance()
    given(staff, echeck, 900)
    assert queries.credit_balance(acme, "usd").minor == 2_923 - 900
    paypal.settle(paypal.objects("refunds")[0]["id"], "failed")
    told(paypal)
    assert (Refund.objects.get().status, queries.credit_balance(acme, "usd").minor) == ("failed", 2_923)
    assert Discrepancy.objects.get(closed_at=None).kind == "refund_failed"
    assert given(staff, echeck, 2_923).status_code == 201


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "garbage", "html_500"])
def test_a_refund_without_an_answer_is_asked_about_and_given_once(
    paypal: PayPalWorld, owner: Client, fault: str
) -> None:
    payment = paid(paypal, owner)
    paypal.fault(fault, REFUNDS)
    assert given(finance(), payment, 900).json()["status"] == "pending"
    swept(seconds=10)
    assert Refund.objects.get().status == "succeeded"
    assert [each["amount"]["value"] for each in paypal.objects("refunds")] == ["9.00"]


@pytest.mark.parametrize(
    ("issue", "status", "code"),
    [
        ("REFUND_AMOUNT_EXCEEDED", 400, "refund_exceeds_payment"),
        ("CAPTURE_FULLY_REFUNDED", 409, "already_refunded"),
        ("TRANSACTION_DISPUTED", 409, "payment_disputed"),
        ("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK", 409, "payment_disputed"),
        ("REFUND_TIME_LIMIT_EXCEEDED", 409, "conflict"),
        ("MAX_NUMBER_OF_REFUNDS_EXCEEDED", 409, "conflict"),
        ("PARTIAL_REFUND_NOT_ALLOWED", 409, "conflict"),
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", 502, "provider_rejected"),
    ],
)
def test_what_paypal_refuses_to_give_back_leaves_nothing_reserved(
    paypal: PayPalWorld,
    acme: Any,
    owner: Client,
    monkeypatch: pytest.MonkeyPatch,
    issue: str,
    status: int,
    code: str,
) -> None:
    payment = paid(paypal, owner)
    mocked(paypal, monkeypatch, issue)
    answer = given(finance(), payment, 900)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (Refund.objects.get().status, queries.credit_balance(acme, "usd").minor) == ("canceled", 2_900)


def test_refunds_of_the_dashboard_become_rows_each_by_its_own_id(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = paid(paypal, owner, 2_904, invoice)
    for cents in (200, 500):
        paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": cents})
    told(paypal)
    told(paypal)
    rows = {row.provider_ref: (row.amount_minor, row.status) for row in Refund.objects.all()}
    theirs = [each["id"] for each in paypal.objects("refunds")]
    assert rows == {theirs[0]: (200, "succeeded"), theirs[1]: (500, "succeeded")}
    assert given(finance(), payment).json()["amount"] == 2_204


def test_what_paypal_reverses_is_a_lost_dispute_and_no_refund(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment, staff = paid(paypal, owner, 2_904, invoice), finance()
    given(staff, payment, 900)
    paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 400})
    paypal.settle(payment.capture_ref or "", "reversed", amount=600, code="CHARGEBACK")
    told(paypal)
    reversal = paypal.objects("refunds")[-1]["id"]
    dispute = Dispute.objects.get()
    assert (dispute.provider_ref, dispute.status, dispute.withdrawn_minor) == (reversal, "lost", 600)
    assert sorted(Refund.objects.values_list("amount_minor", flat=True)) == [400, 900]
    invoice.refresh_from_db()
    assert (invoice.status, queries.amounts(invoice).open) == (Invoice.Status.OPEN, 600)
    paypal.settle(payment.capture_ref or "", "returned")
    told(paypal)
    payment.refresh_from_db()
    assert (payment.status, payment.returned_minor) == ("returned", 2_904 - 1_300)


@pytest.mark.parametrize("first", ["refund", "dispute"])
def test_the_same_money_is_never_booked_as_a_refund_and_as_a_dispute(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Of a refund that PayPal lists no event of any more, or not yet, nobody can tell by whom it was given."""
    payment = paid(paypal, owner)
    paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 400})
    paypal.settle(payment.capture_ref or "", "reversed", amount=600, code="CHARGEBACK")
    handle = paypal.transport.handle_request
    nothing = httpx.Response(200, json={"events": [], "count": 0})

    def forgetful(request: httpx.Request) -> httpx.Response:
        return nothing if request.url.path.endswith("webhooks-events") else handle(request)

    def synced(*, forgets: bool) -> None:
        with monkeypatch.context() as patch:
            if forgets:
                patch.setattr(paypal.transport, "handle_request", forgetful)
            sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())

    for forgets in (False, True) if first == "refund" else (True, False):
        synced(forgets=forgets)
        assert Refund.objects.count() == (first == "refund")
        assert Dispute.objects.count() == (1 if first == "refund" else 2)
        assert cash() == 2_900 - (payment.fee_minor or 0) - 1_000


def test_a_dispute_blocks_refunds_until_it_is_won(paypal: PayPalWorld, owner: Client) -> None:
    payment, staff = paid(paypal, owner), finance()
    paypal.settle(payment.capture_ref or "", "disputed", code="UNAUTHORISED")
    told(paypal)
    assert (Dispute.objects.get().status, Dispute.objects.get().reason) == ("open", "unauthorised")
    assert owner.get(f"/api/payments/{payment.id}").json()["status"] == "disputed"
    answer = given(staff, payment, 900)
    assert (answer.status_code, answer.json()["code"], paypal.objects("refunds")) == (409, "payment_disputed", [])
    paypal.settle(payment.capture_ref or "", "dispute_won")
    told(paypal)
    assert Dispute.objects.get().status == "won"
    assert not Discrepancy.objects.filter(closed_at=None).exists()
    assert given(staff, payment, 900).status_code == 201


def test_a_lost_dispute_opens_its_invoice_again(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    due_at = invoice.due_at
    payment = paid(paypal, owner, 2_904, invoice)
    given(finance(), payment, 900)
    paypal.settle(payment.capture_ref or "", "disputed")
    told(paypal)
    paypal.settle(payment.capture_ref or "", "dispute_lost")
    told(paypal)
    payment.refresh_from_db()
    invoice.refresh_from_db()
    assert (payment.status, payment.returned_minor) == ("returned", 2_004)
    assert (invoice.status, invoice.due_at, queries.amounts(invoice).open) == (Invoice.Status.OPEN, due_at, 2_004)
    assert [row.withdrawn_minor for row in Dispute.objects.all()] == [2_004], "told once, as the case"


class Seen:
    """What is to be seen at PayPal of a case over ten dollars that was resolved by a refund: each comes when it comes.
    `decided` is how long before the refund."""

    def __init__(self, paypal: PayPalWorld, payment: Payment, patch: pytest.MonkeyPatch, *, decided: timedelta) -> None:
        self.case = self.refund = True
        self._handle = paypal.transport.handle_request
        paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 1_000})
        ten, at = {"currency_code": "USD", "value": "10.00"}, timezone.now() - decided
        self._case = {
            "dispute_id": "PP-D-1",
            "create_time": (at - timedelta(days=1)).isoformat(),
            "update_time": at.isoformat(),
            "status": "RESOLVED",
            "dispute_amount": ten,
            "dispute_outcome": {"outcome_code": "RESOLVED_BUYER_FAVOUR", "amount_refunded": ten},
            "disputed_transactions": [{"seller_transaction_id": payment.capture_ref}],
        }
        patch.setattr(paypal.transport, "handle_request", self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/customer/disputes":
            return httpx.Response(200, json={"items": [{"dispute_id": "PP-D-1"}] if self.case else []})
        if request.url.path == "/v1/customer/disputes/PP-D-1":
            return httpx.Response(200, json=self._case)
        answer = self._handle(request)
        if request.method == "GET" and "/checkout/orders/" in request.url.path and not self.refund:
            order = json.loads(answer.read())
            order["purchase_units"][0]["payments"].pop("refunds", None)
            return httpx.Response(200, json=order)
        return answer


@pytest.mark.parametrize("decided", [timedelta(0), timedelta(minutes=5)])
@pytest.mark.parametrize("first", ["case", "refund", "both"])
def test_a_case_and_the_refund_that_paid_it_out_are_the_same_money(
    paypal: PayPalWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch, first: str, decided: timedelta
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = paid(paypal, owner, 2_904, invoice)
    seen = Seen(paypal, payment, monkeypatch, decided=decided)
    seen.case, seen.refund = first != "refund", first != "case"
    sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
    seen.case = seen.refund = True
    for _ in range(2):
        sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
        assert cash() == 2_904 - (payment.fee_minor or 0) - 1_000
    booked = Dispute.objects.get().withdrawn_minor, sum(Refund.objects.values_list("amount_minor", flat=True))
    open_ones = list(Discrepancy.objects.filter(closed_at=None).values_list("kind", "amount_minor"))
    if first == "case":
        assert (booked, open_ones) == ((1_000, 0), [("unknown_refund", 1_000)])
    else:
        assert (booked, open_ones) == ((0, 1_000), [])


def test_another_refund_is_booked_beside_a_case_that_was_paid_out(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid(paypal, owner)
    seen = Seen(paypal, payment, monkeypatch, decided=timedelta(0))
    seen.refund = False
    sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
    seen.refund = True
    paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 300})
    sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=timezone.now())
    assert cash() == 2_900 - (payment.fee_minor or 0) - 1_300
    assert Refund.objects.get().amount_minor == 300


def test_what_comes_back_once_paypal_does_not_show_the_order_any_more_is_booked(
    paypal: PayPalWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = paid(paypal, owner, 2_904, invoice)
    order = payment.provider_ref
    handle = paypal.transport.handle_request
    gone = httpx.Response(404, json={"name": "RESOURCE_NOT_FOUND", "details": [{"issue": "INVALID_RESOURCE_ID"}]})

    def forgetful(request: httpx.Request) -> httpx.Response:
        return gone if "/v2/checkout/orders/" in request.url.path else handle(request)

    monkeypatch.setattr(paypal.transport, "handle_request", forgetful)
    told(paypal)
    paypal.panel("POST", "refund", {"id": payment.capture_ref, "amount": 400})
    told(paypal)
    assert Refund.objects.get().amount_minor == 400
    paypal.settle(payment.capture_ref or "", "reversed", amount=1_000, code="CHARGEBACK")
    told(paypal)
    assert (Dispute.objects.get().status, Dispute.objects.get().withdrawn_minor) == ("lost", 1_000)
    assert not ProviderEvent.objects.exclude(status="handled").exists()
    payment.refresh_from_db()
    assert (payment.status, payment.provider_ref) == ("succeeded", order)
