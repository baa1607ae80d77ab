"""The failure cases P1 to P12 of docs/failure-cases.md: a test for each, through the doors, by both books."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.sandbox.tests.test_paypal_webhooks import forge
from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import WEBHOOK_PATH, PayPalWorld
from payments import queries
from payments.declines import declined_sentence
from payments.inbox.handling import handle_due
from payments.models import Discrepancy, Dispute, Invoice, LedgerLeg, Payment, ProviderEvent, Refund
from payments.providers import breaker, registry
from payments.providers.base import ApprovesLater
from payments.tests.paypal_payments import (
    CAPTURES,
    REFUNDS,
    agreed,
    asked_elsewhere,
    begun,
    capture,
    finance,
    given,
    mocked,
    owner_of,
    paid,
    post,
    swept,
    told,
    wish,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_agree(paypal: PayPalWorld) -> Iterator[None]:
    breaker.forget()
    yield
    paypal_books_agree(paypal)


def written() -> None:
    """What follows is done, and the mails are sent."""
    while outbox.deliver_due(timezone.now() + timedelta(seconds=2)).done:
        pass


def event_of(paypal: PayPalWorld, kind: str) -> dict[str, Any]:
    return next(each for each in paypal.objects("events") if each["event_type"] == kind)


def test_p1_an_order_may_be_complete_without_any_money(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_922)  # goes into review
    payment = agreed(paypal, owner, 2_922, invoice)
    answer = capture(owner, payment)
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert paypal.objects("orders")[0]["status"] == "COMPLETED"
    invoice.refresh_from_db()
    assert (invoice.status, LedgerLeg.objects.filter(payment=payment).count()) == (Invoice.Status.OPEN, 0)
    again = post(owner, "/api/payments", wish(2_922, invoice))
    assert (again.status_code, again.json()["code"]) == (400, "amount_exceeds_due"), "it is held back meanwhile"

    paypal.settle(paypal.objects("captures")[0]["id"], "denied")
    told(paypal)
    payment.refresh_from_db()
    assert (payment.status, payment.failure_code) == ("failed", "payment_declined")
    written()
    assert [each for each in mail.outbox if "could not be charged" in each.subject], "who had left is told"

    declined = agreed(paypal, owner, 2_924)
    answer = capture(owner, declined)
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_declined")
    assert [each["status"] for each in paypal.objects("orders")] == ["COMPLETED", "COMPLETED"]
    assert paypal.taken() == []


def test_p2_a_lost_capture_is_found_and_nothing_is_paid_twice_meanwhile(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = agreed(paypal, owner, 2_904, invoice)
    paypal.fault("drop_after", CAPTURES)
    answer = capture(owner, payment)
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    second = post(owner, "/api/payments", wish(2_904, invoice))
    assert (second.status_code, second.json()["code"]) == (400, "amount_exceeds_due")
    swept(seconds=10)
    payment.refresh_from_db()
    assert (payment.status, paypal.taken(), Payment.objects.count()) == ("succeeded", ["29.04"], 1)


@pytest.mark.parametrize("fault", ["drop_before", "html_500", "garbage"])
def test_p2_a_capture_that_may_not_have_arrived_is_sent_again_under_the_same_id(
    paypal: PayPalWorld, owner: Client, fault: str
) -> None:
    payment = agreed(paypal, owner)
    paypal.fault(fault, CAPTURES)
    assert capture(owner, payment).status_code == 202
    swept(seconds=10)
    payment.refresh_from_db()
    assert (payment.status, paypal.taken()) == ("succeeded", ["29.00"])
    keys = {each["idempotencyKey"] for each in paypal.panel("GET", "log") if each["path"].endswith("/capture")}
    assert keys == {f"cap:{payment.id}"}


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_p2_an_order_whose_answer_is_lost_is_made_once(paypal: PayPalWorld, owner: Client, fault: str) -> None:
    paypal.fault(fault, "/v2/checkout/orders")
    begun(owner)
    assert len(paypal.objects("orders")) == 1


def test_p3_an_event_may_come_before_the_answer_and_before_the_payer(
    paypal: PayPalWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = agreed(paypal, owner)
    provider = registry.named("paypal", ApprovesLater)
    assert provider
    plain = provider.capture

    def slowly(reference: str, *, key: str) -> Any:
        result = plain(reference, key=key)
        told(paypal)
        assert Payment.objects.get().status == "succeeded", "the event was faster"
        return result

    monkeypatch.setattr(provider, "capture", slowly)
    assert capture(owner, payment).status_code == 200
    assert paypal.taken() == ["29.00"]
    assert LedgerLeg.objects.filter(payment=payment, account="cash_paypal", amount_minor=2_900).count() == 1


def test_p3_an_order_is_known_before_its_page_is(paypal: PayPalWorld, owner: Client) -> None:
    answer = post(owner, "/api/payments", wish())
    order = answer.json()["approvalUrl"].partition("token=")[2]
    assert Payment.objects.get().provider_ref == order


@pytest.mark.parametrize("by", ["event", "sweep"])
def test_p4_a_payer_who_agrees_and_closes_the_tab_has_paid(
    paypal: PayPalWorld, acme: Any, owner: Client, by: str
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    if by == "sweep":
        paypal.panel("POST", "webhooks", {"mode": "drop"})
    agreed(paypal, owner, 2_904, invoice)
    told(paypal)
    swept(minutes=6)
    invoice.refresh_from_db()
    assert (paypal.taken(), invoice.status) == (["29.04"], Invoice.Status.PAID)


def test_p4_what_its_payer_gave_up_is_not_taken_when_they_agree_after_all(paypal: PayPalWorld, owner: Client) -> None:
    payment = begun(owner)
    assert post(owner, f"/api/payments/{payment.id}/cancel").status_code == 200
    paypal.approve(payment.provider_ref or "")
    told(paypal)
    swept(minutes=6)
    payment.refresh_from_db()
    assert (payment.status, paypal.taken()) == ("canceled", [])
    assert ProviderEvent.objects.get(kind="CHECKOUT.ORDER.APPROVED").status == "handled"
    assert not Discrepancy.objects.exists(), "nobody can take it but us: there is nothing to look into"


def test_p4_an_approval_that_lapses_ends_the_payment(paypal: PayPalWorld, owner: Client) -> None:
    payment = agreed(paypal, owner)
    paypal.settle(payment.provider_ref or "", "denied")
    told(paypal)
    payment.refresh_from_db()
    assert payment.status == "canceled"
    assert "CHECKOUT.PAYMENT-APPROVAL.REVERSED" in ProviderEvent.objects.values_list("kind", flat=True)
    assert capture(owner, payment).status_code == 410


def test_p5_captured_by_somebody_else_is_captured(paypal: PayPalWorld, owner: Client) -> None:
    """Two clicks, or a click and an event: PayPal says ORDER_ALREADY_CAPTURED to whoever comes second."""
    payment = agreed(paypal, owner)
    provider = registry.named("paypal", ApprovesLater)
    assert provider
    provider.capture(payment.provider_ref or "", key="somebody-else")
    assert capture(owner, payment).json()["status"] == "succeeded"
    assert capture(owner, payment).status_code == 200
    assert paypal.taken() == ["29.00"]


def test_p5_that_it_is_under_way_is_an_answer_of_somebody_who_is_there(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    clicked = [agreed(paypal, owner, 2_900 + 100 * number) for number in range(6)]
    with monkeypatch.context() as patch:
        mocked(paypal, patch, "PREVIOUS_REQUEST_IN_PROGRESS")
        for payment in clicked:
            assert capture(owner, payment).status_code == 202
    assert capture(owner, agreed(paypal, owner, 5_000)).status_code == 200, "nobody takes PayPal for being away"
    swept(seconds=10)
    assert len(paypal.taken()) == 7


@pytest.mark.parametrize("mode", ["duplicate", "shuffle"])
def test_p6_copies_and_another_order_of_events_change_nothing(paypal: PayPalWorld, owner: Client, mode: str) -> None:
    paypal.panel("POST", "webhooks", {"mode": mode, "copies": 4})
    payment = paid(paypal, owner)
    paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 900})
    told(paypal)
    for kind in ("CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED"):
        assert ProviderEvent.objects.filter(kind=kind).count() == 1
    old = event_of(paypal, "CHECKOUT.ORDER.APPROVED")
    paypal.panel("POST", "webhooks/resend", {"eventId": old["id"]})
    told(paypal)
    payment.refresh_from_db()
    assert (payment.status, paypal.taken(), Refund.objects.count()) == ("succeeded", [], 1)
    written()
    assert len([each for each in mail.outbox if "We have your payment" in each.subject]) == 1


def test_p7_a_declined_instrument_is_no_end(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_921)  # declined until its payer has agreed again
    written()
    mail.outbox.clear()
    payment = agreed(paypal, owner, 2_921, invoice)
    answer = capture(owner, payment)
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_action_required")
    assert answer.json()["approvalUrl"].endswith(f"token={payment.provider_ref}")
    payment.refresh_from_db()
    assert (payment.status, payment.failure_code) == ("requires_action", None)
    written()
    told(paypal)
    assert mail.outbox == [], "nobody is told that it failed"
    paypal.approve(payment.provider_ref or "")
    assert capture(owner, payment).json()["id"] == str(payment.id)
    assert (len(paypal.objects("orders")), paypal.taken()) == (1, ["29.21"])


@pytest.mark.parametrize("issue", ["PAYER_ACTION_REQUIRED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"])
def test_p7_nor_is_another_step_of_the_payers(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch, issue: str
) -> None:
    payment = agreed(paypal, owner)
    with monkeypatch.context() as patch:
        mocked(paypal, patch, issue)
        assert capture(owner, payment).json()["code"] == "payment_action_required"
    paypal.approve(payment.provider_ref or "")
    assert capture(owner, payment).status_code == 200


@pytest.mark.parametrize(
    ("issue", "status", "code", "left"),
    [
        ("PAYER_CANNOT_PAY", 402, "payment_declined", "failed"),
        ("TRANSACTION_REFUSED", 402, "payment_declined", "failed"),
        ("TRANSACTION_LIMIT_EXCEEDED", 402, "limit_exceeded", "failed"),
        ("PAYEE_ACCOUNT_RESTRICTED", 503, "provider_misconfigured", "requires_action"),
        ("DUPLICATE_INVOICE_ID", 409, "conflict", "requires_action"),
    ],
)
def test_p7_and_what_is_an_end_is_told_as_one(
    paypal: PayPalWorld,
    owner: Client,
    monkeypatch: pytest.MonkeyPatch,
    issue: str,
    status: int,
    code: str,
    left: str,
) -> None:
    payment = agreed(paypal, owner)
    mocked(paypal, monkeypatch, issue)
    answer = capture(owner, payment)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    payment.refresh_from_db()
    assert (payment.status, paypal.taken()) == (left, [])
    if left == "failed":
        reason = ": the limit of the account is reached." if code == "limit_exceeded" else ". It did not say why."
        assert declined_sentence(payment) == f"PayPal declined this payment{reason}"
        assert capture(owner, payment).status_code == 410


def test_p8_a_body_forged_under_the_same_checksum_books_nothing_of_what_it_says(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    """See also test_webhook_paypal.py."""
    invoice = world.overage_invoice(acme, cents=12_000)
    begun(owner, 12_000, invoice)
    small = paid(paypal, owner, 2_900)
    sent = deliveries(paypal)
    body, headers = next(each for each in sent if b'"PAYMENT.CAPTURE.COMPLETED"' in each[0])
    forged = body.replace(b'"29.00"', b'"99999.00"').replace(b'"id":"WH-', b'"id":"WH-0')
    # It says that another order, the open one, was paid too.
    waiting = Payment.objects.get(invoice=invoice)
    forged = forged.replace((small.provider_ref or "").encode(), (waiting.provider_ref or "").encode())
    forged = forged.replace(str(small.id).encode(), str(waiting.id).encode())
    forged = forged.replace((small.capture_ref or "").encode(), b"2GG279541U4719310")
    forged = forge(forged, zlib.crc32(body))
    assert receive(forged, headers) == 200, "nobody can tell"
    handle_due(timezone.now() + timedelta(seconds=1))
    waiting.refresh_from_db()
    invoice.refresh_from_db()
    assert (waiting.status, invoice.status) == ("requires_action", Invoice.Status.OPEN)
    assert queries.credit_balance(acme, "usd") == Money(2_900, "usd")


def deliveries(paypal: PayPalWorld) -> list[tuple[bytes, dict[str, str]]]:
    """What PayPal would send, and has not sent yet."""
    found: list[tuple[bytes, dict[str, str]]] = []
    for number, event in enumerate(paypal.objects("events")):
        message = paypal.sandbox.webhooks.message(event, number + 1)
        found.append((message.body, dict(message.headers)))
    return found


def receive(body: bytes, headers: dict[str, str]) -> int:
    sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return Client().post(WEBHOOK_PATH, body, content_type="application/json", **sent).status_code


def test_p9_amounts_are_written_as_paypal_counts_the_currency(paypal: PayPalWorld) -> None:
    """For all of them see test_currency_matrix.py."""
    yen = world.subscribed(world.plan_price("jpy"), slug="yen")
    begun(owner_of(yen), 2_900, currency="jpy")
    assert paypal.objects("orders")[0]["purchase_units"][0]["amount"] == {"currency_code": "JPY", "value": "2900"}
    forint = owner_of(world.subscribed(world.plan_price("huf"), slug="forint"))
    begun(forint, 250_000, currency="huf")
    assert paypal.objects("orders")[1]["purchase_units"][0]["amount"] == {"currency_code": "HUF", "value": "2500"}
    answer = post(forint, "/api/payments", wish(250_050, currency="huf"))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_amount")
    assert len(paypal.objects("orders")) == 2


def test_p10_each_refund_is_booked_by_its_own_amount(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    payment, staff = paid(paypal, owner), finance()
    assert given(staff, payment, 200).json()["status"] == "succeeded"
    assert given(staff, payment, 500).json()["status"] == "succeeded"
    told(paypal)
    assert sorted(Refund.objects.values_list("amount_minor", flat=True)) == [200, 500]
    last = paypal.objects("refunds")[-1]
    assert last["seller_payable_breakdown"]["total_refunded_amount"]["value"] == "7.00", "what is not looked at"
    assert given(staff, payment).json()["amount"] == 2_200, "without an amount all that is left, and said so"
    assert [each["amount"]["value"] for each in paypal.objects("refunds")] == ["2.00", "5.00", "22.00"]
    over = given(staff, payment, 1)
    assert (over.status_code, over.json()["code"]) == (409, "already_refunded")


def test_p10_a_refund_whose_answer_is_lost_is_given_once(paypal: PayPalWorld, owner: Client) -> None:
    payment, staff = paid(paypal, owner), finance()
    paypal.fault("drop_after", REFUNDS)
    first = given(staff, payment, 900, HTTP_IDEMPOTENCY_KEY="k")
    assert (first.status_code, first.json()["status"]) == (201, "pending")
    told(paypal)
    swept(seconds=10)
    assert given(staff, payment, 900, HTTP_IDEMPOTENCY_KEY="k").json()["id"] == first.json()["id"]
    refund = Refund.objects.get()
    assert (refund.status, [each["amount"]["value"] for each in paypal.objects("refunds")]) == ("succeeded", ["9.00"])


def test_p10_a_reversal_of_a_part_takes_back_that_part(paypal: PayPalWorld, acme: Any, owner: Client) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = paid(paypal, owner, 2_904, invoice)
    paypal.settle(payment.capture_ref or "", "reversed", amount=1_000, code="CHARGEBACK")
    told(paypal)
    told(paypal)
    payment.refresh_from_db()
    invoice.refresh_from_db()
    assert (payment.status, payment.returned_minor, queries.amounts(invoice).open) == ("succeeded", 1_000, 1_000)
    assert (invoice.status, Dispute.objects.get().status) == (Invoice.Status.OPEN, "lost")
    assert not Refund.objects.exists()


def test_p11_what_another_system_sells_by_subscription_is_not_ours(paypal: PayPalWorld) -> None:
    """Of ours: subscriptions/tests/test_by_paypal.py."""
    plan = paypal.objects("plans")[0]["id"]
    made = asked_elsewhere("/v1/billing/subscriptions", {"plan_id": plan, **_SUBSCRIBER})
    paypal.approve(made["id"])
    told(paypal)
    kinds = dict(ProviderEvent.objects.values_list("kind", "note"))
    assert {"BILLING.SUBSCRIPTION.CREATED", "BILLING.SUBSCRIPTION.ACTIVATED", "PAYMENT.SALE.COMPLETED"} <= kinds.keys()
    assert {note.partition(" (with ")[0] for note in kinds.values()} == {"not a subscription of ours"}
    assert not Payment.objects.exists()


_SUBSCRIBER = {
    "application_context": {
        "return_url": "https://portal.example/back",
        "cancel_url": "https://portal.example/left",
    }
}


def test_p12_an_invoice_id_is_another_for_each_attempt_and_environment(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    first = begun(owner, 2_904, invoice)
    assert post(owner, f"/api/payments/{first.id}/cancel").status_code == 200
    second = paid(paypal, owner, 2_904, invoice)
    units = [each["purchase_units"][0] for each in paypal.objects("orders")]
    assert [each["custom_id"] for each in units] == [str(first.id), str(second.id)]
    named = [each["invoice_id"] for each in units]
    assert len(set(named)) == 2 and all(each.startswith(f"test-{invoice}-") for each in named)


def test_p12_what_another_system_makes_in_the_account_is_not_ours(paypal: PayPalWorld, owner: Client) -> None:
    unit = {
        "reference_id": "staging",
        "custom_id": "11111111-1111-4111-8111-111111111111",
        "amount": {"currency_code": "USD", "value": "5.00"},
    }
    order = asked_elsewhere("/v2/checkout/orders", {"intent": "CAPTURE", "purchase_units": [unit]})
    paypal.approve(order["id"])
    told(paypal)
    event = ProviderEvent.objects.get()
    assert (event.status, event.note) == ("ignored", "not a payment of ours")
    assert not Payment.objects.exists()
