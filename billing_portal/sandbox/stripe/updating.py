"""Change a subscription: its prices, seats and cycle now or when paid, and everything that costs nothing.

https://docs.stripe.com/api/subscriptions/update, https://docs.stripe.com/billing/subscriptions/pending-updates-reference
"""

import copy
from collections.abc import Collection
from dataclasses import dataclass

from billing_portal.sandbox.stripe import (
    billing,
    changing,
    discounts,
    pending_updates,
    standing,
    subscription_items,
    subscription_words,
)
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import Invalid, Problem

_CHANGES = "billing_cycle_anchor items proration_behavior proration_date trial_end"
_HOW = "off_session payment_behavior"
KNOWN = (
    f"{_CHANGES} {_HOW} discounts pause_collection cancel_at cancel_at_period_end cancellation_details "
    f"{subscription_words.WORDS}"
)
_WHEN_PENDING = frozenset(f"{_CHANGES} {_HOW} metadata expand".split())
_WHEN_ENDED = frozenset(("cancellation_details", "metadata", "expand"))


@dataclass(frozen=True)
class _How:
    behavior: str
    off_session: bool


def update(act: Act, subscription: Json) -> Json:
    """Do what the parameters say. Returns the subscription as it is then."""
    _refuse(act, subscription)
    how = _How(
        given.choice(act.params, "payment_behavior", billing.PAYMENT_BEHAVIORS, "allow_incomplete") or "",
        given.flag(act.params, "off_session"),
    )
    wish = wished(act, subscription, act.params)
    if wish and subscription.get("_pending"):
        pending_updates.forget(act, subscription)
        subscription = act.fetch("subscriptions", subscription["id"])
    before = copy.deepcopy(subscription)
    if how.behavior == "pending_if_incomplete" and wish:
        change = changing.draw_up(act, subscription, wish)
        if is_invoiced(subscription, wish, change):
            _when_paid(act, subscription, change, how)
            return act.fetch("subscriptions", subscription["id"])
        wish_change: changing.Change | None = change
    else:
        wish_change = changing.draw_up(act, subscription, wish) if wish else None
    _change_all_else(act, subscription)
    if wish and wish_change:
        _change_now(act, subscription, before, wish, wish_change, how)
    else:
        standing.changed(act, subscription, before)
    return act.fetch("subscriptions", subscription["id"])


def wished(act: Act, subscription: Json, params: Params) -> changing.Wish | None:
    """The change of prices, seats or cycle that these parameters ask for, or None. Previews ask the same way."""
    now = subscription_items.of(subscription)
    anchor = given.choice(params, "billing_cycle_anchor", ("now", "unchanged"), "unchanged")
    trial_end = _trial_end(act, subscription, params)
    behavior = given.choice(params, "proration_behavior", changing.BEHAVIORS, "create_prorations") or ""
    at = _instant(act, now[0], params)
    items = subscription_items.chosen(act, params["items"], now) if "items" in params else now
    if items[0]["price"]["currency"] != subscription["currency"]:
        raise Problem(f"The prices of this subscription are in {subscription['currency']}.", param="items")
    if items == now and anchor == "unchanged" and trial_end is None:
        return None
    return changing.Wish(items, at, behavior, begins_anew=anchor == "now", trial_end=trial_end)


def _instant(act: Act, item: Json, params: Params) -> int:
    """From when on it counts: `proration_date`, else now. A period that the panel began before its time is not begun
    yet: then it counts from its start."""
    start, end = item["current_period_start"], item["current_period_end"]
    asked = given.integer(params, "proration_date")
    if asked is not None and not min(start, act.now) <= asked <= end:
        raise Problem(
            "Invalid proration_date: it must be within the current billing period of the subscription.",
            param="proration_date",
        )
    return max(start, asked or act.now)


def is_invoiced(subscription: Json, wish: changing.Wish, change: changing.Change) -> bool:
    """Whether it is invoiced now, and not with the next period."""
    lines = change.lines or subscription["_pending_lines"]
    return change.at_once or bool(wish.behavior == "always_invoice" and lines)


def apply(act: Act, subscription: Json, before: Json, wish: changing.Wish, change: changing.Change) -> Json | None:
    """Make it so, and draw up its invoice when there is one, which is returned. Saved and told."""
    invoice = None
    if is_invoiced(subscription, wish, change):
        invoice = billing.invoiced(act, subscription, change.lines, "subscription_update")
    else:
        subscription["_pending_lines"] = [*subscription["_pending_lines"], *change.lines]
    subscription |= _with_debits(change, invoice)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = subscription_words.period_end(subscription)
    standing.changed(act, subscription, before)
    if subscription["status"] == before["status"]:
        standing.noted(act, subscription)
    return invoice


