"""PayPal's subscriptions read into the portal's dataclasses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing_portal.kit.money import Money
from payments.providers.paypal.amounts import from_paypal
from payments.providers.paypal.errors import approval_link
from payments.providers.paypal.reading import instant, readable
from payments.providers.paypal.rhythm import current, next_billing, rhythm_of
from payments.providers.recurring import RecurringFacts

# Active ones are told apart by `_live`. PayPal suspends when it was asked to and when it gives up after failures, by
# one word: whoever asked knows.
_STATUSES = {
    "APPROVAL_PENDING": "approval_pending",
    "APPROVED": "approval_pending",
    "ACTIVE": "active",
    "SUSPENDED": "paused",
    "CANCELLED": "canceled",
    "EXPIRED": "canceled",
}
_OUR_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def subscription_of(subscription: Mapping[str, Any]) -> RecurringFacts:
    """A suspended one is `paused`: the portal, which knows whether it asked, decides whether it is `unpaid`.

    Raises Unreadable for one that says nothing we can read. Its period is known where it was read with its plan.
    """
    with readable("subscription"):
        status = _STATUSES[subscription["status"]]
        if status == "active":
            status = _live(subscription)
        info, is_counted = subscription.get("billing_info"), next_billing(subscription) is None
        failed = (info or {}).get("last_failed_payment") or {}
        return RecurringFacts(
            status=status,
            provider_ref=_text(subscription["id"]),
            price_ref=_text(subscription["plan_id"]),
            seats=int(subscription.get("quantity") or 1),
            period=_period(subscription),
            trial_end=_trial_end(subscription),
            ended_at=_at(subscription, "status_update_time") if status == "canceled" else None,
            subscription_id=_our_id(subscription.get("custom_id")),
            approval_url=approval_link(subscription.get("links")) if status == "approval_pending" else None,
            created_at=_at(subscription, "create_time"),
            next_try_at=_at(failed, "next_payment_retry_time") if status == "past_due" else None,
            paid=_paid(subscription, is_counted=is_counted),
            paid_at=_at((info or {}).get("last_payment") or {}, "time"),
            is_counted=is_counted,
        )


def _live(subscription: Mapping[str, Any]) -> str:
    """By PayPal's own last word and no clock of ours: it is a trial while nothing was paid and PayPal has not touched
    the subscription since its beginning, which it does when it bills. Source: PayPal Subscriptions v1,
    `billing_info`."""
    info = subscription.get("billing_info") or {}
    if info.get("failed_payments_count", 0) > 0 and from_paypal(info["outstanding_balance"]):
        return "past_due"
    touched = [at for name in ("status_update_time", "update_time") if (at := _at(subscription, name))]
    begins = _at(subscription, "start_time")
    if not info.get("last_payment") and begins and touched and begins > max(touched):
        return "trialing"
    return "active"


def _trial_end(subscription: Mapping[str, Any]) -> datetime | None:
    """PayPal knows a trial of ours as a beginning in the future."""
    begins, made = _at(subscription, "start_time"), _at(subscription, "create_time")
    return begins if begins and made and begins > made else None


def _period(subscription: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    if "plan" not in subscription:
        return None
    rhythm = rhythm_of(subscription)
    number = current(subscription, rhythm)
    if number is None:
        return None
    start, end = rhythm.span(number)
    due = next_billing(subscription)
    return start, due if due and due > start else end


def _paid(subscription: Mapping[str, Any], *, is_counted: bool) -> Money | None:
    """The last payment. Where a later one has failed the period may be the one that this was for, and nothing is said
    of it, unless the period is counted from the last payment."""
    info = subscription.get("billing_info") or {}
    last, is_owed = info.get("last_payment"), info.get("failed_payments_count") and not is_counted
    return from_paypal(last["amount"]) if last and not is_owed else None


def _our_id(custom_id: object) -> str | None:
    return custom_id if isinstance(custom_id, str) and _OUR_ID.fullmatch(custom_id) else None


def _at(thing: Mapping[str, Any], name: str) -> datetime | None:
    return instant(_text(thing[name])) if thing.get(name) else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
