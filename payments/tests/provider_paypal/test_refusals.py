"""What PayPal says no to, in the portal's words, and that nothing moved then."""

from __future__ import annotations

import pickle

import pytest

from payments.providers.contract_approval import approval_request
from payments.providers.errors import (
    NotApproved,
    NotInThatState,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    RefundTooLarge,
    UnderWay,
    UnknownReference,
)
from payments.providers.facts import Outcome
from payments.tests.provider_paypal.adapter import PayPalAdapter, refund_request


@pytest.mark.parametrize(
    "issue", ["INSTRUMENT_DECLINED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "PAYER_ACTION_REQUIRED"]
)
def test_what_the_payer_can_mend_leads_back_to_the_page(paypal: PayPalAdapter, issue: str) -> None:
    reference = paypal.agreed()
    paypal.mock(issue)
    with pytest.raises(NotApproved) as raised:
        paypal.provider.capture(reference, key="cap:1")
    assert raised.value.code == issue
    assert raised.value.approval_url and raised.value.approval_url.endswith(f"?token={reference}")
    assert raised.value.request_id, "what PayPal's support asks for"
    again = pickle.loads(pickle.dumps(raised.value))  # a task's error crosses processes
    assert (type(again), again.code, again.approval_url) == (NotApproved, issue, raised.value.approval_url)


def test_without_a_link_in_the_error_the_order_knows_the_page(paypal: PayPalAdapter) -> None:
    begun = paypal.provider.begin(approval_request())
    paypal.mock("ORDER_NOT_APPROVED")
    with pytest.raises(NotApproved) as raised:
        paypal.provider.capture(str(begun.provider_ref), key="cap:1")
    assert (raised.value.code, raised.value.approval_url) == (None, begun.approval_url)


@pytest.mark.parametrize(
    ("issue", "code"),
    [
        ("PAYER_CANNOT_PAY", "payment_declined"),
        ("TRANSACTION_REFUSED", "payment_declined"),
        ("PAYER_ACCOUNT_RESTRICTED", "payment_declined"),
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "account_closed"),
        ("CARD_EXPIRED", "expired_card"),
        ("COMPLIANCE_VIOLATION", "payment_declined"),
        ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", "payment_declined"),
        ("TRANSACTION_LIMIT_EXCEEDED", "limit_exceeded"),
    ],
)
def test_a_payer_who_can_not_pay_is_declined(paypal: PayPalAdapter, issue: str, code: str) -> None:
    reference = paypal.agreed()
    paypal.mock(issue)
    result = paypal.provider.capture(reference, key="cap:1")
    assert (result.outcome, result.failure_code, result.decline_code) == (Outcome.FAILED, code, issue.lower())
    assert (result.provider_ref, paypal.moved("capture")) == (reference, [])


@pytest.mark.parametrize(
    ("issue", "raises"),
    [
        ("ORDER_COMPLETION_IN_PROGRESS", UnderWay),
        ("PREVIOUS_REQUEST_IN_PROGRESS", UnderWay),
        ("DECIMAL_PRECISION", ProviderRejected),
        ("INVALID_CURRENCY_CODE", ProviderRejected),
        ("CANNOT_BE_ZERO_OR_NEGATIVE", ProviderRejected),
        ("AMOUNT_MISMATCH", ProviderRejected),
        ("INVALID_PARAMETER_SYNTAX", ProviderRejected),
        ("PAYEE_ACCOUNT_RESTRICTED", ProviderMisconfigured),
        ("PAYEE_ACCOUNT_LOCKED_OR_CLOSED", ProviderMisconfigured),
        ("PAYEE_BLOCKED_TRANSACTION", ProviderMisconfigured),
        ("PERMISSION_DENIED", ProviderMisconfigured),
        ("DUPLICATE_INVOICE_ID", NotInThatState),
        ("ORDER_ALREADY_CAPTURED", UnderWay),  # and it shows no capture
        ("INVALID_RESOURCE_ID", UnknownReference),
    ],
)
def test_what_else_is_said_to_a_capture(paypal: PayPalAdapter, issue: str, raises: type[ProviderError]) -> None:
    reference = paypal.agreed()
    paypal.mock(issue)
    with pytest.raises(raises) as raised:
        paypal.provider.capture(reference, key="cap:1")
    assert raised.value.code == issue and raised.value.request_id
    assert type(raised.value) is raises
    assert paypal.moved("capture") == []
    paypal.wire.headers = {}
    assert paypal.provider.capture(reference, key="cap:1").outcome is Outcome.SUCCEEDED, "the same id is free again"