def apply_collected(act: Act, subscription: Json, before: Json, wish: changing.Wish) -> None:
    """A change that a schedule makes: in force at once, and its invoice is collected without its person."""
    change = changing.draw_up(act, subscription, wish)
    if invoice := apply(act, subscription, before, wish, change):
        billing.ask(act, subscription, invoice, "allow_incomplete", off_session=True)


def _change_now(
    act: Act, subscription: Json, before: Json, wish: changing.Wish, change: changing.Change, how: _How
) -> None:
    if invoice := apply(act, subscription, before, wish, change):
        billing.ask(act, subscription, invoice, how.behavior, off_session=how.off_session)
        if how.behavior == "default_incomplete":
            _owes(act, subscription["id"], invoice["id"])


def _owes(act: Act, subscription_id: str, invoice_id: str) -> None:
    """Nobody tried to charge it: past due until its person confirms."""
    subscription = act.fetch("subscriptions", subscription_id)
    if act.fetch("invoices", invoice_id)["status"] == "open" and subscription["status"] == "active":
        standing.change(act, subscription, status="past_due")


def _when_paid(act: Act, subscription: Json, change: changing.Change, how: _How) -> None:
    lines_before = subscription["_pending_lines"]
    invoice = billing.invoiced(act, subscription, change.lines, "subscription_update")
    merged = given.metadata(act.params, subscription["metadata"])
    new = _with_debits(change, invoice) | {"metadata": merged}
    subscription["_pending"] = {"invoice": invoice["id"], "new": new, "lines_before": lines_before}
    act.save("subscriptions", subscription)
    billing.ask(act, subscription, invoice, "allow_incomplete", off_session=how.off_session)
    subscription = act.fetch("subscriptions", subscription["id"])
    if subscription["_pending"]:
        items = new["items"]["data"]
        anchor: int = new.get("billing_cycle_anchor") or subscription["billing_cycle_anchor"]
        pending_updates.show(act, subscription, items, anchor, act.params.get("metadata") or None)


def _with_debits(change: changing.Change, invoice: Json | None) -> Json:
    """The new fields; a new period's debits are known from its invoice."""
    if change.new.get("_debits", {}) is not None or invoice is None:
        return change.new
    whole = [line for line in invoice["lines"]["data"] if not line["parent"]["subscription_item_details"]["proration"]]
    return change.new | {"_debits": changing.debits_of(change.new["items"]["data"], whole)}


def _change_all_else(act: Act, subscription: Json) -> None:
    subscription_words.change_words(act, subscription)
    subscription_words.change_end(act, subscription)
    subscription_words.change_collection(act, subscription)
    if "discounts" in act.params:
        subscription["discounts"] = discounts.chosen(act, subscription)


def _trial_end(act: Act, subscription: Json, params: Params) -> int | None:
    if "trial_end" not in params:
        return None
    if params["trial_end"] == "now":
        return act.now if subscription["status"] == "trialing" else None
    end = given.integer(params, "trial_end")
    if end is None or end <= act.now:
        raise Problem("Invalid timestamp: must be an integer Unix timestamp in the future", param="trial_end")
    if subscription["status"] != "trialing":
        raise Invalid("This stand-in gives no trial to a subscription under way.", param="trial_end")
    return end


def _refuse(act: Act, subscription: Json) -> None:
    """Raise Problem for what may not be changed in this state, or not in this way."""
    status = subscription["status"]
    _only(
        act,
        _WHEN_ENDED if status in standing.ENDED else None,
        "A canceled subscription can only update its cancellation_details and metadata.",
    )
    if status == "incomplete" and set(act.params) & set(_CHANGES.split()):
        raise Problem("This subscription is incomplete: it cannot be changed before its first invoice is paid.")
    pending = act.params.get("payment_behavior") == "pending_if_incomplete"
    _only(
        act,
        _WHEN_PENDING if pending else None,
        "When payment_behavior is set to `pending_if_incomplete`, you can only pass supported params. See "
        "https://stripe.com/docs/billing/subscriptions/pending-updates-reference#supported-attributes.",
    )


def _only(act: Act, allowed: Collection[str] | None, message: str) -> None:
    if allowed is not None and (other := sorted(set(act.params) - set(allowed))):
        raise Problem(message, param=other[0])
