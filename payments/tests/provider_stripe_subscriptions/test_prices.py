"""Prices at Stripe: found by their key, whatever the idempotency keys have forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing_portal.kit.money import Money
from billing_portal.tests.stripe_world import StripeWorld
from payments.providers.contract_recurring import price_request
from payments.providers.errors import ProviderRejected, ProviderUnavailable
from payments.tests.provider_stripe_subscriptions.life import FIRST, Life


def test_a_price_is_of_its_plans_product_and_known_by_its_key(life: Life, stripe: StripeWorld) -> None:
    monthly, yearly = (life.provider.ensure_price(price_request(f"team-1-{c}", cycle=c)) for c in ("monthly", "yearly"))
    (product,) = stripe.objects("products")
    assert (product["id"], product["name"]) == ("portal-test-team", "Team")
    facts = [
        (each["id"], each["product"], each["lookup_key"], each["unit_amount"], each["recurring"]["interval"])
        for each in stripe.objects("prices")
    ]
    assert facts == [
        (monthly, "portal-test-team", "test:team-1-monthly", 2_900, "month"),
        (yearly, "portal-test-team", "test:team-1-yearly", 2_900, "year"),
    ]


def test_it_is_the_same_after_all_idempotency_keys_are_forgotten(life: Life, stripe: StripeWorld) -> None:
    made = life.provider.ensure_price(price_request("team-1"))
    stripe.clock(FIRST + timedelta(days=40))
    assert life.provider.ensure_price(price_request("team-1", plan_name="Team, renamed")) == made
    assert len(stripe.objects("prices")) == len(stripe.objects("products")) == 1


def test_a_lost_answer_leaves_one_price(life: Life, stripe: StripeWorld) -> None:
    stripe.fault("drop_after", "/v1/prices", times=2)
    with pytest.raises(ProviderUnavailable):
        life.provider.ensure_price(price_request("team-1"))
    made = life.provider.ensure_price(price_request("team-1"))
    assert [each["id"] for each in stripe.objects("prices")] == [made]


def test_who_is_slower_finds_what_the_other_made(life: Life, stripe: StripeWorld, monkeypatch: Any) -> None:
    made = life.provider.ensure_price(price_request("team-1"))
    prices = life.provider._prices
    found, asked = prices._found, []

    def blind_at_first(key: str) -> Any:
        asked.append(key)
        return found(key) if len(asked) > 1 else None

    monkeypatch.setattr(prices, "_found", blind_at_first)
    assert life.provider.ensure_price(price_request("team-1")) == made


def test_an_archived_price_is_sold_no_more(life: Life, stripe: StripeWorld) -> None:
    made = life.provider.ensure_price(price_request("team-1"))
    stripe.api.prices.update(made, {"active": False})
    with pytest.raises(ProviderRejected):
        life.provider.ensure_price(price_request("team-1"))


@pytest.mark.parametrize(
    ("minor", "currency", "counted"), [(2_900, "jpy", 2_900), (12_340, "kwd", 12_340), (50, "isk", 5_000)]
)
def test_amounts_are_counted_as_stripe_does(
    life: Life, stripe: StripeWorld, minor: int, currency: str, counted: int
) -> None:
    life.price(minor, currency)
    assert stripe.objects("prices")[-1]["unit_amount"] == counted


@pytest.mark.parametrize("facts", [{"minor": 12_345, "currency": "kwd"}, {"currency": "lyd"}, {"cycle": "weekly"}])
def test_what_stripe_does_not_take_makes_nothing(life: Life, stripe: StripeWorld, facts: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected):
        life.provider.ensure_price(price_request(**facts))
    assert stripe.objects("prices") == stripe.objects("products") == []


def test_a_price_in_tiers_or_of_another_rhythm_is_another(life: Life, stripe: StripeWorld) -> None:
    stripe.api.products.create({"id": "portal-test-team", "name": "Team"})
    stripe.api.prices.create(
        {
            "product": "portal-test-team",
            "currency": "usd",
            "unit_amount": Money(2_900, "usd").minor,
            "recurring": {"interval": "month", "interval_count": 3},
            "lookup_key": "test:team-1",
        }
    )
    with pytest.raises(ProviderRejected):
        life.provider.ensure_price(price_request("team-1"))
