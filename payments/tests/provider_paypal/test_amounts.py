"""Amounts: what PayPal reads is what we mean, in each kind of currency."""

from __future__ import annotations

from typing import Any

import pytest

from billing_portal.kit.money import Money
from payments.providers.contract_approval import approval_request
from payments.providers.errors import OutcomeUnknown, ProviderRejected
from payments.providers.facts import Outcome
from payments.providers.paypal.amounts import from_paypal, limits, to_paypal
from payments.providers.paypal.reading import payment_of
from payments.tests.provider_paypal.adapter import PayPalAdapter, refund_request


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [(2_900, "usd", "29.00"), (1_000, "jpy", "1000"), (250_000, "huf", "2500"), (12_300, "twd", "123")],
)
def test_what_paypal_reads_is_what_we_mean_for_payment_and_refund(
    paypal: PayPalAdapter, minor: int, currency: str, written: str
) -> None:
    capture = paypal.paid(minor, currency)
    (taken,) = paypal.objects("captures")
    assert taken["amount"] == {"currency_code": currency.upper(), "value": written}
    assert paypal.moved("capture") == [minor]
    given = paypal.provider.refund(refund_request(capture, minor, currency))
    assert given.amount == Money(minor, currency)
    assert paypal.objects("refunds")[0]["amount"]["value"] == written
    assert paypal.moved("refund") == [minor]


@pytest.mark.parametrize(
    ("minor", "currency"), [(250_050, "huf"), (12_345, "twd"), (1_000, "kwd"), (0, "usd"), (-1, "eur")]
)
def test_what_paypal_can_not_take_is_refused_before_it_is_sent(
    paypal: PayPalAdapter, minor: int, currency: str
) -> None:
    with pytest.raises(ProviderRejected):
        paypal.provider.begin(approval_request(minor=minor, currency=currency))
    with pytest.raises(ProviderRejected):
        paypal.provider.refund(refund_request("5O190127TN364715T", minor, currency))
    assert paypal.wire.requests == []


@pytest.mark.parametrize(
    "money",
    [
        {"currency_code": "USD", "value": "29.001"},
        {"currency_code": "JPY", "value": "10.5"},
        {"currency_code": "KWD", "value": "1.000"},
        {"currency_code": "USD", "value": "-1.00"},
        {"currency_code": "USD", "value": "1e3"},
        {"currency_code": "USD", "value": "٢٩"},
        {"currency_code": "USD", "value": "9" * 31},
        {"currency_code": "USD", "value": 29},
        {"currency_code": None, "value": "29.00"},
        {"value": "29.00"},
        {},
    ],
)
def test_an_amount_that_can_not_be_told_in_our_units_is_booked_by_nobody(money: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected):
        from_paypal(money)
    with pytest.raises(OutcomeUnknown):
        payment_of({"id": "1AB", "status": "CREATED", "purchase_units": [{"amount": money}]}, environment="test")


def test_the_least_that_can_be_written_goes_there_and_back(paypal: PayPalAdapter) -> None:
    for currency, step in (("usd", 1), ("jpy", 1), ("huf", 100), ("twd", 100), ("eur", 1)):
        found = limits(currency)
        assert found is not None and (found.least, found.step) == (Money(step, currency), step)
        assert from_paypal(to_paypal(found.least * 12)) == found.least * 12
        assert paypal.provider.limits(currency) == found
    assert limits("kwd") is None and limits("xxx") is None


def test_the_fee_in_another_currency_is_not_told(paypal: PayPalAdapter) -> None:
    taken = paypal.objects("captures") if paypal.paid() else []
    breakdown = {"paypal_fee": {"currency_code": "EUR", "value": "1.00"}}
    unit = {
        "amount": taken[0]["amount"],
        "payments": {"captures": [{**taken[0], "seller_receivable_breakdown": breakdown}]},
    }
    order = {"id": "1AB", "status": "COMPLETED", "purchase_units": [unit]}
    result = payment_of(order, environment="test")
    assert (result.outcome, result.fee) == (Outcome.SUCCEEDED, None)
