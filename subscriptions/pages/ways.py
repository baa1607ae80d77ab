"""How a subscription is paid: the ways that a tenant may choose from, and the one that was chosen."""

from __future__ import annotations

from dataclasses import dataclass

from billing_portal.kit.display.counting import count_text
from billing_portal.tenants.models import Tenant
from subscriptions.models import PlanVersion, Subscription
from subscriptions.models.subscription import Engine


@dataclass(frozen=True, slots=True)
class Way:
    """One radio of the page that starts a subscription. `value` goes to `starting.Order`: "" for an invoice, else the
    reference of a saved method."""

    value: str
    name: str
    about: str


def ways_to_pay(tenant: Tenant, version: PlanVersion) -> list[Way]:
    """Those that this plan can be started with, the usual one first; none: it can't be started here.

    Saved cards and accounts, and PayPal, join the list when a provider charges subscriptions.
    """
    if not version.by_invoice:
        return []
    about = f"Check or wire, within {count_text(tenant.payment_terms_days, 'day')}. Sent to {tenant.billing_email}."
    return [Way("", "By invoice", about)]


def pays_how(subscription: Subscription) -> str:
    """'By invoice, due within 30 days': who charges the base fee, and how."""
    if subscription.engine == Engine.STRIPE:
        return "Charged to your default method"
    if subscription.engine == Engine.PAYPAL:
        return "By PayPal"
    return f"By invoice, due within {count_text(subscription.tenant.payment_terms_days, 'day')}"
