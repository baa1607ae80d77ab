"""Collect an open invoice: charge its intent, and what follows for the subscription when that succeeds or fails.

https://docs.stripe.com/billing/subscriptions/overview#payment-status, retries as an account may set them:
https://docs.stripe.com/invoicing/automatic-collection
"""

import copy

from billing_portal.sandbox.stripe import invoicing, pending_updates, standing, watching
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.confirming import confirm
from billing_portal.sandbox.stripe.intervals import DAY
from billing_portal.sandbox.stripe.problems import Problem

# Days from each failed attempt to the next; after the last the subscription ends, or stays unpaid.
RETRY_AFTER_DAYS = (3, 5, 7)
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment "
    "method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)


def collect(
    act: Act, invoice: Json, method: str | None, *, off_session: bool, automatic: bool = True
) -> Problem | None:
    """Try to take the money with `method`. Returns why it failed, or None: paid, under way, or waiting for its person.

    `automatic`: by Stripe's own schedule, which no other attempt than the first one changes. The invoice in the books
    is newer than the one given afterwards.
    """
    intent = invoicing.intent_of(act, invoice)
    if intent is None or invoice["status"] != "open" or intent["status"] == "processing":
        return None
    act.save("invoices", {**invoice, "_automatic": automatic})
    if method is None:
        failed(act, act.fetch("invoices", invoice["id"]), None)
        return Problem(NO_METHOD, code="resource_missing")
    try:
        confirm(act, intent, {"payment_method": method, "off_session": "true" if off_session else "false"})
    except Problem as problem:
        if not problem.kept:  # the method is gone, or was never fit: no attempt was made
            failed(act, act.fetch("invoices", invoice["id"]), None)
        return problem
    return None


def failed(act: Act, invoice: Json, code: str | None) -> None:
    """An attempt failed: the subscription is past due, and the invoice is tried again some days later, or never."""
    subscription = act.fetch("subscriptions", invoice["_subscription"])
    waiting = standing.is_pending_update(subscription, invoice)
    first = subscription["status"] == "incomplete"
    # https://docs.stripe.com/api/invoices/object#invoice_object-attempt_count: any attempt counts as the first, and
    # after it only those that Stripe makes by itself.
    counts = invoice.pop("_automatic", False) or not invoice["attempt_count"]
    invoice |= {"attempt_count": invoice["attempt_count"] + counts, "attempted": True}
    again = None
    if invoice["auto_advance"] and not (first or waiting) and subscription["status"] not in standing.ENDED:
        again = invoice["next_payment_attempt"] if not counts else None
        again = again or _next_attempt(act, invoice)
    invoice |= {"next_payment_attempt": again, "_waits": again is not None, "_due": again}
    act.save("invoices", invoice)
    act.emit("invoice.payment_failed", invoice)
    if code == "authentication_required":
        act.emit("invoice.payment_action_required", invoice)
    if first or waiting or subscription["status"] in (*standing.ENDED, "paused"):
        return
    if again is None and invoice["auto_advance"]:
        _give_up(act, subscription, invoice)
    elif subscription["status"] in ("active", "trialing"):
        standing.change(act, subscription, status="past_due")


def take_up_again(act: Act, invoice: Json) -> None:
    """Automatic collection is on again: the next attempt is as long after now as it would be after the last one."""
    again = _next_attempt(act, invoice)
    invoice |= {"next_payment_attempt": again, "_waits": again is not None, "_due": again}


def _next_attempt(act: Act, invoice: Json) -> int | None:
    done = invoice["attempt_count"]
    return act.now + RETRY_AFTER_DAYS[done - 1] * DAY if done <= len(RETRY_AFTER_DAYS) else None


def _give_up(act: Act, subscription: Json, invoice: Json) -> None:
    if act.books.noted("after_retries", "cancel") == "cancel":
        standing.end(act, subscription, "payment_failed")
        return
    invoice["auto_advance"] = False
    act.save("invoices", invoice)
    standing.change(act, subscription, status="unpaid")


def retry(act: Act, invoice: Json) -> None:
    """The next attempt is due."""
    subscription = act.fetch("subscriptions", invoice["_subscription"])
    invoice |= {"next_payment_attempt": None, "_waits": False}
    act.save("invoices", invoice)
    collect(act, invoice, standing.method_of(act, subscription), off_session=True)


def paid(act: Act, invoice: Json, method: str | None = None) -> None:
    """What an invoice that was paid does to its subscription: alive, up to date, changed as it was to be."""
    subscription = act.fetch("subscriptions", invoice["_subscription"])
    if standing.is_pending_update(subscription, invoice):
        pending_updates.apply(act, subscription)
    before = copy.deepcopy(subscription)
    status = subscription["status"]
    event = "customer.subscription.updated"
    if status == "incomplete" or (status in ("past_due", "unpaid") and _is_newest(act, subscription, invoice)):
        subscription["status"] = "active"
    elif status == "paused" and subscription["latest_invoice"] == invoice["id"]:
        subscription |= {"status": "active", "_waits": True}
        event = "customer.subscription.resumed"
    if method and subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        subscription["default_payment_method"] = method
    standing.changed(act, subscription, before, event)


def not_owed(act: Act, invoice: Json) -> None:
    """An open invoice was voided: who owes nothing else is up to date; without its first a subscription is over.

    https://docs.stripe.com/invoicing/integration/workflow-transitions#voided
    """
    subscription = act.fetch("subscriptions", invoice["_subscription"])
    if standing.is_pending_update(subscription, invoice):
        pending_updates.forget(act, subscription)
    elif subscription["status"] == "incomplete":
        standing.end(act, subscription, None, "incomplete_expired")
    elif subscription["status"] in ("past_due", "unpaid"):
        open_ones = act.books.find("invoices", _subscription=subscription["id"], status="open")
        if not open_ones:
            standing.change(act, subscription, status="active")


def _is_newest(act: Act, subscription: Json, invoice: Json) -> bool:
    """The last invoice decides; one for a change that waits, or was given up, does not count."""
    counting = [
        each["id"]
        for each in act.books.find("invoices", _subscription=subscription["id"])
        if each["status"] in ("open", "paid") and not standing.is_pending_update(subscription, each)
    ]
    return counting[-1] == invoice["id"]


@watching.watches("payment_intent")
def _moved(act: Act, intent: Json) -> None:
    """The intent of an invoice came to another state, by whomever."""
    if not intent.get("_invoice"):
        return
    invoice = act.fetch("invoices", intent["_invoice"])
    if invoice["status"] != "open":
        return
    if intent["status"] == "succeeded":
        invoicing.settle(act, invoice)
        paid(act, invoice, intent["payment_method"])
    elif intent["status"] == "requires_payment_method":
        failed(act, invoice, (intent["last_payment_error"] or {}).get("code"))
    elif intent["status"] == "requires_action":
        _asked(act, invoice)
    else:
        invoice |= {"attempted": True, "next_payment_attempt": None, "_waits": False}
        act.save("invoices", invoice)


def _asked(act: Act, invoice: Json) -> None:
    """Its person has to come: a subscription that lives is past due meanwhile, unless it only waits to be changed."""
    invoice["attempted"] = True
    act.save("invoices", invoice)
    act.emit("invoice.payment_action_required", invoice)
    subscription = act.fetch("subscriptions", invoice["_subscription"])
    if subscription["status"] == "active" and not standing.is_pending_update(subscription, invoice):
        standing.change(act, subscription, status="past_due")
