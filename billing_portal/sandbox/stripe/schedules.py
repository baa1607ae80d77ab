"""Subscription schedules: a subscription's prices by phases, such as a downgrade when the period ends.

https://docs.stripe.com/api/subscription_schedules. They begin from a subscription there is (`from_subscription`).
"""

import copy

from billing_portal.sandbox.stripe import (
    canceling,
    changing,
    intervals,
    listing,
    schedule_shapes,
    scheduling,
    standing,
    subscription_items,
    subscription_words,
)
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import Invalid, Problem
from billing_portal.sandbox.stripe.routing import route

_KIND = "subscription_schedules"
_URL = "/v1/subscription_schedules"
_PHASE = ("duration", "end_date", "items", "metadata", "proration_behavior", "start_date")
_MOST_PHASES = 10


@route("POST", _URL, "from_subscription metadata")
def create(act: Act) -> Json:
    """From a subscription: its one phase is the period under way."""
    identifier = given.required(act.params, "from_subscription")
    subscription = act.fetch("subscriptions", identifier, param="from_subscription")
    if subscription["schedule"]:
        raise Problem(
            f"You cannot migrate a subscription that is already attached to a schedule: {subscription['schedule']}.",
            param="from_subscription",
        )
    if subscription["status"] in (*standing.ENDED, "incomplete"):
        raise Problem(
            f"You cannot migrate a subscription that is {subscription['status']} to a schedule.",
            param="from_subscription",
        )
    items = subscription_items.of(subscription)
    period = (items[0]["current_period_start"], items[0]["current_period_end"])
    wanted = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in items]
    first = schedule_shapes.phase(subscription, wanted, period, "create_prorations", {})
    schedule = schedule_shapes.schedule(act, subscription, first, given.metadata(act.params))
    act.save(_KIND, schedule)
    act.emit("subscription_schedule.created", schedule)
    standing.change(act, subscription, schedule=schedule["id"])
    return shown(schedule)


@route("GET", _URL, f"customer {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first."""
    return listing.listed(act, _KIND, _URL, ("customer",))


@route("GET", _URL + "/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(act.fetch(_KIND, identifier))


@route("POST", _URL + "/{id}", "default_settings end_behavior metadata phases")
def update(act: Act, identifier: str) -> Json:
    """New phases: the one under way must be among them, and begin as it began."""
    schedule, subscription = _active(act, identifier, "update")
    before = copy.deepcopy(schedule)
    schedule["end_behavior"] = given.choice(act.params, "end_behavior", ("cancel", "release"), schedule["end_behavior"])
    schedule["metadata"] = given.metadata(act.params, schedule["metadata"])
    settings = given.group(act.params, "default_settings", ("default_payment_method",))
    if method := given.text(settings, "default_payment_method"):
        own = subscription_words.own_method(act, subscription, method)
        schedule["default_settings"] = {**schedule["default_settings"], "default_payment_method": own}
    if "phases" in act.params:
        _plan(act, schedule, subscription)
    act.save(_KIND, schedule)
    act.emit_changes("subscription_schedule.updated", schedule, before)
    return shown(schedule)


@route("POST", _URL + "/{id}/release")
def release(act: Act, identifier: str) -> Json:
    """Let go of the subscription, which stays as it is now."""
    schedule, subscription = _active(act, identifier, "release")
    before = copy.deepcopy(subscription)
    scheduling.let_go(act, schedule, subscription)
    standing.changed(act, subscription, before)
    return shown(schedule)


@route("POST", _URL + "/{id}/cancel", "invoice_now prorate")
def cancel(act: Act, identifier: str) -> Json:
    """Cancel it, and its subscription with it."""
    _, subscription = _active(act, identifier, "cancel")
    canceling.cancel(act, subscription, act.params)
    return shown(act.fetch(_KIND, identifier))


def _active(act: Act, identifier: str, verb: str) -> tuple[Json, Json]:
    schedule = act.fetch(_KIND, identifier)
    if schedule["status"] != "active":
        raise Problem(
            f"You cannot {verb} a subscription schedule that is currently in the `{schedule['status']}` status. It "
            "must be in one of the following statuses: `not_started`, `active`.",
        )
    return schedule, act.fetch("subscriptions", schedule["subscription"])


def _plan(act: Act, schedule: Json, subscription: Json) -> None:
    asked = act.params["phases"]
    if not isinstance(asked, list) or not 1 <= len(asked) <= _MOST_PHASES:
        raise Invalid("Invalid array", param="phases")
    phases: list[Json] = []
    for number, each in enumerate(asked):
        given.refuse_unknown(each, _PHASE, within=f"phases[{number}]")
        start = given.integer(each, "start_date") if each.get("start_date") not in (None, "now") else None
        start = start or (phases[-1]["end_date"] if phases else act.now)
        if phases and start != phases[-1]["end_date"]:
            raise Problem("Phases must follow each other without a gap.", param=f"phases[{number}][start_date]")
        phases.append(_read(act, subscription, each, number, start))
    # A period that the panel began before its time is under way all the same.
    now = max(act.now, phases[0]["start_date"])
    current = next((each for each in phases if each["start_date"] <= now < each["end_date"]), None)
    if current is None or phases[0]["start_date"] != schedule["phases"][0]["start_date"]:
        raise Problem("You can not modify the start date of the current phase.", param="phases[0][start_date]")
    if _wanted(current["items"]) != _wanted(subscription_items.of(subscription)):
        raise Problem(
            "This stand-in changes the prices of the phase under way by an update of its subscription.",
            param="phases[0][items]",
        )
    schedule |= {
        "phases": phases,
        "current_phase": {"start_date": current["start_date"], "end_date": current["end_date"]},
    }


def _read(act: Act, subscription: Json, asked: Params, number: int, start: int) -> Json:
    where = f"phases[{number}]"
    items = subscription_items.chosen(act, given.required(asked, "items"), [], param=f"{where}[items]")
    if items[0]["price"]["currency"] != subscription["currency"]:
        raise Problem("A phase is in the currency of its subscription.", param=f"{where}[items]")
    end = given.integer(asked, "end_date")
    duration = given.group(asked, "duration", ("interval", "interval_count"))
    if end is None:
        each = items[0]["price"]["recurring"] if not duration else _duration(duration)
        end = intervals.boundary(start, each, 1)
    if end <= start:
        raise Problem("The end date of a phase must be after its start date.", param=f"{where}[end_date]")
    behavior = given.choice(asked, "proration_behavior", changing.BEHAVIORS, "create_prorations") or ""
    wanted = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in items]
    return schedule_shapes.phase(subscription, wanted, (start, end), behavior, given.metadata(asked))


def _wanted(items: list[Json]) -> list[tuple[str, int]]:
    prices = [item["price"] if isinstance(item["price"], str) else item["price"]["id"] for item in items]
    return [(price, item["quantity"]) for price, item in zip(prices, items, strict=True)]


def _duration(asked: Params) -> Json:
    given.required(asked, "interval")
    interval = given.choice(asked, "interval", ("day", "week", "month", "year"))
    return {"interval": interval, "interval_count": given.integer(asked, "interval_count") or 1}
