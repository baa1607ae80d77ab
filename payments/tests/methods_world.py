"""Tenants with methods saved at the stand-in, and what it keeps of them."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from billing_portal.sandbox.stripe.in_process import ADDRESS, call
from billing_portal.tenants.models import Tenant
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.actions.customers import customer_for
from payments.actions.saving_methods import sync_methods
from payments.models import Payment, PaymentMethod

NOW = at("2026-10-03 09:00")


def customer(stripe: StripeWorld, of: Tenant) -> str:
    return customer_for(tenant=of, provider=stripe.provider, now=NOW).provider_ref


def card(stripe: StripeWorld, of: Tenant, method: str = "pm_card_visa") -> str:
    """A card that the portal does not know of yet; its id."""
    return stripe.saved_method(customer(stripe, of), method)


def synced(of: Tenant) -> list[str]:
    return [method.provider_ref for method in sync_methods(tenant=of, now=NOW)]


def defaults(of: Tenant) -> list[str]:
    return list(PaymentMethod.objects.filter(tenant=of, is_default=True).values_list("provider_ref", flat=True))


def attached(stripe: StripeWorld, of: Tenant) -> set[str]:
    """What the stand-in keeps for the tenant."""
    reference = customer(stripe, of)
    return {each["id"] for each in stripe.objects("payment_methods") if each["customer"] == reference}


def paying_with(of: Tenant, method_ref: str, status: str) -> Payment:
    return Payment.objects.create(
        tenant=of, amount_minor=500, currency="usd", status=status, provider="stripe", method="card",
        method_ref=method_ref, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def in_the_browser(stripe: StripeWorld, setup: dict[str, Any], method: str) -> dict[str, Any]:
    """What Stripe.js does with the answer: confirm the SetupIntent with the publishable key and the secret."""
    facts = f"client_secret={setup['clientSecret']}&payment_method={method}"
    if "us" in method:
        facts += "&mandate_data[customer_acceptance][type]=online"
        facts += "&mandate_data[customer_acceptance][online][infer_from_client]=true"
    status, _, answer = call(
        stripe.sandbox,
        "POST",
        f"{ADDRESS}/v1/setup_intents/{setup['setupIntentId']}/confirm",
        {
            "Authorization": f"Bearer {setup['publishableKey']}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        facts,
    )
    assert status == 200, answer
    return json.loads(answer)


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    raw = body if isinstance(body, str) else json.dumps(body if body is not None else {})
    return client.post(path, raw, content_type="application/json", headers=headers)
