"""PayPal's adapter keeps the contract of each of its capabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from payments.providers.contract import RefundsContract
from payments.providers.contract_approval import ApprovesLaterContract
from payments.tests.provider_paypal.adapter import PayPalAdapter

ORDERS, CAPTURE, REFUND = "/v2/checkout/orders", "/v2/checkout/orders/*/capture", "/v2/payments/captures/*/refund"


@pytest.fixture
def provider(paypal: PayPalAdapter) -> Any:
    return paypal.provider


@pytest.fixture
def approve(paypal: PayPalAdapter) -> Callable[[str], None]:
    return paypal.approve


@pytest.fixture
def paid(paypal: PayPalAdapter) -> Callable[[], str]:
    return paypal.paid


@pytest.fixture
def charges(paypal: PayPalAdapter) -> Callable[[], list[int]]:
    return lambda: paypal.moved("capture")


@pytest.fixture
def refunds(paypal: PayPalAdapter) -> Callable[[], list[int]]:
    return lambda: paypal.moved("refund")


@pytest.fixture
def lose_answers(paypal: PayPalAdapter) -> Callable[[], None]:
    return lambda: paypal.fault("drop_after", ORDERS, times=2)  # it is asked twice under one id


@pytest.fixture
def lose_captures(paypal: PayPalAdapter) -> Callable[[], None]:
    return lambda: paypal.fault("drop_after", CAPTURE)


@pytest.fixture
def lose_refunds(paypal: PayPalAdapter) -> Callable[[], None]:
    return lambda: paypal.fault("drop_after", REFUND)


@pytest.fixture
def refuse_connections(paypal: PayPalAdapter) -> Callable[[], None]:
    return lambda: setattr(paypal.wire, "refuse", 1)


class TestApprovesLater(ApprovesLaterContract):
    """See payments/providers/contract.py."""


class TestRefunds(RefundsContract):
    """See payments/providers/contract.py."""