@pytest.mark.parametrize(
    ("issue", "raises"),
    [
        ("DUPLICATE_INVOICE_ID", NotInThatState),
        ("PAYEE_ACCOUNT_INVALID", ProviderMisconfigured),
        ("PAYEE_ACCOUNT_RESTRICTED", ProviderMisconfigured),
        ("MAX_VALUE_EXCEEDED", ProviderRejected),
        ("INVALID_STRING_LENGTH", ProviderRejected),
        ("PREVIOUS_REQUEST_IN_PROGRESS", UnderWay),
    ],
)
def test_what_is_said_to_a_new_order(paypal: PayPalAdapter, issue: str, raises: type[ProviderError]) -> None:
    paypal.mock(issue)
    with pytest.raises(raises) as raised:
        paypal.provider.begin(approval_request())
    assert (type(raised.value), raised.value.code) == (raises, issue)


@pytest.mark.parametrize(
    ("issue", "raises"),
    [
        ("CAPTURE_FULLY_REFUNDED", RefundTooLarge),
        ("REFUND_AMOUNT_EXCEEDED", RefundTooLarge),
        ("TRANSACTION_DISPUTED", RefundTooLarge),
        ("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK", RefundTooLarge),
        ("PENDING_CAPTURE", NotInThatState),
        ("REFUND_TIME_LIMIT_EXCEEDED", NotInThatState),
        ("MAX_NUMBER_OF_REFUNDS_EXCEEDED", NotInThatState),
        ("PARTIAL_REFUND_NOT_ALLOWED", NotInThatState),
        ("REFUND_AMOUNT_TOO_LOW", ProviderRejected),
        ("REFUND_CAPTURE_CURRENCY_MISMATCH", ProviderRejected),
        ("DECIMALS_NOT_SUPPORTED", ProviderRejected),
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", ProviderRejected),
        ("PAYEE_ACCOUNT_RESTRICTED", ProviderMisconfigured),
        ("PREVIOUS_REQUEST_IN_PROGRESS", UnderWay),
        ("DUPLICATE_INVOICE_ID", UnderWay),
        ("INVALID_RESOURCE_ID", UnknownReference),
    ],
)
def test_what_is_said_to_a_refund(paypal: PayPalAdapter, issue: str, raises: type[ProviderError]) -> None:
    capture = paypal.paid()
    paypal.mock(issue)
    with pytest.raises(raises) as raised:
        paypal.provider.refund(refund_request(capture, 900))
    assert type(raised.value) is raises
    # Only "too much" is without a code: the payment has money left, and a smaller refund of it may go through.
    assert raised.value.code == (None if issue == "REFUND_AMOUNT_EXCEEDED" else issue)
    assert paypal.moved("refund") == []


def test_an_invoice_that_another_order_has_paid_is_not_taken_again(paypal: PayPalAdapter) -> None:
    first, second = (approval_request() for _ in range(2))
    twin = type(second)(
        second.amount, second.key, second.metadata, first.reference, second.return_url, second.cancel_url
    )
    orders = [str(paypal.provider.begin(each).provider_ref) for each in (first, twin)]
    for each in orders:
        paypal.approve(each)
    paypal.provider.capture(orders[0], key="cap:1")
    with pytest.raises(NotInThatState):
        paypal.provider.capture(orders[1], key="cap:2")
    assert paypal.moved("capture") == [2_900]


def test_a_capture_that_was_taken_and_can_not_be_read_is_unknown(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed()
    paypal.provider.capture(reference, key="cap:1")
    paypal.fault("status", "/v2/checkout/orders/*", method="GET", status=503, times=2)
    with pytest.raises(OutcomeUnknown):
        paypal.provider.capture(reference, key="cap:2")
