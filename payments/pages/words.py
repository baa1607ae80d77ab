"""The words for money: how a payment and a bill are called, and who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from billing_portal.kit.actors import ActorKind
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import NBSP, month_text, period_text
from billing_portal.kit.money import Money
from payments.models import Invoice, Payment, StatusChange

METHODS = {
    "card": "Card",
    "us_bank_account": "Bank account",
    "paypal": "PayPal",
    "check": "Check",
    "wire": "Wire",
    "cash": "Cash",
    "other": "Payment",
}


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


def money_of(minor: int, currency: str) -> str:
    return money_text(Money(minor, currency))


def what_for(invoice: Invoice) -> str:
    """'Usage, October 2026': what a bill is for, in a few words."""
    if invoice.kind == Invoice.Kind.OVERAGE and invoice.usage_month:
        return f"Usage, {month_text(invoice.usage_month)}"
    if invoice.kind == Invoice.Kind.SUBSCRIPTION and invoice.period_start and invoice.period_end:
        return f"Subscription, {period_text(invoice.period_start, invoice.period_end)}"
    lines = list(invoice.lines.all())
    return lines[0].title if lines else ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a story: `label` is that of its own acts, `names` those of the people in it, by id."""

    label: str
    names: Mapping[UUID, str] = field(default_factory=dict)


def who(change: StatusChange, reader: Reader) -> str:
    """'by you', 'by Dana Ruiz', 'by Priya Nair, our billing desk': who moved something."""
    name = reader.names.get(change.actor_id, change.actor_label) if change.actor_id else change.actor_label
    if change.actor_kind == ActorKind.SYSTEM:
        return "automatically"
    if change.actor_kind == ActorKind.STAFF:
        return f"by {name}, our billing desk"
    if change.actor_kind == ActorKind.PROVIDER:
        return f"reported by {change.actor_label.capitalize()}"
    if change.actor_kind == ActorKind.API_KEY:
        return f"by API key {change.actor_label}"
    return "by you" if change.actor_label == reader.label else f"by {name}"
