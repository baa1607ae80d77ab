"""What each kind of PayPal's events is about: the object that is read again before anything is booked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payments.providers.facts import Topic
from payments.providers.paypal import events
from payments.tests.provider_paypal.adapter import PayPalAdapter

ORDER, CAPTURE, SUB = "5O190127TN364715T", "3C679366HH908993F", "I-BW452GLLEP1G"


def read(kind: str, resource: Any, **facts: Any) -> Any:
    envelope = {"id": "WH-1AB", "event_type": kind, "create_time": "2026-11-01T12:00:00.5-07:00", "resource": resource}
    return events.read(json.dumps({**envelope, **facts}).encode(), livemode=True)


def up(folder: str, reference: str) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": "https://api.paypal.com/v2/payments/refunds/1AB"},
        {"rel": "up", "href": f"https://api.paypal.com/{folder}/{reference}"},
    ]


UP = up("v2/payments/captures", CAPTURE)
RELATED = {"related_ids": {"order_id": ORDER, "capture_id": CAPTURE}}
SALE_LINK = [{"rel": "sale", "href": "https://api.paypal.com/v1/payments/sale/9SA"}]
CASE = [{"seller_transaction_id": CAPTURE}, {"seller_transaction_id": "2AB"}]


@pytest.mark.parametrize(
    ("kind", "resource", "topic", "about"),
    [
        ("CHECKOUT.ORDER.APPROVED", {"id": ORDER}, Topic.PAYMENT, ORDER),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": ORDER}, Topic.PAYMENT, ORDER),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": CAPTURE, "supplementary_data": RELATED}, Topic.PAYMENT, ORDER),
        ("PAYMENT.CAPTURE.DENIED", {"id": CAPTURE, "links": up("v2/checkout/orders", ORDER)}, Topic.PAYMENT, ORDER),
        ("PAYMENT.CAPTURE.DECLINED", {"id": CAPTURE}, Topic.PAYMENT, CAPTURE),
        ("PAYMENT.CAPTURE.PENDING", {"id": CAPTURE, "supplementary_data": None}, Topic.PAYMENT, CAPTURE),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "1AB", "links": UP}, Topic.REFUND, CAPTURE),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "1AB", "supplementary_data": RELATED}, Topic.REFUND, ORDER),
        ("PAYMENT.CAPTURE.REVERSED", {"id": "1AB", "links": UP}, Topic.DISPUTE, CAPTURE),
        ("PAYMENT.REFUND.PENDING", {"id": "1AB", "links": UP}, Topic.REFUND, CAPTURE),
        ("PAYMENT.REFUND.FAILED", {"id": "1AB"}, Topic.REFUND, "1AB"),
        ("CUSTOMER.DISPUTE.CREATED", {"dispute_id": "PP-1", "disputed_transactions": CASE}, Topic.DISPUTE, CAPTURE),
        ("CUSTOMER.DISPUTE.RESOLVED", {"dispute_id": "PP-1", "disputed_transactions": []}, Topic.DISPUTE, "WH-1AB"),
        ("PAYMENT.SALE.COMPLETED", {"id": "1AB", "billing_agreement_id": SUB}, Topic.SUBSCRIPTION, SUB),
        ("PAYMENT.SALE.DENIED", {"id": "1AB", "billing_agreement_id": SUB}, Topic.SUBSCRIPTION, SUB),
        ("PAYMENT.SALE.PENDING", {"id": "1AB", "billing_agreement_id": SUB}, Topic.SUBSCRIPTION, SUB),
        ("PAYMENT.SALE.COMPLETED", {"id": "1AB"}, None, "1AB"),
        ("PAYMENT.SALE.COMPLETED", None, None, "WH-1AB"),
        ("PAYMENT.SALE.REFUNDED", {"id": "1AB", "sale_id": "9SA"}, Topic.PAYMENT, "9SA"),
        ("PAYMENT.SALE.REFUNDED", {"id": "1AB", "sale_id": "9SA", "billing_agreement_id": SUB}, Topic.PAYMENT, "9SA"),
        ("PAYMENT.SALE.REVERSED", {"id": "1AB", "links": SALE_LINK}, Topic.PAYMENT, "9SA"),
        ("BILLING.SUBSCRIPTION.ACTIVATED", {"id": SUB}, Topic.SUBSCRIPTION, SUB),
        ("BILLING.SUBSCRIPTION.CANCELLED", {"id": SUB}, Topic.SUBSCRIPTION, SUB),
        ("BILLING.SUBSCRIPTION.PAYMENT.FAILED", {"id": SUB}, Topic.SUBSCRIPTION, SUB),
        ("MERCHANT.ONBOARDING.COMPLETED", {"id": "1AB"}, None, "1AB"),
        ("SOMETHING.NEW", None, None, "WH-1AB"),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": "../../secret"}, Topic.PAYMENT, "WH-1AB"),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": 7}, Topic.PAYMENT, "WH-1AB"),
        ("PAYMENT.CAPTURE.COMPLETED", {}, Topic.PAYMENT, "WH-1AB"),
        ("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": ["x"]}, Topic.DISPUTE, "WH-1AB"),
    ],
)  # fmt: skip
def test_each_kind_names_what_is_read_again(kind: str, resource: Any, topic: Topic | None, about: str) -> None:
    event = read(kind, resource, resource_version="2.0")
    assert (event.kind, event.topic, event.object_ref) == (kind, topic, about)
    assert (event.livemode, event.api_version) == (True, "2.0")
    assert event.occurred_at.isoformat() == "2026-11-01T12:00:00.500000-07:00"


def test_the_stand_ins_own_events_name_objects_that_can_be_read(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    paypal.panel("POST", "refund", {"id": capture, "amount": 500})
    paypal.settle(capture, "disputed")
    paypal.settle(capture, "dispute_lost")
    review = paypal.agreed(1_022)
    paypal.provider.capture(review, key="cap:r")
    paypal.settle(review, "denied")
    seen = set()
    for body, _ in paypal.deliveries():
        event = events.read(body, livemode=False)
        assert paypal.provider.look_up(event.object_ref).payment_id, event.kind
        assert event.topic is events.TOPICS[event.kind]
        seen.add(event.kind)
    assert seen == {
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.PENDING",
        "PAYMENT.CAPTURE.DENIED",
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.CAPTURE.REVERSED",
        "CUSTOMER.DISPUTE.CREATED",
        "CUSTOMER.DISPUTE.RESOLVED",
    }


def test_an_approval_that_lapsed_names_its_order(paypal: PayPalAdapter) -> None:
    order = paypal.agreed()
    paypal.settle(order, "returned")
    told = [events.read(body, livemode=False) for body, _ in paypal.deliveries()]
    assert {each.kind: each.object_ref for each in told}["CHECKOUT.PAYMENT-APPROVAL.REVERSED"] == order
