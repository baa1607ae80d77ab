"""What a subscription schedule does when its time comes: the next phase, or its end.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

import copy

from billing_portal.sandbox.stripe import changing, standing, subscription_items, updating
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown


def of(act: Act, subscription: Json) -> Json | None:
    """Its schedule, or None."""
    identifier = subscription["schedule"]
    return act.fetch("subscription_schedules", identifier) if identifier else None


def enter_phase(act: Act, subscription: Json, at: int) -> bool:
    """At the end of a period: what the schedule says from now on is the subscription's, unsaved. True when it ended."""
    schedule = of(act, subscription)
    if schedule is None or schedule["current_phase"]["end_date"] > at:
        return False
    phase = _next(schedule)
    if phase is None:
        return _end(act, schedule, subscription)
    subscription["items"] = subscription_items.listed(subscription["id"], items_of(act, subscription, phase))
    subscription["metadata"] = {**subscription["metadata"], **phase["metadata"]}
    _move_on(act, schedule, phase, subscription)
    return False


def change_phase(act: Act, subscription: Json) -> None:
    """In the middle of a period: the next phase is a change like any other."""
    schedule = of(act, subscription)
    if schedule is None:
        return
    phase = _next(schedule)
    before = copy.deepcopy(subscription)
    if phase is None:
        if not _end(act, schedule, subscription):
            standing.changed(act, subscription, before)
        return
    subscription["metadata"] = {**subscription["metadata"], **phase["metadata"]}
    _move_on(act, schedule, phase, subscription)
    wish = changing.Wish(items_of(act, subscription, phase), act.now, phase["proration_behavior"])
    updating.apply_collected(act, subscription, before, wish)


def items_of(act: Act, subscription: Json, phase: Json) -> list[Json]:
    """The subscription's items as the phase has them: an item keeps its id, whatever its price."""
    now = subscription_items.of(subscription)
    items = []
    for number, wanted in enumerate(phase["items"]):
        price = act.fetch("prices", wanted["price"])
        base = now[number] if number < len(now) else {**now[0], "id": subscription_items.new_id()}
        items.append({**subscription_items.with_price(base, price), "quantity": wanted["quantity"]})
    return items


def _next(schedule: Json) -> Json | None:
    end = schedule["current_phase"]["end_date"]
    return next((phase for phase in schedule["phases"] if phase["start_date"] >= end), None)


def _move_on(act: Act, schedule: Json, phase: Json, subscription: Json) -> None:
    """The subscription gets what the schedule says by default, whatever it was told itself meanwhile."""
    if method := schedule["default_settings"]["default_payment_method"]:
        subscription["default_payment_method"] = method
    schedule["current_phase"] = {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    act.save("subscription_schedules", schedule)
    act.emit("subscription_schedule.updated", schedule)


def _end(act: Act, schedule: Json, subscription: Json) -> bool:
    """Its last phase is over: it lets go of the subscription, or cancels it (True)."""
    if schedule["end_behavior"] == "cancel":
        schedule |= {"status": "completed", "completed_at": act.now, "current_phase": None}
        act.save("subscription_schedules", schedule)
        act.emit("subscription_schedule.completed", schedule)
        subscription["schedule"] = None
        standing.end(act, subscription, "cancellation_requested")
        return True
    let_go(act, schedule, subscription)
    return False


def let_go(act: Act, schedule: Json, subscription: Json) -> None:
    """The subscription goes on by itself, as it is; it is not saved here."""
    schedule |= {
        "status": "released",
        "released_at": act.now,
        "released_subscription": subscription["id"],
        "subscription": None,
        "current_phase": None,
    }
    subscription["schedule"] = None
    act.save("subscription_schedules", schedule)
    act.emit("subscription_schedule.released", shown(schedule))
