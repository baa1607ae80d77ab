"""The catalogue: products, prices by their lookup keys, coupons."""

from decimal import Decimal

import pytest
import stripe

from billing_portal.sandbox.stripe.checking import check_answer


@pytest.fixture
def product(client):
    return client.v1.products.create({"id": "professional", "name": "Professional"})


def test_a_product_keeps_the_id_that_it_was_given(client, product, panel):
    assert client.v1.products.retrieve("professional").name == "Professional"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.products.create({"id": "professional", "name": "Again"})
    assert refused.value.code == "resource_already_exists"
    client.v1.products.update("professional", {"name": "Pro", "active": False})
    assert [p.name for p in client.v1.products.list({"active": False}).data] == ["Pro"]
    assert client.v1.products.list({"active": True}).data == []
    event = panel.objects("events")[-1]
    assert (event["type"], event["data"]["previous_attributes"]["name"]) == ("product.updated", "Professional")


def test_a_price_is_found_by_its_lookup_key_which_moves_on_to_the_next(client, product, panel):
    terms = {"product": product.id, "currency": "usd", "recurring": {"interval": "month"}}
    first = client.v1.prices.create({**terms, "unit_amount": 4900, "lookup_key": "professional_monthly_usd"})
    assert (first.type, first.unit_amount_decimal, first.recurring.interval_count) == ("recurring", Decimal(4900), 1)
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        client.v1.prices.create({**terms, "unit_amount": 5900, "lookup_key": "professional_monthly_usd"})
    moved = {"lookup_key": "professional_monthly_usd", "transfer_lookup_key": True}
    second = client.v1.prices.create({**terms, "unit_amount": 5900, **moved, "metadata": {"version": "2"}})
    found = client.v1.prices.list({"lookup_keys": ["professional_monthly_usd"], "expand": ["data.product"]})
    assert [(p.id, p.product.name) for p in found.data] == [(second.id, "Professional")]
    assert client.v1.prices.retrieve(first.id).lookup_key is None
    client.v1.prices.update(first.id, {"active": False})
    assert [p.id for p in client.v1.prices.list({"product": product.id, "active": True}).data] == [second.id]


def test_a_price_may_be_a_part_of_a_cent(client, product):
    price = client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount_decimal": Decimal("1.25"), "nickname": "a minute"}
    )
    assert (price.unit_amount, price.unit_amount_decimal, price.type) == (None, Decimal("1.25"), "one_time")
    opened = client.v1.prices.retrieve(price.id, {"expand": ["currency_options", "product", "tiers"]})
    assert (opened.currency_options["usd"].unit_amount_decimal, opened.tiers) == ("1.25", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"product": "prod_none"},
        {"unit_amount_decimal": Decimal("1.5")},
        {"recurring": {"interval": "month", "interval_count": 37}},
        {"currency": "xyz"},
    ],
)
def test_a_price_that_makes_no_sense_is_refused(client, product, wrong):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 100, **wrong})


def test_a_coupon_takes_off_a_share_or_an_amount_until_it_is_deleted(client):
    share = client.v1.coupons.create({"id": "WELCOME", "percent_off": 12.5, "duration": "once"})
    amount = client.v1.coupons.create(
        {"amount_off": 500, "currency": "usd", "duration": "repeating", "duration_in_months": 3}
    )
    assert (share.percent_off, amount.amount_off, amount.duration_in_months) == (12.5, 500, 3)
    for wrong in ({"percent_off": 101}, {"percent_off": 10, "amount_off": 5}, {"percent_off": 5, "id": "WELCOME"}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.coupons.create(wrong)
    assert client.v1.coupons.delete("WELCOME").deleted
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.coupons.retrieve("WELCOME")
    assert (gone.value.http_status, gone.value.code) == (404, "resource_missing")
    assert client.v1.coupons.create({"id": "WELCOME", "percent_off": 20}).percent_off == 20


def test_the_catalogue_has_the_shape_that_the_sdk_says(client, product, panel):
    client.v1.prices.create({"product": product.id, "currency": "jpy", "unit_amount": 5000})
    client.v1.coupons.create({"id": "professional", "percent_off": 20})  # an id that a product has too
    for kind, shape in (("products", stripe.Product), ("prices", stripe.Price), ("coupons", stripe.Coupon)):
        (thing,) = panel.objects(kind)
        check_answer(shape, thing)
