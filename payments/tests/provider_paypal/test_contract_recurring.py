"""PayPal's adapter keeps the contract of plans and subscriptions, and of refunds where a sale is what was paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payments.providers.contract import RefundsContract
from payments.providers.contract_recurring import RunsSubscriptionsContract, SellsPlansContract
from payments.providers.contract_revising import RevisesSubscriptionsContract
from payments.tests.provider_paypal import recurring
from payments.tests.provider_paypal.adapter import PayPalAdapter


@pytest.fixture
def provider(paypal: PayPalAdapter) -> Any:
    return paypal.provider


@pytest.fixture
def prices(paypal: PayPalAdapter) -> Callable[[], int]:
    return lambda: len(paypal.objects("plans"))


@pytest.fixture
def start_facts() -> dict[str, Any]:
    return recurring.FACTS


@pytest.fixture
def agree(paypal: PayPalAdapter) -> Callable[[str], None]:
    return paypal.approve


@pytest.fixture
def bill(paypal: PayPalAdapter) -> Callable[[str, str], None]:
    return lambda reference, outcome: recurring.bill(paypal, reference, outcome)


@pytest.fixture
def sold(paypal: PayPalAdapter) -> Callable[[], list[int]]:
    return lambda: recurring.moved(paypal, "sale")


@pytest.fixture
def lose_starts(paypal: PayPalAdapter) -> Callable[[], None]:
    return lambda: paypal.fault("drop_after", recurring.SUBSCRIPTIONS, times=2)  # it is asked twice under one id


@pytest.fixture
def lose_revisions(paypal: PayPalAdapter) -> Callable[[], None]:
    return lambda: paypal.fault("drop_after", f"{recurring.SUBSCRIPTIONS}/*/revise")


@pytest.fixture
def next_week() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)


@pytest.fixture
def paid(paypal: PayPalAdapter) -> Callable[[], str]:
    return lambda: recurring.sold(paypal)


@pytest.fixture
def refunds(paypal: PayPalAdapter) -> Callable[[], list[int]]:
    return lambda: recurring.moved(paypal, "refund")


@pytest.fixture
def lose_refunds(paypal: PayPalAdapter) -> Callable[[], None]:
    return lambda: paypal.fault("drop_after", recurring.SALE_REFUND)


class TestSellsPlans(SellsPlansContract):
    """See payments/providers/contract_recurring.py."""


class TestRunsSubscriptions(RunsSubscriptionsContract):
    """See payments/providers/contract_recurring.py."""


class TestRevisesSubscriptions(RevisesSubscriptionsContract):
    """See payments/providers/contract_revising.py."""


class TestRefundsOfSales(RefundsContract):
    """See payments/providers/contract.py."""
