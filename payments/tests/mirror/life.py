"""What happens at Stripe in the mirror's tests, and what the stand-in's own books say of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.in_process import ADDRESS, call
from payments.providers.stripe import mirror

KEY = "sk_test_" + "m" * 24


def panel(sandbox: StripeSandbox, method: str, path: str, content: Any = None) -> Any:
    body = None if content is None else json.dumps(content)
    status, _, answer = call(sandbox, method, f"{ADDRESS}/__sandbox/{path}", None, body)
    assert status == 200, answer
    return json.loads(answer)


def fail(sandbox: StripeSandbox, path: str, fault: str, *, times: int) -> None:
    panel(sandbox, "POST", "faults", {"method": "GET", "path": path, "fault": fault, "times": times})


def told(sandbox: StripeSandbox, kind: str = "") -> list[dict[str, Any]]:
    """The events so far, oldest first."""
    status, _, answer = call(sandbox, "GET", f"{ADDRESS}/v1/events?limit=100", {"Authorization": f"Bearer {KEY}"})
    assert status == 200, answer
    return [event for event in reversed(json.loads(answer)["data"]) if kind in ("", event["type"])]


def sent(sandbox: StripeSandbox) -> list[str]:
    """Every request that reached the stand-in, as its own log has it."""
    return [f"{entry['method']} {entry['path']}" for entry in panel(sandbox, "GET", "log")]


def pay(api: Any, customer: str, method: str, amount: int = 2_900, currency: str = "usd", **more: Any) -> Any:
    return api.payment_intents.create(
        {
            "amount": amount,
            "currency": currency,
            "customer": customer,
            "payment_method": method,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            **more,
        }
    )


def a_life(api: Any, sandbox: StripeSandbox, tenant_id: str = "") -> str:
    """A customer who saves a card, pays, pays by bank, is declined, is refunded and disputes; the customer's id."""
    metadata = {"djstripe_subscriber": tenant_id, "tenant_id": tenant_id} if tenant_id else {}
    customer = api.customers.create({"email": "a@acme.example", "name": "Acme", "metadata": metadata}).id
    api.setup_intents.create(
        {
            "customer": customer,
            "usage": "off_session",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    card = api.customers.payment_methods.list(customer).data[0].id
    paid = pay(api, customer, card)
    api.refunds.create({"payment_intent": paid.id, "amount": 900})
    api.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
    with pytest.raises(stripe.CardError):
        pay(api, customer, "pm_card_visa_chargeDeclined")
    pay(api, customer, card, 5_000, "jpy")
    accepted = {"customer_acceptance": {"type": "online", "online": {"ip_address": "10.0.0.1", "user_agent": "test"}}}
    debit = pay(api, customer, "pm_usBankAccount", mandate_data=accepted)
    assert debit.status == "processing"
    panel(sandbox, "POST", "settle", {"id": debit.id, "outcome": "succeeded"})
    disputed = pay(api, customer, "pm_card_createDispute")
    assert disputed.status == "succeeded"
    api.payment_methods.detach(card)
    return customer


def keep_all(sandbox: StripeSandbox) -> None:
    for event in told(sandbox):
        mirror.keep(event)
