"""Start a subscription: its first period, its first invoice, its trial.

https://docs.stripe.com/api/subscriptions/create, https://docs.stripe.com/billing/subscriptions/trials/free-trials
"""

from billing_portal.sandbox.stripe import (
    billing,
    changing,
    collecting,
    customers,
    discounts,
    holding,
    intent_shapes,
    intervals,
    invoice_lines,
    setup_intents,
    standing,
    subscription_items,
    subscription_shapes,
    subscription_words,
)
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.problems import Invalid, Problem

KNOWN = (
    "billing_cycle_anchor collection_method currency customer discounts items off_session payment_behavior "
    f"proration_behavior trial_end trial_period_days {subscription_words.ENDS} {subscription_words.WORDS}"
)
LONGEST_TRIAL_DAYS = 730


def start(act: Act) -> Json:
    """Make one, with its first invoice; raises Problem when it must be paid at once and is not."""
    given.required(act.params, "customer")
    customer = customers.living(act, act.params["customer"], param="customer")
    items = subscription_items.chosen(act, given.required(act.params, "items"), [])
    given.choice(act.params, "collection_method", ("charge_automatically",))
    given.choice(act.params, "currency", (items[0]["price"]["currency"],))
    behavior = given.choice(act.params, "payment_behavior", billing.PAYMENT_BEHAVIORS[:3], "allow_incomplete") or ""
    subscription = drawn_up(act, customer, items)
    subscription_words.change_words(act, subscription)
    subscription_words.change_end(act, subscription)
    subscription["discounts"] = discounts.chosen(act, subscription)
    _one_currency(act, customer, subscription)
    invoice = billing.invoiced(act, subscription, first_lines(act, subscription), "subscription_create")
    billing.debited(subscription, invoice)
    if invoice["amount_due"] and behavior != "default_incomplete" and not standing.method_of(act, subscription):
        raise Problem(collecting.NO_METHOD, code="resource_missing")
    if not invoice["amount_due"]:
        subscription["status"] = "trialing" if subscription["trial_end"] else "active"
    act.save("subscriptions", subscription)
    act.emit("customer.subscription.created", subscription)
    billing.ask(act, subscription, invoice, behavior, off_session=given.flag(act.params, "off_session"))
    subscription = act.fetch("subscriptions", subscription["id"])
    if subscription["trial_end"]:
        _prepare_for_later(act, subscription, behavior)
        if standing.trial_told_at(subscription) <= act.now:
            standing.tell_trial_end(act, subscription)
    subscription["_made"] = True
    act.save("subscriptions", subscription)
    standing.noted(act, subscription)
    return subscription


def drawn_up(act: Act, customer: Json, items: list[Json]) -> Json:
    """The subscription with its first period; nothing is saved."""
    recurring = items[0]["price"]["recurring"]
    trial_end = _trial_end(act)
    if trial_end and "billing_cycle_anchor" in act.params:
        raise Invalid("This stand-in has no anchor beside a trial: the cycle begins when that ends.")
    anchor = trial_end or _anchor(act, recurring) or act.now
    end = anchor if anchor > act.now else intervals.boundary(anchor, recurring, 1)
    subscription = subscription_shapes.subscription(
        act,
        customer=customer["id"],
        currency=items[0]["price"]["currency"],
        billing_cycle_anchor=anchor,
        trial_start=act.now if trial_end else None,
        trial_end=trial_end,
    )
    placed = changing.placed(items, subscription["id"], act.now, end)
    return subscription | {"items": subscription_items.listed(subscription["id"], placed)}


def first_lines(act: Act, subscription: Json) -> list[Json]:
    """What the first period costs: nothing in a trial, its part when it is cut short by the anchor."""
    items = subscription_items.of(subscription)
    start, end = items[0]["current_period_start"], items[0]["current_period_end"]
    if subscription["trial_end"]:
        return [invoice_lines.free(act, subscription, item, start, end) for item in items]
    cycle = intervals.period_of(subscription["billing_cycle_anchor"], items[0]["price"]["recurring"], start)
    if cycle == (start, end):
        return changing.whole_period(act, subscription, items, start, end)
    if given.choice(act.params, "proration_behavior", changing.BEHAVIORS, "create_prorations") == "none":
        return [invoice_lines.free(act, subscription, item, start, end) for item in items]
    rest = changing.rest_of_period(act, subscription, items, start, cycle)
    return [invoice_lines.remaining(act, subscription, item, amount, start, end) for item, amount in rest]


def _trial_end(act: Act) -> int | None:
    days = given.integer(act.params, "trial_period_days")
    if act.params.get("trial_end") == "now" or (days == 0 and "trial_end" not in act.params):
        return None
    end = given.integer(act.params, "trial_end")
    if end is not None and days is not None:
        raise Invalid("You may only specify one of these parameters: trial_end, trial_period_days.", param="trial_end")
    end = end or (act.now + days * intervals.DAY if days else None)
    if end is not None and not act.now < end <= act.now + LONGEST_TRIAL_DAYS * intervals.DAY:
        raise Problem("Invalid timestamp: must be an integer Unix timestamp in the future", param="trial_end")
    return end


def _anchor(act: Act, recurring: Json) -> int | None:
    anchor = given.integer(act.params, "billing_cycle_anchor")
    if anchor is not None and not act.now <= anchor <= intervals.boundary(act.now, recurring, 1):
        raise Problem(
            "billing_cycle_anchor cannot be in the past, or later than next natural billing date.",
            param="billing_cycle_anchor",
        )
    return anchor


def _one_currency(act: Act, customer: Json, subscription: Json) -> None:
    """A customer is billed in one currency while a subscription is alive or a balance is left."""
    alive = any(
        each["currency"] != subscription["currency"]
        for each in act.books.find("subscriptions", customer=customer["id"])
        if each["status"] not in standing.ENDED
    )
    if alive or (customer["balance"] and customer["currency"] not in (None, subscription["currency"])):
        raise Problem(
            "You cannot combine currencies on a single customer. This customer has an active subscription, "
            f"subscription schedule, discount, quote, or invoice item with currency {customer['currency']}",
        )
    if customer["currency"] != subscription["currency"]:
        customer["currency"] = subscription["currency"]
        act.save("customers", customer)


def _prepare_for_later(act: Act, subscription: Json, behavior: str) -> None:
    """Without a card that works off-session the trial has a setup intent: the person adds one, or proves it is theirs.

    https://docs.stripe.com/billing/subscriptions/trials/free-trials (`pending_setup_intent`)
    """
    method_id = standing.method_of(act, subscription)
    method = act.fetch("payment_methods", method_id) if method_id else None
    if method and (method["type"] != "card" or not _asks_later(method)):
        return
    types = ["card", "us_bank_account"] if subscription["currency"] == "usd" else ["card"]
    intent = intent_shapes.setup_intent(
        act,
        customer=subscription["customer"],
        payment_method=method_id,
        payment_method_types=types,
        status="requires_confirmation" if method_id else "requires_payment_method",
    )
    act.save("setup_intents", intent)
    act.emit("setup_intent.created", intent)
    subscription["pending_setup_intent"] = intent["id"]
    if method and behavior != "default_incomplete":
        setup_intents.confirm(act, intent, {})


def _asks_later(method: Json) -> bool:
    card = holding.behaviour(method)
    return card.asks == "always" or (card.asks == "unless_set_up" and not method.get("_set_up"))
