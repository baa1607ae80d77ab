"""Previews: the invoice that a change, a start or the next period would make. Nothing of it is kept.

https://docs.stripe.com/api/invoices/create_preview
"""

import copy
from dataclasses import replace

from billing_portal.sandbox.stripe import (
    changing,
    customers,
    intervals,
    invoice_lines,
    invoice_shapes,
    subscribing,
    subscription_items,
    subscription_words,
    updating,
)
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import Invalid, Problem, missing
from billing_portal.sandbox.stripe.standing import ENDED

_DETAILS = (
    "billing_cycle_anchor",
    "cancel_at_period_end",
    "items",
    "proration_behavior",
    "proration_date",
    "trial_end",
)


def create(act: Act) -> Json:
    """Of a subscription there is, or of one to be made from `subscription_details[items]`."""
    details = given.group(act.params, "subscription_details", _DETAILS)
    if identifier := given.text(act.params, "subscription"):
        subscription = act.fetch("subscriptions", identifier, param="subscription")
        if subscription["customer"] != (given.text(act.params, "customer") or subscription["customer"]):
            raise missing("subscription", identifier, param="subscription", status=400)
        return _of_change(act, subscription, details)
    if not given.text(act.params, "customer") or "items" not in details:
        raise Invalid("Missing required param: customer and subscription_details[items], or subscription.")
    return _of_start(act, details)


def _of_change(act: Act, subscription: Json, details: Params) -> Json:
    if subscription["status"] in ENDED:
        raise _none(subscription)
    subscription = copy.deepcopy(subscription)
    wish = updating.wished(act, subscription, details)
    lines = subscription["_pending_lines"]
    at = None
    if wish:
        change = changing.draw_up(act, subscription, wish)
        prorated = any(line["parent"]["subscription_item_details"]["proration"] for line in change.lines)
        at = wish.at if prorated else None
        lines = [*lines, *change.lines]
        if updating.is_invoiced(subscription, wish, change):
            return _preview(act, subscription, lines, "subscription_update", at)
        subscription |= change.new
    ends = given.flag(details, "cancel_at_period_end", default=subscription["cancel_at_period_end"])
    end = subscription_words.period_end(subscription)
    if (ends or (subscription["cancel_at"] or end + 1) <= end) and not lines:
        raise _none(subscription)
    whole = [] if ends else _next_period(act, subscription, end)
    return _preview(replace(act, now=end), subscription, [*lines, *whole], "upcoming", at)


def _next_period(act: Act, subscription: Json, start: int) -> list[Json]:
    items = subscription_items.of(subscription)
    recurring = items[0]["price"]["recurring"]
    period = intervals.period_of(subscription["billing_cycle_anchor"], recurring, start)
    if period[0] != start:
        period = (start, intervals.boundary(start, recurring, 1))
    return changing.whole_period(act, subscription, items, *period)


def _of_start(act: Act, details: Params) -> Json:
    customer = customers.living(act, act.params["customer"], param="customer")
    alone = replace(act, params=details)
    items = subscription_items.chosen(alone, details["items"], [], param="subscription_details[items]")
    subscription = subscribing.drawn_up(alone, customer, items)
    preview = _preview(act, subscription, subscribing.first_lines(alone, subscription), "upcoming", None)
    preview["parent"]["subscription_details"]["subscription"] = None
    return preview


def _preview(act: Act, subscription: Json, lines: list[Json], reason: str, proration_date: int | None) -> Json:
    customer = act.fetch("customers", subscription["customer"])
    identifier = random_id("upcoming_in")
    numbered = [invoice_lines.numbered(line, identifier) for line in lines]
    preview = invoice_shapes.draft(act, subscription, customer, numbered, reason, identifier)
    items = subscription_items.of(subscription)
    preview |= {"period_start": items[0]["current_period_start"], "period_end": act.now}
    if proration_date:
        preview["parent"]["subscription_details"]["subscription_proration_date"] = proration_date
    return shown(preview)


def _none(subscription: Json) -> Problem:
    return Problem(
        f"No upcoming invoices for customer: '{subscription['customer']}'", status=404, code="invoice_upcoming_none"
    )
