"""A subscription's standing: how it is saved and told of, whose card it uses, how it ends.

https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
"""

import copy
from typing import Any

from billing_portal.sandbox.stripe import invoicing, subscription_items, watching
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.intervals import DAY

TRIAL_TOLD_BEFORE = 3 * DAY
ENDED = ("canceled", "incomplete_expired")


def changed(act: Act, subscription: Json, before: Json, event: str = "customer.subscription.updated") -> None:
    """Save it, and tell what changed since `before` (a copy); a new status is noted in the log."""
    act.save("subscriptions", subscription)
    previous = {
        key: value for key, value in shown(before).items() if key in subscription and subscription[key] != value
    }
    if previous or event != "customer.subscription.updated":
        act.emit(event, subscription, previous)
    if subscription["status"] != before["status"]:
        noted(act, subscription)


def noted(act: Act, subscription: Json) -> None:
    """Its state, for the log: `amount` is what a period costs. Not before it is made."""
    if subscription.get("_made"):
        amount = subscription_items.each_period(subscription)
        act.effect("subscription", {**subscription, "amount": amount}, subscription["status"])


def change(act: Act, subscription: Json, event: str = "customer.subscription.updated", **new: Any) -> None:
    """Set these fields, save and tell."""
    before = copy.deepcopy(subscription)
    subscription |= new
    changed(act, subscription, before, event)


def method_of(act: Act, subscription: Json) -> str | None:
    """The method that is charged: its own, else the customer's default."""
    own = subscription["default_payment_method"]
    customer = act.fetch("customers", subscription["customer"])
    return own or customer["invoice_settings"]["default_payment_method"]


def end(act: Act, subscription: Json, reason: str | None, status: str = "canceled") -> None:
    """It is over. Open invoices stay owed, but nobody collects them any more.

    https://docs.stripe.com/billing/subscriptions/cancel
    """
    for invoice in act.books.find("invoices", _subscription=subscription["id"], status="open"):
        if is_pending_update(subscription, invoice) or status == "incomplete_expired":
            invoicing.void(act, invoice)
        else:
            invoice |= {"auto_advance": False, "next_payment_attempt": None, "_waits": False}
            act.save("invoices", invoice)
    if schedule := subscription["schedule"]:
        kept = act.fetch("subscription_schedules", schedule)
        kept |= {"status": "canceled", "canceled_at": act.now, "current_phase": None}
        act.save("subscription_schedules", kept)
        act.emit("subscription_schedule.canceled", kept)
    before = copy.deepcopy(subscription)
    subscription |= {
        "status": status,
        "ended_at": act.now,
        "canceled_at": subscription["canceled_at"] or act.now,
        "pending_update": None,
        "_pending": None,
        "_pending_lines": [],
        "_waits": False,
    }
    subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": reason}
    # One that never began is only updated: there was nothing to delete.
    changed(act, subscription, before, "customer.subscription." + ("deleted" if status == "canceled" else "updated"))


def trial_told_at(subscription: Json) -> int:
    """When it is told that the trial ends: three days before, or at once when it is shorter."""
    return max(int(subscription["trial_end"]) - TRIAL_TOLD_BEFORE, int(subscription["created"]))


def tell_trial_end(act: Act, subscription: Json) -> None:
    """The trial ends soon."""
    subscription["_told"] = True
    act.save("subscriptions", subscription)
    act.emit("customer.subscription.trial_will_end", subscription)


def is_pending_update(subscription: Json, invoice: Json) -> bool:
    """Whether the invoice is for a change that waits to be paid."""
    pending = subscription.get("_pending")
    return bool(pending and pending["invoice"] == invoice["id"])


@watching.watches("payment_method.detached")
def _without(act: Act, method: Json) -> None:
    for subscription in act.books.find("subscriptions", default_payment_method=method["id"]):
        change(act, subscription, default_payment_method=None)


@watching.watches("customer.deleted")
def _nobodys(act: Act, customer: Json) -> None:
    for subscription in act.books.find("subscriptions", customer=customer["id"]):
        if subscription["status"] not in ENDED:
            end(act, subscription, "cancellation_requested")


@watching.watches("setup_intent")
def _set_up(act: Act, intent: Json) -> None:
    """The card of a trial may be charged later: it is the subscription's from now on."""
    for subscription in act.books.find("subscriptions", pending_setup_intent=intent["id"]):
        change(act, subscription, pending_setup_intent=None, default_payment_method=intent["payment_method"])
