"""The end of a period: the next one is invoiced, or the subscription ends, pauses, or changes as its schedule says.

https://docs.stripe.com/billing/invoices/subscription. At Stripe the invoice stays a draft for about an hour; here it is
finalized and charged at once.
"""

import copy

from billing_portal.sandbox.stripe import (
    billing,
    changing,
    collecting,
    intervals,
    invoicing,
    scheduling,
    settling,
    standing,
    subscription_items,
    subscription_words,
)
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json

OUTCOMES = ("paid", "failed")


def end_period(act: Act, subscription: Json, forced: str | None = None) -> None:
    """Its period is over. `forced`: what the bank says (paid or failed), whatever the card."""
    end = subscription_words.period_end(subscription)
    before = copy.deepcopy(subscription)
    if subscription["cancel_at_period_end"] or (subscription["cancel_at"] and subscription["cancel_at"] <= end):
        standing.end(act, subscription, "cancellation_requested")
        return
    if subscription["status"] == "trialing":
        if not standing.method_of(act, subscription) and _without_method(act, subscription):
            return
        subscription["status"] = "active"
    if scheduling.enter_phase(act, subscription, end):
        return
    _renew(act, subscription, before, end, forced)


def resume(act: Act, subscription: Json) -> None:
    """A paused subscription begins anew now; it is active when its invoice is paid."""
    before = copy.deepcopy(subscription)
    subscription["billing_cycle_anchor"] = act.now
    _renew(act, subscription, before, act.now, None)


def _without_method(act: Act, subscription: Json) -> bool:
    """The trial ends and there is nothing to charge: end or pause, as it was set. False: go on all the same."""
    then = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if then == "cancel":
        standing.end(act, subscription, None)
    elif then == "pause":
        standing.change(act, subscription, "customer.subscription.paused", status="paused", _waits=False)
    return bool(then != "create_invoice")


def _renew(act: Act, subscription: Json, before: Json, start: int, forced: str | None) -> None:
    items = subscription_items.of(subscription)
    recurring = items[0]["price"]["recurring"]
    period = intervals.period_of(subscription["billing_cycle_anchor"], recurring, start)
    if period[0] != start:  # another interval, or a period that was cut short: the cycle is counted from here
        subscription["billing_cycle_anchor"] = start
        period = (start, intervals.boundary(start, recurring, 1))
    items = changing.placed(items, subscription["id"], *period)
    subscription["items"] = subscription_items.listed(subscription["id"], items)
    lines = changing.whole_period(act, subscription, items, *period)
    was = subscription_items.of(before)[0]
    invoice = billing.invoiced(
        act,
        subscription,
        lines,
        "subscription_cycle",
        period_start=was["current_period_start"],
        period_end=was["current_period_end"],
    )
    billing.debited(subscription, invoice)
    standing.changed(act, subscription, before)
    _collect(act, subscription, invoice, forced)


def _collect(act: Act, subscription: Json, invoice: Json, forced: str | None) -> None:
    if subscription["status"] == "unpaid":
        # Stripe goes on to make drafts, and leaves them alone.
        invoice["auto_advance"] = False
        act.save("invoices", invoice)
        return
    if subscription["pause_collection"]:
        subscription["_debits"] = {}
        act.save("subscriptions", subscription)
        invoicing.void(act, invoice)
        return
    invoice = billing.issue(act, subscription, invoice)
    if intent := invoicing.intent_of(act, invoice):
        if forced:
            act.save("payment_intents", {**intent, "_forced": forced})
        collecting.collect(act, invoice, standing.method_of(act, subscription), off_session=True)
        if forced:
            _be_done(act, intent["id"], forced)


def _be_done(act: Act, intent_id: str, forced: str) -> None:
    """A bank debit ends at once too, and the next attempt is the card's own."""
    intent = act.fetch("payment_intents", intent_id)
    del intent["_forced"]
    act.save("payment_intents", intent)
    if intent["status"] == "processing":
        settling.settle(act, intent_id, "succeeded" if forced == "paid" else "failed")
