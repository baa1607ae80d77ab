"""How a means of payment is called, wherever it is named."""

from __future__ import annotations

from billing_portal.kit.display.dates import NBSP
from payments.models import Payment

METHODS = {
    "card": "Card",
    "us_bank_account": "Bank account",
    "paypal": "PayPal",
    "check": "Check",
    "wire": "Wire",
    "cash": "Cash",
    "other": "Payment",
}


PROVIDERS = {"stripe": "Stripe", "paypal": "PayPal"}

# As their owners write them; any other name is shown with a capital.
BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


def provider_name(provider: str) -> str:
    """'PayPal' of 'paypal', as its owner writes it; one that is not known is shown with a capital."""
    return PROVIDERS.get(provider, provider.capitalize())


def with_ending(name: str, last4: str) -> str:
    """'Visa •••• 4242', which never breaks before the digits."""
    return f"{name} ••••{NBSP}{last4}"


def brand_name(brand: str) -> str:
    """'Visa' of a provider's 'visa'; a bank's name as it is."""
    return BRANDS.get(brand, brand[:1].upper() + brand[1:])


def payment_name(payment: Payment) -> str:
    """'Check 10482', 'Visa •••• 4242'."""
    name = METHODS[payment.method]
    if payment.method_last4:
        return with_ending(brand_name(payment.method_brand or name), payment.method_last4)
    return f"{name} {payment.reference}" if payment.reference else name


def in_sentence(payment: Payment) -> str:
    """'check 10482'; a name of its own keeps its capital."""
    name = payment_name(payment)
    is_own = payment.method == "paypal" or (payment.method_brand and payment.method_last4)
    return name if is_own else name[0].lower() + name[1:]
