"""How a subscription is paid: the ways that a tenant may choose from, and the one that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billing_portal.kit.display.counting import count_text
from billing_portal.tenants.models import Tenant
from payments import method_queries
from payments.pages.method_words import method_name
from payments.providers import registry
from payments.providers.recurring import Payer, RunsSubscriptions
from subscriptions.models import PlanVersion, Subscription
from subscriptions.models.subscription import Engine

BY_PAYPAL = "paypal"


@dataclass(frozen=True, slots=True)
class Way:
    """One radio of the page that starts a subscription. `value`: "" for an invoice, the reference of a saved method, or
    `BY_PAYPAL`; without an `icon` its name stands for it."""

    value: str
    name: str
    about: str
    icon: str = "mail"


def ways_to_pay(tenant: Tenant, version: PlanVersion) -> list[Way]:
    """Those that this plan can be started with, the usual one first; none: it can't be started here."""
    found: list[Way] = []
    if registry.named(Engine.STRIPE, RunsSubscriptions):
        saved = sorted(method_queries.saved_methods(tenant), key=lambda each: not each.is_default)
        found += [
            Way(each.provider_ref, method_name(each), "Charged by itself at the start of each period.", "credit-card")
            for each in saved
        ]
    if version.by_invoice:
        about = f"Check or wire, within {count_text(tenant.payment_terms_days, 'day')}. Sent to {tenant.billing_email}."
        found.append(Way("", "By invoice", about))
    if registry.named(Engine.PAYPAL, RunsSubscriptions):
        found.append(Way(BY_PAYPAL, "PayPal", "You agree on PayPal's page, and PayPal charges it.", ""))
    return found


def chosen_way(request: Any, value: str) -> dict[str, Any]:
    """What an order says of it. A method that is not the tenant's own is refused by whoever charges it."""
    if value == BY_PAYPAL:
        return {"payer": Payer(email=request.user.email)}
    return {"method_ref": value or None}


def pays_how(subscription: Subscription) -> str:
    """'By invoice, due within 30 days': who charges the base fee, and how."""
    if subscription.engine == Engine.STRIPE:
        return "Charged to your card or account"
    if subscription.engine == Engine.PAYPAL:
        return "By PayPal"
    return f"By invoice, due within {count_text(subscription.tenant.payment_terms_days, 'day')}"
