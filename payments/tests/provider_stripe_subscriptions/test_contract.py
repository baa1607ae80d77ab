"""Stripe's adapter keeps the contract of plans, subscriptions and their changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing_portal.tests.stripe_world import StripeWorld
from payments.providers.contract import RefundsContract
from payments.providers.contract_changing import ChangesSubscriptionsContract
from payments.providers.contract_recurring import RunsSubscriptionsContract, SellsPlansContract
from payments.tests.provider_stripe_subscriptions.life import FIRST, MIDDLE, Life


@pytest.fixture
def provider(stripe: StripeWorld) -> Any:
    return stripe.provider


@pytest.fixture
def prices(stripe: StripeWorld) -> Callable[[], int]:
    return lambda: len(stripe.objects("prices"))


@pytest.fixture
def start_facts(life: Life) -> dict[str, Any]:
    return {"customer_ref": life.customer, "method_ref": life.visa}


@pytest.fixture
def agree() -> Callable[[str], None]:
    return lambda reference: None


@pytest.fixture
def bill(stripe: StripeWorld) -> Callable[[str, str], None]:
    return lambda reference, outcome: stripe.panel("POST", "bill", {"subscriptionId": reference, "outcome": outcome})


@pytest.fixture
def sold(stripe: StripeWorld) -> Callable[[], list[int]]:
    return stripe.taken


@pytest.fixture
def lose_starts(stripe: StripeWorld) -> Callable[[], None]:
    return lambda: stripe.fault("drop_after", "/v1/subscriptions")


@pytest.fixture
def next_week() -> datetime:
    return FIRST + timedelta(days=7)


@pytest.fixture
def half_way(stripe: StripeWorld) -> Callable[[], datetime]:
    def half_way() -> datetime:
        stripe.clock(MIDDLE)
        return MIDDLE

    return half_way


@pytest.fixture
def poor_method(life: Life) -> str:
    return life.card("pm_card_chargeCustomerFail")


@pytest.fixture
def confirming_method(life: Life) -> str:
    return life.card("pm_card_authenticationRequired")


@pytest.fixture
def paid(life: Life) -> Callable[[], str]:
    """What paid for a month of one seat."""
    return lambda: str(life.bill(life.start(life.price(2_900), seats=1).provider_ref).payment.provider_ref)


@pytest.fixture
def refunds(stripe: StripeWorld) -> Callable[[], list[int]]:
    return lambda: [each["amount"] for each in stripe.objects("refunds") if each["status"] == "succeeded"]


@pytest.fixture
def lose_refunds(stripe: StripeWorld) -> Callable[[], None]:
    return lambda: stripe.fault("drop_after", "/v1/refunds")


class TestSellsPlans(SellsPlansContract):
    """See payments/providers/contract_recurring.py."""


class TestRunsSubscriptions(RunsSubscriptionsContract):
    """See payments/providers/contract_recurring.py."""


class TestChangesSubscriptions(ChangesSubscriptionsContract):
    """See payments/providers/contract_changing.py."""


class TestRefundsOfBills(RefundsContract):
    """See payments/providers/contract.py."""
