"""The words for money: how a payment and a bill are called, and who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from billing_portal.kit.actors import ActorKind
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import month_text, period_text
from billing_portal.kit.money import Money
from payments.models import Invoice, StatusChange
from payments.naming import METHODS, PROVIDERS, brand_name, in_sentence, payment_name, provider_name, with_ending

__all__ = [
    "METHODS",
    "PROVIDERS",
    "Reader",
    "brand_name",
    "in_sentence",
    "money_of",
    "payment_name",
    "what_for",
    "who",
    "with_ending",
]


def money_of(minor: int, currency: str) -> str:
    return money_text(Money(minor, currency))


def what_for(invoice: Invoice) -> str:
    """'Usage, October 2026': what a bill is for, in a few words."""
    if invoice.kind == Invoice.Kind.OVERAGE and invoice.usage_month:
        return f"Usage, {month_text(invoice.usage_month)}"
    if invoice.kind == Invoice.Kind.SUBSCRIPTION and invoice.period_start and invoice.period_end:
        what = "Change of the subscription" if invoice.billing_reason == Invoice.Reason.CHANGE else "Subscription"
        return f"{what}, {period_text(invoice.period_start, invoice.period_end)}"
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
        return f"reported by {provider_name(change.actor_label.lower())}"
    if change.actor_kind == ActorKind.API_KEY:
        return f"by API key {change.actor_label}"
    return "by you" if change.actor_label == reader.label else f"by {name}"
