"""What a provider's second channel tells of and no payment of ours stands for: for staff to look into, never booked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from payments.actions.discrepancies import report_discrepancy
from payments.models import Discrepancy
from payments.naming import provider_name
from payments.providers import registry
from payments.providers.base import ReceivesMessages, TakesPayments
from payments.providers.errors import UnknownReference
from payments.providers.facts import Hearsay, Outcome, PaymentResult

Kind = Discrepancy.Kind

NOT_OURS = "not a payment of ours"
# A provider's lists may lag behind its messages: it is asked so many times before it is said not to know.
SURE_AFTER = 3
_MOVED = (Outcome.SUCCEEDED, Outcome.PROCESSING)


def look_into(*, provider: str, payment_ref: str, payload: Mapping[str, Any], attempt: int, now: datetime) -> str:
    """The note for an event about a payment that is not ours, after it was reported where it speaks of money.

    The amount is the provider's own where it knows the payment, and else the message's, which is said. Raises
    UnknownReference while it is too early to say, and ProviderError when nobody can be asked.
    """
    channel = registry.named(provider, ReceivesMessages)
    told = channel.heard(payload) if channel else None
    if told is None:
        return NOT_OURS
    known = _asked(provider, payment_ref, attempt)
    if known is None:
        return _nobody_knows(provider, payment_ref, told, now)
    if known.is_foreign or known.outcome not in _MOVED or known.amount is None:
        return NOT_OURS
    report_discrepancy(
        kind=Kind.UNKNOWN_CHARGE,
        provider=provider,
        provider_ref=known.provider_ref or payment_ref,
        amount=known.amount,
        detail=f"It is {known.outcome.value} there, and no payment of ours stands for it: find whose money it is, then"
        " record it, or give it back in the provider's dashboard.",
        now=now,
    )
    return "reported: nobody knows whose money it is"


def _asked(provider: str, payment_ref: str, attempt: int) -> PaymentResult | None:
    able = registry.named(provider, TakesPayments)
    try:
        return able.look_up(payment_ref) if able else None
    except UnknownReference:
        if attempt < SURE_AFTER:
            raise
        return None


def _nobody_knows(provider: str, payment_ref: str, told: Hearsay, now: datetime) -> str:
    went_back = "" if told.came_in else ", of which money went back"
    report_discrepancy(
        kind=Kind.UNKNOWN_CHARGE if told.came_in else Kind.UNKNOWN_REFUND,
        provider=provider,
        provider_ref=payment_ref,
        amount=told.amount,
        detail=f"{provider_name(provider)} reports a payment we do not know{went_back}. The amount is the message's own"
        ", and unchecked: the provider's API does not know the payment either. Look for it in the dashboard.",
        now=now,
    )
    return "reported: a message told of it, and nobody knows it"
