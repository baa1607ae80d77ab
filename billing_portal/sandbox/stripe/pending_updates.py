"""Changes that wait until they are paid: applied then, forgotten after 23 hours.

https://docs.stripe.com/billing/subscriptions/pending-updates. `_pending` holds the whole change as it was drawn up,
from before its invoice is paid; `pending_update` shows it when the first attempt did not pay it.
"""

import copy
from typing import Any

from billing_portal.sandbox.stripe import invoicing, standing, subscription_items
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.intervals import HOUR

LASTS = 23 * HOUR


def expires_at(act: Act, subscription: Json) -> int:
    """23 hours from now; earlier when the trial or the period ends before."""
    ends = [item["current_period_end"] for item in subscription_items.of(subscription)]
    return min(act.now + LASTS, *ends)


def show(act: Act, subscription: Json, items: list[Json], anchor: int, metadata: Any) -> None:
    """It was not paid at once: from now on the subscription says what it waits for."""
    standing.change(
        act,
        subscription,
        pending_update={
            "billing_cycle_anchor": anchor if anchor != subscription["billing_cycle_anchor"] else None,
            "discount": None,
            "discounts": None,
            "expires_at": expires_at(act, subscription),
            "metadata": metadata,
            "subscription_items": items,
            "trial_end": None,
            "trial_from_plan": None,
        },
    )


def apply(act: Act, subscription: Json) -> None:
    """Its invoice was paid: the subscription is as it was to be."""
    pending = subscription["_pending"]
    before = copy.deepcopy(subscription)
    was_shown = subscription["pending_update"] is not None
    subscription |= {**_still(subscription, pending["new"]), "pending_update": None, "_pending": None}
    standing.changed(act, subscription, before)
    if was_shown:
        act.emit("customer.subscription.pending_update_applied", subscription)
    standing.noted(act, subscription)


def _still(subscription: Json, new: Json) -> Json:
    """The change as it is today: when a bank debit took so long that another period began, it is of that period."""
    start = new["items"]["data"][0]["current_period_start"]
    now = subscription_items.of(subscription)[0]
    if start >= now["current_period_start"]:
        return new
    period = {name: now[name] for name in ("current_period_start", "current_period_end")}
    items = [{**item, **period} for item in new["items"]["data"]]
    return {"items": subscription_items.listed(subscription["id"], items), "metadata": new["metadata"]}


def expire(act: Act, subscription: Json) -> None:
    """Nobody paid in time: nothing changes, and the invoice is void."""
    forget(act, subscription)
    act.emit("customer.subscription.pending_update_expired", subscription)


def forget(act: Act, subscription: Json) -> None:
    """Another change takes its place, or its time is over. Its invoice is void."""
    pending = subscription.get("_pending")
    if not pending:
        return
    invoice = act.fetch("invoices", pending["invoice"])
    if invoice["status"] == "open":
        invoicing.void(act, invoice)
    lines = [*pending["lines_before"], *subscription["_pending_lines"]]
    standing.change(act, subscription, pending_update=None, _pending=None, _pending_lines=lines)
