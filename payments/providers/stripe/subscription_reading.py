"""Stripe's subscriptions read into the portal's dataclasses; plain dicts in.

https://docs.stripe.com/api/subscriptions/object
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payments.providers.recurring import RecurringFacts

# So that one answer tells what has to be paid or confirmed, and what is to change.
EXPAND = ["latest_invoice.payments", "pending_setup_intent", "schedule"]
# https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
STATUSES = {
    "incomplete": "incomplete",
    "incomplete_expired": "canceled",
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "unpaid",
    "paused": "paused",
    "canceled": "canceled",
}
# What is to change with the next period, in its metadata: from when on the item's terms count, and those until then.
CHANGE_AT, OLD_PRICE, OLD_SEATS = "change_at", "change_from_price", "change_from_seats"
_PAUSABLE = frozenset({"trialing", "active", "past_due", "unpaid"})
_CONFIRMABLE = frozenset({"requires_action", "requires_confirmation"})

Terms = tuple[str, int]


def subscription_of(subscription: Mapping[str, Any], *, environment: str) -> RecurringFacts:
    """All but the payer's secret, which stands with the payment. Stripe's word stays `active` while it collects
    nothing: ours is `paused` then. Source: https://docs.stripe.com/billing/subscriptions/pause-payment."""
    status = STATUSES[subscription["status"]]
    if subscription.get("pause_collection") and status in _PAUSABLE:
        status = "paused"
    item, metadata = item_of(subscription), subscription.get("metadata") or {}
    price, seats = terms_in_force(subscription)
    start, end = instant(item["current_period_start"]), instant(item["current_period_end"])
    ended = status == "canceled"
    ends_at = subscription.get("cancel_at")
    invoice = subscription.get("latest_invoice")
    return RecurringFacts(
        status=status,
        provider_ref=_text(subscription["id"]),
        price_ref=price,
        seats=seats,
        period=(start, end),
        trial_end=_maybe(subscription.get("trial_end")),
        cancel_at_period_end=not ended
        and bool(subscription.get("cancel_at_period_end") or (ends_at and instant(ends_at) <= end)),
        ended_at=_maybe(subscription.get("ended_at")) if ended else None,
        subscription_id=metadata.get("subscription_id") if metadata.get("env") in (None, environment) else None,
        method_ref=reference(subscription.get("default_payment_method")),
        created_at=_maybe(subscription.get("created")),
        next_try_at=_maybe(invoice.get("next_payment_attempt"))
        if isinstance(invoice, Mapping) and subscription["status"] == "past_due"
        else None,
        awaits_payment=_awaited(subscription),
        changes_at=None if ended else _coming(subscription),
    )


def item_of(subscription: Mapping[str, Any]) -> Mapping[str, Any]:
    """The portal's subscriptions are of one price. Raises IndexError without one."""
    found: Mapping[str, Any] = subscription["items"]["data"][0]
    return found


def terms_in_force(subscription: Mapping[str, Any]) -> Terms:
    """(price, seats) that the period under way was billed for; the item has those of the next already where a change
    of the same cycle is to come."""
    item = item_of(subscription)
    if _is_planned(subscription):
        return subscription["metadata"][OLD_PRICE], int(subscription["metadata"][OLD_SEATS])
    return _terms(item)


def _is_planned(subscription: Mapping[str, Any]) -> bool:
    at = (subscription.get("metadata") or {}).get(CHANGE_AT)
    return at is not None and bool(item_of(subscription)["current_period_start"] < int(at))


def _coming(subscription: Mapping[str, Any]) -> tuple[str, int, datetime] | None:
    if _is_planned(subscription):
        return (*_terms(item_of(subscription)), instant(int(subscription["metadata"][CHANGE_AT])))
    schedule = subscription.get("schedule")
    if not isinstance(schedule, Mapping) or not schedule.get("current_phase"):
        return None
    at = schedule["current_phase"]["end_date"]
    phase = next((each for each in schedule["phases"] if each["start_date"] == at), None)
    if phase is None or (coming := _terms(phase["items"][0])) == _terms(item_of(subscription)):
        return None
    return (*coming, instant(at))


def _awaited(subscription: Mapping[str, Any]) -> Terms | None:
    """Source: https://docs.stripe.com/billing/subscriptions/pending-updates."""
    items = (subscription.get("pending_update") or {}).get("subscription_items")
    return _terms(items[0]) if items else None


def intent_to_confirm(subscription: Mapping[str, Any]) -> str | None:
    """The PaymentIntent of what is owed by the newest invoice, which may wait for the payer; None: nothing does."""
    invoice = subscription.get("latest_invoice")
    if not isinstance(invoice, Mapping) or invoice.get("status") != "open":
        return None
    payments = (invoice.get("payments") or {}).get("data") or []
    return next((found for each in payments if each.get("status") == "open" and (found := intent_ref(each))), None)


def intent_ref(invoice_payment: Mapping[str, Any]) -> str | None:
    """Of an InvoicePayment; None for one that is no PaymentIntent."""
    return reference((invoice_payment.get("payment") or {}).get("payment_intent"))


def secret_of(intent: object) -> str | None:
    """What the payer's browser needs, where they have something to confirm: of an invoice's PaymentIntent or a trial's
    SetupIntent. Declined is not to be confirmed, unless their bank wanted to see them."""
    if not isinstance(intent, Mapping):
        return None
    error = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    is_wanted = "authentication_required" in (error.get("code"), error.get("decline_code"))
    is_method_missing = intent.get("object") == "setup_intent" and intent.get("status") == "requires_payment_method"
    waits = intent.get("status") in _CONFIRMABLE or is_wanted or is_method_missing
    return intent.get("client_secret") if waits else None


def instant(seconds: int) -> datetime:
    """Of Stripe's seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def reference(thing: object) -> str | None:
    """The id of what stands there as an id or, expanded, whole."""
    if isinstance(thing, Mapping):
        return _text(thing["id"])
    return thing if isinstance(thing, str) else None


def _terms(item: Mapping[str, Any]) -> Terms:
    return _text(reference(item["price"])), int(item["quantity"])


def _maybe(seconds: object) -> datetime | None:
    return instant(seconds) if isinstance(seconds, int) else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
