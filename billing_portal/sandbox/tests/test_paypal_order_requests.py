"""How an order is asked for: decimals, sums, limits, and what PayPal says about all else."""

import re

import pytest

from billing_portal.sandbox.tests.paypal_fixtures import WALLET

ORDERS = "/v2/checkout/orders"
USD = {"currency_code": "USD", "value": "29.00"}


def asked(**more):
    return {"intent": "CAPTURE", "purchase_units": [{"amount": USD}], **more}


@pytest.mark.parametrize(
    ("currency", "good", "smallest", "bad", "fee"),
    [
        ("USD", "29.00", 2900, "29.005", "1.50"),
        ("EUR", "29.5", 2950, "29.500", "1.52"),
        ("JPY", "1000", 1000, "1000.00", "75"),
        ("HUF", "2500", 250_000, "2500.50", "177"),
        ("TWD", "900", 90_000, "900.0", "41"),
    ],
)
def test_each_currency_has_its_decimals(api, currency, good, smallest, bad, fee):
    capture = api.paid(good, currency)
    assert capture["seller_receivable_breakdown"]["paypal_fee"]["value"] == fee
    assert api.effects()[0]["amount"] == smallest
    wrong = asked(purchase_units=[{"amount": {"currency_code": currency, "value": bad}}])
    assert api.refused("POST", ORDERS, wrong) == (422, "DECIMAL_PRECISION")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"purchase_units": [{"amount": USD}]}, (400, "MISSING_REQUIRED_PARAMETER")),
        (asked(intent="GIVE"), (400, "INVALID_PARAMETER_VALUE")),
        (asked(intent="AUTHORIZE"), (422, "AUTH_CAPTURE_NOT_ENABLED")),
        (asked(purchase_units=[]), (400, "INVALID_ARRAY_MIN_ITEMS")),
        (asked(purchase_units=[{}]), (400, "MISSING_REQUIRED_PARAMETER")),
        (asked(purchase_units=[{"amount": {**USD, "value": 29}}]), (400, "INVALID_PARAMETER_SYNTAX")),
        (asked(purchase_units=[{"amount": {**USD, "value": "29,00"}}]), (400, "INVALID_PARAMETER_SYNTAX")),
        (asked(purchase_units=[{"amount": {**USD, "value": "0.00"}}]), (422, "CANNOT_BE_ZERO_OR_NEGATIVE")),
        (asked(purchase_units=[{"amount": {**USD, "currency_code": "KWD"}}]), (422, "INVALID_CURRENCY_CODE")),
        (asked(purchase_units=[{"amount": USD, "custom_id": "x" * 128}]), (400, "INVALID_STRING_LENGTH")),
        (asked(purchase_units=[{"amount": USD, "soft_descriptor": "x" * 23}]), (400, "INVALID_STRING_LENGTH")),
        (asked(purchase_units=[{"amount": USD}, {"amount": USD}]), (422, "REFERENCE_ID_REQUIRED")),
        (asked(colour="red"), (400, "NOT_SUPPORTED")),
        (asked(payment_source=WALLET), (400, "PAYPAL_REQUEST_ID_REQUIRED")),
        (
            asked(purchase_units=[{"amount": {**USD, "breakdown": {"item_total": {**USD, "value": "28.00"}}}}]),
            (422, "AMOUNT_MISMATCH"),
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_paypals_words(api, body, refusal):
    assert api.refused("POST", ORDERS, body) == refusal
    assert api.objects("orders") == []


def test_items_add_up(api):
    item = {"name": "Seat", "unit_amount": {**USD, "value": "14.50"}, "quantity": "2"}
    amount = {**USD, "breakdown": {"item_total": USD}}
    assert api.ok("POST", ORDERS, asked(purchase_units=[{"amount": amount, "items": [item]}]))["status"] == "CREATED"
    three = {**item, "quantity": "3"}
    wrong = asked(purchase_units=[{"amount": amount, "items": [three]}])
    assert api.refused("POST", ORDERS, wrong) == (422, "ITEM_TOTAL_MISMATCH")


def test_ids_are_in_paypals_alphabets(api, paypal):
    order = api.order()
    assert re.fullmatch(r"[0-9A-Z]{17}", order["id"])
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{13}", paypal.merchant_id)
    assert re.fullmatch(r"[0-9A-Z]{17}", paypal.webhook_id)
