"""Orders and captures of PayPal, and how they are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from billing_portal.kit.money import Money
from billing_portal.sandbox.paypal.app import ADDRESS
from payments.providers.contract_approval import approval_request
from payments.providers.errors import NotApproved, NotInThatState, OutcomeUnknown, UnknownReference
from payments.providers.facts import Outcome
from payments.providers.paypal.provider import from_settings
from payments.providers.paypal.reading import payment_of
from payments.tests.provider_paypal.adapter import PayPalAdapter, refund_request


def test_an_order_says_who_asks_for_what(paypal: PayPalAdapter) -> None:
    request = approval_request(description="x" * 200)
    begun = paypal.provider.begin(request)
    (unit,) = paypal.objects("orders")[0]["purchase_units"]
    assert (unit["custom_id"], unit["invoice_id"]) == (request.metadata["payment_id"], f"test-{request.reference}")
    assert (unit["amount"]["value"], len(unit["description"])) == ("29.00", 127)
    sent = paypal.wire.requests[-1]
    assert sent.headers["PayPal-Request-Id"] == request.key
    context = json.loads(sent.content)["payment_source"]["paypal"]["experience_context"]
    assert context["return_url"] == request.return_url and context["cancel_url"] == request.cancel_url
    assert context["payment_method_preference"] == "IMMEDIATE_PAYMENT_REQUIRED"
    assert begun.approval_url == f"{ADDRESS}/checkoutnow?token={begun.provider_ref}"


def test_in_production_the_invoice_id_is_the_reference_itself(paypal: PayPalAdapter) -> None:
    request = approval_request()
    paypal.made_provider(environment="production").begin(request)
    assert paypal.objects("orders")[0]["purchase_units"][0]["invoice_id"] == request.reference


def test_an_order_of_another_system_is_not_ours(paypal: PayPalAdapter) -> None:
    other = paypal.made_provider(environment="staging")
    reference = str(other.begin(approval_request()).provider_ref)
    seen = paypal.provider.look_up(reference)
    assert (seen.payment_id, seen.is_foreign) == (None, True)
    assert other.look_up(reference).is_foreign is False


def test_a_capture_leads_to_its_order_and_tells_the_fee(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed()
    taken = paypal.provider.capture(reference, key="cap:1")
    assert taken.fee == Money(150, "usd"), "3.49 % and 49 cents"
    assert paypal.provider.look_up(str(taken.capture_ref)) == taken
    assert taken.request_id and taken.request_id != paypal.provider.look_up(reference).request_id


@pytest.mark.parametrize(("minor", "reason"), [(1_022, "a review"), (1_023, "an eCheck")])
def test_a_capture_that_is_pending_is_under_way_though_its_order_is_complete(
    paypal: PayPalAdapter, minor: int, reason: str
) -> None:
    reference = paypal.agreed(minor)
    assert paypal.provider.capture(reference, key="cap:1").outcome is Outcome.PROCESSING, reason
    assert paypal.objects("orders")[0]["status"] == "COMPLETED"
    with pytest.raises(NotInThatState):
        paypal.provider.cancel(reference)
    paypal.settle(reference, "succeeded")
    assert paypal.provider.look_up(reference).outcome is Outcome.SUCCEEDED


def test_a_pending_capture_that_is_denied_has_failed(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed(1_022)
    paypal.provider.capture(reference, key="cap:1")
    paypal.settle(reference, "denied")
    found = paypal.provider.look_up(reference)
    assert (found.outcome, found.failure_code) == (Outcome.FAILED, "payment_declined")
    assert found.decline_code == "pending_review"


def test_a_capture_that_is_declined_has_failed_though_its_order_is_complete(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed(1_024)
    result = paypal.provider.capture(reference, key="cap:1")
    assert (result.outcome, result.failure_code, result.capture_ref is None) == (
        Outcome.FAILED,
        "payment_declined",
        False,
    )
    assert (paypal.objects("orders")[0]["status"], paypal.moved("capture")) == ("COMPLETED", [])


def test_a_declined_instrument_sends_the_payer_back_to_the_same_order(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed(1_021)
    with pytest.raises(NotApproved) as raised:
        paypal.provider.capture(reference, key="cap:1")
    assert raised.value.code == "INSTRUMENT_DECLINED"
    assert raised.value.approval_url == f"{ADDRESS}/checkoutnow?token={reference}"
    assert paypal.provider.look_up(reference).outcome is Outcome.REQUIRES_ACTION
    paypal.approve(reference)
    assert paypal.provider.capture(reference, key="cap:1").outcome is Outcome.SUCCEEDED
    assert paypal.moved("capture") == [1_021]


def test_an_approval_that_lapsed_is_canceled_and_one_that_is_forgotten_unknown(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-11-01T00:00:00Z")
    lapsed, waiting = paypal.agreed(), str(paypal.provider.begin(approval_request()).provider_ref)
    paypal.clock("2026-11-01T04:00:00Z")
    assert paypal.provider.look_up(lapsed).outcome is Outcome.CANCELED
    assert paypal.provider.look_up(waiting).outcome is Outcome.REQUIRES_ACTION
    paypal.clock("2026-11-05T00:00:00Z")
    for call in (paypal.provider.look_up, lambda reference: paypal.provider.capture(reference, key="cap:1")):
        with pytest.raises(UnknownReference):
            call(waiting)
    assert paypal.provider.cancel(waiting).outcome is Outcome.CANCELED


@pytest.mark.parametrize(
    "reference",
    ["", "ab", "x" * 65, "../captures/1", "A/B", "A?b=1", "A#", "A%2fB", "A B", "A\nB", "ÄÖÜ", "A.B", "\uff15", None],
)
def test_what_can_be_no_id_is_unknown_without_a_call(paypal: PayPalAdapter, reference: Any) -> None:
    for call in (
        paypal.provider.look_up,
        paypal.provider.look_up_refund,
        paypal.provider.refunds_of,
        paypal.provider.disputes_of,
        lambda ref: paypal.provider.capture(ref, key="cap:1"),
        lambda ref: paypal.provider.refund(refund_request(ref, 900)),
    ):
        with pytest.raises(UnknownReference):
            call(reference)
    assert paypal.wire.requests == []


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"id": "1AB", "status": "COMPLETED", "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}]},
        {"id": "1AB", "status": "PAID", "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}]},
        {"status": "APPROVED", "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}]},
        {"id": "1AB", "status": "APPROVED", "purchase_units": []},
        {"id": "1AB", "status": "APPROVED", "purchase_units": None},
    ],
)
def test_a_half_answer_is_no_answer(order: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown):
        payment_of(order, environment="test")


def test_the_adapter_is_made_of_the_settings(paypal: PayPalAdapter, settings: Any, tmp_path: Any) -> None:
    authority = tmp_path / "root.pem"
    authority.write_text(paypal.sandbox.root_pem)
    settings.PAYPAL_CLIENT_ID, settings.PAYPAL_CLIENT_SECRET = paypal.sandbox.client_id, paypal.sandbox.client_secret
    settings.PAYPAL_ENVIRONMENT, settings.PAYPAL_API_BASE = "sandbox", ADDRESS
    settings.PAYPAL_WEBHOOK_ID, settings.PAYPAL_WEBHOOK_VERIFICATION = paypal.sandbox.webhook_id, "offline"
    settings.PAYPAL_WEBHOOK_CA_FILE = str(authority)
    made = from_settings(transport=paypal.wire)
    assert (made.name, made.livemode) == ("paypal", False)
    assert made.look_up(paypal.agreed()).can_capture
    body, headers = paypal.deliveries()[0]
    assert made.verify(body, headers, datetime.now(UTC)).kind == "CHECKOUT.ORDER.APPROVED"
    settings.PAYPAL_ENVIRONMENT = "live"
    assert from_settings(transport=paypal.wire).livemode is True
    assert paypal.sandbox.client_secret not in repr(made._client)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["DECLINED", "COMPLETED"], ("2CAP", Outcome.SUCCEEDED)),
        (["COMPLETED", "DECLINED"], ("1CAP", Outcome.SUCCEEDED)),
        (["PENDING", "FAILED"], ("1CAP", Outcome.PROCESSING)),
        (["DECLINED", "FAILED"], ("2CAP", Outcome.FAILED)),
    ],
)
def test_of_several_captures_the_one_that_tells_most_counts_then_the_latest(
    statuses: list[str], expected: tuple[str, Outcome]
) -> None:
    amount = {"currency_code": "USD", "value": "1.00"}
    made = [{"id": f"{n}CAP", "status": status, "amount": amount} for n, status in enumerate(statuses, 1)]
    order = {
        "id": "1AB",
        "status": "COMPLETED",
        "purchase_units": [{"amount": amount, "payments": {"captures": made}}],
    }
    result = payment_of(order, environment="test")
    assert (result.capture_ref, result.outcome) == expected
