"""Prices as PayPal's plans: what is sent, what is found again, and what is taken for ours."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from billing_portal.kit.money import Money
from payments.providers.contract_recurring import price_request
from payments.providers.errors import ProviderMisconfigured, ProviderRejected, ProviderUnavailable, Unreadable
from payments.providers.paypal import prices
from payments.providers.recurring import PriceRequest
from payments.tests.provider_paypal.adapter import PayPalAdapter
from payments.tests.provider_paypal.recurring import begun, moved

EXAMPLE = "P-5ML4271244454362WXNWU5NQ"
PLANS, PRODUCTS = "/v1/billing/plans", "/v1/catalogs/products"


def professional(key: str = "professional-1-monthly-usd", minor: int = 2_900, **facts: Any) -> PriceRequest:
    return price_request(key, minor=minor, plan_code="professional", plan_name="Professional", **facts)


def made(paypal: PayPalAdapter) -> dict[str, Any]:
    return paypal.objects("plans")[-1]


def test_a_plan_is_a_fixed_price_for_each_seat_that_goes_on_until_somebody_ends_it(paypal: PayPalAdapter) -> None:
    reference = paypal.provider.ensure_price(price_request("team-1", cycle="yearly"))
    plan = made(paypal)
    assert (plan["id"], plan["name"], plan["description"]) == (reference, "Team, yearly", "Price test-team-1")
    (cycle,) = plan["billing_cycles"]
    assert (cycle["tenure_type"], cycle["total_cycles"]) == ("REGULAR", 0)
    assert cycle["frequency"] == {"interval_unit": "YEAR", "interval_count": 1}
    assert cycle["pricing_scheme"]["fixed_price"] == {"currency_code": "USD", "value": "29.00"}
    preferences = plan["payment_preferences"]
    assert (preferences["payment_failure_threshold"], preferences["auto_bill_outstanding"]) == (3, True)
    assert "setup_fee" not in preferences and "taxes" not in plan
    assert (plan["quantity_supported"], plan["status"]) == (True, "ACTIVE")


def test_all_plans_are_of_one_product_so_that_a_subscription_may_move_between_them(paypal: PayPalAdapter) -> None:
    for name in ("Starter", "Enterprise"):
        paypal.provider.ensure_price(price_request(plan_name=name))
    products = {each["product_id"] for each in paypal.objects("plans")[1:]}
    assert products == {"test-PORTAL-PLANS"}
    assert [each["id"] for each in paypal.objects("products")][1:] == ["test-PORTAL-PLANS"]
    assert paypal.objects("products")[-1]["name"] == "Call Center"


def test_it_is_found_again_long_after_paypal_has_forgotten_the_request(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-11-01T00:00:00Z")
    first = paypal.provider.ensure_price(price_request("team-1"))
    paypal.clock("2026-12-01T00:00:00Z")
    assert paypal.provider.ensure_price(price_request("team-1")) == first
    assert f"POST {PLANS}" in paypal.wire.paths and paypal.wire.paths.count(f"POST {PLANS}") == 1


def test_it_is_found_on_a_later_page(paypal: PayPalAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_PAGE", 2)
    found = [paypal.provider.ensure_price(price_request(f"team-{number}")) for number in range(5)]
    assert [paypal.provider.ensure_price(price_request(f"team-{number}")) for number in range(5)] == found
    assert len(paypal.objects("plans")) == 6


def test_whoever_shares_the_account_has_prices_of_their_own(paypal: PayPalAdapter) -> None:
    staging = paypal.made_provider(environment="staging")
    ours, theirs = paypal.provider.ensure_price(price_request("team-1")), staging.ensure_price(price_request("team-1"))
    assert ours != theirs and staging.ensure_price(price_request("team-1")) == theirs
    live = paypal.made_provider(environment="production")
    live.ensure_price(price_request("team-1", minor=3_500))
    assert (made(paypal)["description"], made(paypal)["product_id"]) == ("Price team-1", "PORTAL-PLANS")


def test_the_plan_of_the_guide_is_taken_for_ours_once(paypal: PayPalAdapter) -> None:
    assert paypal.provider.ensure_price(professional()) == EXAMPLE
    assert paypal.objects("plans")[0]["description"] == "Price test-professional-1-monthly-usd"
    assert paypal.provider.ensure_price(professional()) == EXAMPLE
    assert paypal.provider.ensure_price(professional("professional-2-monthly-usd")) != EXAMPLE
    assert len(paypal.objects("plans")) == 2


@pytest.mark.parametrize("other", [{"minor": 3_000}, {"cycle": "yearly"}, {"currency": "eur"}])
def test_what_is_on_other_terms_is_not_ours(paypal: PayPalAdapter, other: dict[str, Any]) -> None:
    assert paypal.provider.ensure_price(professional(**other)) != EXAMPLE
    assert "description" not in paypal.objects("plans")[0]


REGULAR = {
    "frequency": {"interval_unit": "MONTH", "interval_count": 1},
    "tenure_type": "REGULAR",
    "sequence": 1,
    "pricing_scheme": {"fixed_price": {"currency_code": "USD", "value": "9.0"}},
}
TRIAL = {**REGULAR, "tenure_type": "TRIAL", "total_cycles": 1}
FREE, FEE = {"currency_code": "USD", "value": "0"}, {"currency_code": "USD", "value": "5.00"}


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({}, True),
        ({"payment_preferences": {"setup_fee": FREE}}, True),
        ({"payment_preferences": {"setup_fee": FEE}}, False),
        ({"description": "Something of somebody's"}, False),
        ({"quantity_supported": False}, False),
        ({"status": "CREATED"}, False),
        ({"taxes": {"percentage": "10"}}, False),
        ({"billing_cycles": [TRIAL, {**REGULAR, "sequence": 2}]}, False),
        ({"billing_cycles": [{**REGULAR, "frequency": {"interval_unit": "MONTH", "interval_count": 3}}]}, False),
        ({"name": "Team monthly"}, False),
    ],
)
def test_a_plan_made_by_hand_is_ours_when_all_of_it_is(paypal: PayPalAdapter, more: dict[str, Any], fits: bool) -> None:
    content = {
        "product_id": "PROD-XXCD1234QWER65782",
        "name": "Team, monthly",
        "billing_cycles": [REGULAR],
        "payment_preferences": {},
        "quantity_supported": True,
        **more,
    }
    theirs = paypal.client.post(PLANS, content, request_id="by-hand").content["id"]
    assert (paypal.provider.ensure_price(price_request(minor=900)) == theirs) is fits


def test_a_plan_by_our_name_that_can_not_be_read_is_left_alone(paypal: PayPalAdapter) -> None:
    tiers = {**REGULAR, "pricing_scheme": {"pricing_model": "TIERED", "tiers": []}}
    whole = {**paypal.objects("plans")[0], "billing_cycles": [tiers]}
    paypal.wire.instead = lambda request: (
        httpx.Response(200, json=whole) if request.method == "GET" and request.url.path.endswith(EXAMPLE) else None
    )
    assert paypal.provider.ensure_price(professional()) != EXAMPLE


@pytest.mark.parametrize(
    ("minor", "currency", "value"),
    [(2_900, "jpy", "2900"), (290_000, "huf", "2900"), (290_000, "twd", "2900"), (2_900, "eur", "29.00")],
)
def test_amounts_are_written_by_paypals_exponent_and_charged_so(
    paypal: PayPalAdapter, minor: int, currency: str, value: str
) -> None:
    begun(paypal, price_request(minor=minor, currency=currency), seats=2)
    fixed = made(paypal)["billing_cycles"][0]["pricing_scheme"]["fixed_price"]
    assert fixed == {"currency_code": currency.upper(), "value": value}
    assert moved(paypal, "sale") == [2 * minor]


@pytest.mark.parametrize(("minor", "currency"), [(29_000, "kwd"), (2_950, "huf"), (2_950, "twd"), (0, "usd")])
def test_what_paypal_can_not_charge_is_refused_here(paypal: PayPalAdapter, minor: int, currency: str) -> None:
    with pytest.raises(ProviderRejected):
        paypal.provider.ensure_price(price_request(minor=minor, currency=currency))
    assert len(paypal.objects("plans")) == 1


@pytest.mark.parametrize("facts", [{"cycle": "weekly"}, {"key": "k" * 120}, {"key": "schlüssel"}])
def test_so_is_what_it_can_not_keep(paypal: PayPalAdapter, facts: dict[str, Any]) -> None:
    facts = {"key": "team-1", **facts}
    with pytest.raises(ProviderRejected):
        paypal.provider.ensure_price(price_request(**facts))


def test_a_product_that_somebody_made_meanwhile_is_taken(paypal: PayPalAdapter) -> None:
    gone = {"name": "RESOURCE_NOT_FOUND", "details": [{"issue": "INVALID_RESOURCE_ID"}]}
    paypal.provider.ensure_price(price_request("team-1"))
    paypal.clock("2030-01-01T00:00:00Z")
    paypal.wire.instead = lambda request: (
        httpx.Response(404, json=gone) if request.method == "GET" and PRODUCTS in request.url.path else None
    )
    assert paypal.provider.ensure_price(price_request("team-2"))
    assert len(paypal.objects("products")) == 2


def test_a_lost_answer_is_no_second_plan(paypal: PayPalAdapter) -> None:
    paypal.fault("drop_after", PLANS, times=2)  # it is asked twice under one id
    with pytest.raises(ProviderUnavailable):
        paypal.provider.ensure_price(price_request("team-1"))
    assert paypal.provider.ensure_price(price_request("team-1")) == made(paypal)["id"]
    assert len(paypal.objects("plans")) == 2


def test_a_closed_account_is_our_own(paypal: PayPalAdapter) -> None:
    closed = {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "USER_ACCOUNT_CLOSED"}]}
    paypal.wire.instead = lambda request: (
        httpx.Response(422, json=closed) if (request.method, request.url.path) == ("POST", PLANS) else None
    )
    with pytest.raises(ProviderMisconfigured) as raised:
        paypal.provider.ensure_price(price_request())
    assert raised.value.code == "USER_ACCOUNT_CLOSED"


def test_a_plan_that_can_not_be_read_is_not_made_again(paypal: PayPalAdapter) -> None:
    reference = paypal.provider.ensure_price(price_request("team-1"))
    plan = {**made(paypal), "billing_cycles": []}
    paypal.wire.instead = lambda request: (
        httpx.Response(200, content=json.dumps(plan)) if request.url.path.endswith(reference) else None
    )
    with pytest.raises(Unreadable):
        paypal.provider.ensure_price(price_request("team-1"))
    assert len(paypal.objects("plans")) == 2


def test_the_price_that_was_asked_for_is_the_one_that_is_charged(paypal: PayPalAdapter, long_ago: Any) -> None:
    reference = begun(paypal, professional())
    (bill,) = paypal.provider.bills_of(reference, since=long_ago)
    assert (bill.total, bill.lines[0].title) == (Money(8_700, "usd"), "Professional, monthly")
