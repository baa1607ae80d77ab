"""Who is asked to pay, and how: those whose role may, by what is taken here. Others read how it stands."""

from __future__ import annotations

from typing import Any

from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.tenants.policies import TABLE
from payments.actions.charging import check_amount
from payments.models import Payment
from payments.providers import registry
from payments.providers.base import ApprovesLater, Charges


def may_pay(request: Any) -> bool:
    """Whether the person who looks at this page pays for the tenant. `request.role` comes from the middleware."""
    return request.role in TABLE["payments.pay"].roles


def takes_payments(currency: str) -> bool:
    """Whether money of this currency is taken by a provider, beside checks and wires."""
    paypal = _paypal()
    return takes_cards() or (paypal is not None and paypal.limits(currency) is not None)


def takes_cards() -> bool:
    """Whether money is taken by a provider that charges."""
    return isinstance(registry.provider_for(Payment.Method.CARD), Charges)


def takes_paypal() -> bool:
    """Whether PayPal is on."""
    return _paypal() is not None


def paypal_takes(amount: Money) -> bool:
    """Whether PayPal is on and takes this: not every currency, and of some no decimals."""
    paypal = _paypal()
    if paypal is None:
        return False
    try:
        check_amount(paypal, amount)
    except BadInput:
        return False
    return True


def _paypal() -> ApprovesLater | None:
    provider = registry.provider_for(Payment.Method.PAYPAL)
    return provider if isinstance(provider, ApprovesLater) else None
