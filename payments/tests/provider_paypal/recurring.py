"""What PayPal's payers, its own schedule and its books do about subscriptions, for the adapter's tests."""

from __future__ import annotations

from typing import Any

from payments.providers.contract_recurring import price_request, start_request
from payments.providers.recurring import Payer, PriceRequest, StartRequest
from payments.tests.provider_paypal.adapter import PayPalAdapter

SUBSCRIPTIONS, SALE_REFUND = "/v1/billing/subscriptions", "/v1/payments/sale/*/refund"
FACTS: dict[str, Any] = {
    "payer": Payer("owner@acme.example", "Ada", "Jones"),
    "return_url": "https://portal.example/back",
    "cancel_url": "https://portal.example/not-now",
}


def asked(paypal: PayPalAdapter, price: PriceRequest | None = None, **facts: Any) -> StartRequest:
    """For three seats of a price that is there."""
    return start_request(paypal.provider.ensure_price(price or price_request()), **{**FACTS, **facts})


def begun(paypal: PayPalAdapter, price: PriceRequest | None = None, **facts: Any) -> str:
    """A subscription whose payer has agreed."""
    reference = paypal.provider.start_subscription(asked(paypal, price, **facts)).provider_ref
    paypal.approve(reference)
    return reference


def sold(paypal: PayPalAdapter, **price: Any) -> str:
    """The sale that paid for the first period of one seat."""
    begun(paypal, price_request(**price), seats=1)
    return str(paypal.objects("sales")[-1]["id"])


def bill(paypal: PayPalAdapter, reference: str, outcome: str = "paid") -> None:
    paypal.panel("POST", "bill", {"subscriptionId": reference, "outcome": outcome})


def moved(paypal: PayPalAdapter, kind: str) -> list[int]:
    """Of sales, in the currency's smallest unit, by the stand-in's own log."""
    acts = [entry["effect"] for entry in paypal.panel("GET", "log") if entry["effect"]]
    return [act["amount"] for act in acts if act["kind"] == kind and act["state"] == "completed"]
