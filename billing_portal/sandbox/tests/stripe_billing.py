"""Fixtures of Stripe Billing: a clock that stands, a catalogue, a customer with a card, and a way to subscribe."""

from datetime import UTC, datetime

import pytest

FIRST = "2026-11-01T00:00:00Z"


def at(text):
    """Seconds since 1970 of `2026-11-16` or `2026-11-16 12:00`, in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def kinds_since(panel, number):
    """What events came after the first `number`."""
    return [event["type"] for event in panel.objects("events")][number:]


@pytest.fixture
def clock(panel):
    """Move the stand-in's clock; it stands at 1 November 2026 to begin with."""

    def move(text):
        return panel.ask("POST", "clock", {"now": f"{datetime.fromisoformat(text).isoformat()}Z"})

    panel.ask("POST", "clock", {"now": FIRST})
    return move


@pytest.fixture
def price(client, clock):
    """A price by its amount and interval, of one product."""
    product = client.v1.products.create({"id": "professional", "name": "Professional"})

    def price(amount, interval="month", currency="usd", count=1):
        return client.v1.prices.create(
            {
                "product": product.id,
                "currency": currency,
                "unit_amount": amount,
                "recurring": {"interval": interval, "interval_count": count},
            }
        ).id

    return price


@pytest.fixture
def with_card(client, customer, clock):
    """Make a card the customer's default."""

    def with_card(token="pm_card_visa"):
        saved = client.v1.payment_methods.attach(token, {"customer": customer.id})
        client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": saved.id}})
        return saved.id

    return with_card


@pytest.fixture
def subscribe(client, customer, price):
    """Subscribe the customer: `amount` a month each for `seats`, or to the price given."""

    def subscribe(amount=1000, seats=1, *, price_id=None, **more):
        items = [{"price": price_id or price(amount), "quantity": seats}]
        metadata = {"subscription_id": "s1"}
        return client.v1.subscriptions.create({"customer": customer.id, "items": items, "metadata": metadata, **more})

    return subscribe
