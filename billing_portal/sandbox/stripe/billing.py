"""Invoice a subscription: what a change, its start or a new period comes to, asked of the customer.

https://docs.stripe.com/billing/invoices/subscription
"""

from typing import Any

from billing_portal.sandbox.stripe import changing, collecting, invoicing, standing, subscription_items
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.problems import Declined, Problem

PAYMENT_BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
NEEDS_ACTION = (
    "Payment for this subscription requires additional user action before it can be completed successfully. Payment "
    "can be completed using the PaymentIntent associated with `subscription.latest_invoice`."
)


def invoiced(act: Act, subscription: Json, lines: list[Json], reason: str, **own: Any) -> Json:
    """A draft with these lines and those that waited for the next invoice. The subscription is changed, not saved."""
    waiting = subscription["_pending_lines"]
    subscription["_pending_lines"] = []
    return invoicing.make(act, subscription, [*waiting, *lines], reason, **own)


def debited(subscription: Json, invoice: Json) -> None:
    """Remember what the invoice debits for whole periods, so that it can be credited when it is not used."""
    lines = [
        line
        for line in invoice["lines"]["data"]
        if not line["parent"]["subscription_item_details"]["proration"] and line["amount"] > 0
    ]
    subscription["_debits"] = changing.debits_of(subscription_items.of(subscription), lines)


def issue(act: Act, subscription: Json, invoice: Json, *, method: str | None = None) -> Json:
    """Finalize it. With a `method` its intent waits for the customer's confirmation of that. Returns it as it is
    then: paid at once when nothing is due."""
    saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    future = saves or invoice["billing_reason"] == "subscription_create"
    of_intent: Json = {"setup_future_usage": "off_session"} if future else {}
    if method:
        of_intent |= {"payment_method": method, "status": "requires_confirmation"}
    invoicing.finalize(act, invoice, **of_intent)
    if invoice["status"] == "paid":
        collecting.paid(act, invoice)
    return act.fetch("invoices", invoice["id"])


def ask(act: Act, subscription: Json, invoice: Json, behavior: str, *, off_session: bool) -> None:
    """Finalize and collect it as `payment_behavior` says. Raises Problem when that is error_if_incomplete and it was
    not paid: then nothing of the request remains."""
    method = standing.method_of(act, subscription)
    if behavior == "default_incomplete":
        issue(act, subscription, invoice, method=method)
        return
    invoice = issue(act, subscription, invoice)
    if invoice["status"] != "open":
        return
    problem = collecting.collect(act, invoice, method, off_session=off_session)
    if behavior != "error_if_incomplete":
        return
    if problem:
        raise undone(problem)
    intent = invoicing.intent_of(act, invoice)
    if intent and intent["status"] == "requires_action":
        raise Declined(NEEDS_ACTION, code="subscription_payment_intent_requires_action")


def undone(problem: Problem) -> Problem:
    """The same error, after which nothing is kept: its intent is gone with the rest."""
    error = {key: value for key, value in problem.error.items() if key not in ("payment_intent", "charge", "doc_url")}
    message, kind = error.pop("message"), error.pop("type")
    return Problem(message, status=problem.status, kind=kind, **error)
