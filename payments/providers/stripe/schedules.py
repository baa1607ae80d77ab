"""A change of cycle at the end of a period: a subscription schedule of two phases, which then lets go.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payments.providers.recurring import ChangeRequest, RecurringFacts
from payments.providers.stripe.client import once
from payments.providers.stripe.errors import translated
from payments.providers.stripe.subscription_reading import Terms, reference
from payments.providers.stripe.subscriptions import Subscriptions


class Schedules:
    """What `Changing` does by schedules."""

    def __init__(self, api: Any, subscriptions: Subscriptions) -> None:
        self._api, self._subscriptions = api, subscriptions

    def plan(self, subscription: Mapping[str, Any], now: Terms, request: ChangeRequest) -> RecurringFacts:
        """One that was left behind between the two steps changes nothing, and is used by the next try.

        Source: Stripe API, "Create a schedule" (`from_subscription`), "Update a schedule" (`phases`).
        """
        with translated(moves_money=True):
            recurring = self._api.prices.retrieve(request.price_ref).to_dict()["recurring"]
            schedule = subscription.get("schedule") or self._made(subscription, request)
            start = schedule["current_phase"]["start_date"]
            current = next(each for each in schedule["phases"] if each["start_date"] == start)
            kept = _kept(current)
            phases = [
                {**kept, **_until(current), "items": [_item(now)]},
                {
                    **kept,
                    "items": [_item((request.price_ref, request.seats))],
                    "proration_behavior": "none",
                    "duration": {each: recurring[each] for each in ("interval", "interval_count")},
                },
            ]
            self._api.subscription_schedules.update(
                schedule["id"], {"phases": phases}, once(_key(request.key, f"phases:{schedule['id']}"))
            )
        return self._subscriptions.look_up(str(subscription["id"]), moves_money=True)

    def _made(self, subscription: Mapping[str, Any], request: ChangeRequest) -> dict[str, Any]:
        """Where the same change was made before and taken back, its key stands for a schedule that has let go."""
        wanted = {"from_subscription": subscription["id"]}
        made = self._api.subscription_schedules.create(wanted, once(_key(request.key, "schedule")))
        found: dict[str, Any] = self._api.subscription_schedules.retrieve(made.id).to_dict()
        if found["status"] == "released":
            found = self._api.subscription_schedules.create(wanted, once()).to_dict()
        return found

    def release(self, subscription: Mapping[str, Any], *, key: str | None) -> None:
        """Source: Stripe API, "Release a schedule": the subscription stays as it is now."""
        if schedule := reference(subscription.get("schedule")):
            with translated(moves_money=True):
                self._api.subscription_schedules.release(schedule, {}, once(_key(key, f"release:{schedule}")))

    def charge_with(self, subscription: Mapping[str, Any], *, method_ref: str) -> None:
        """The next phase would charge the method that the subscription had when its schedule began.

        Source: Stripe API, "Update a schedule" (`default_settings`).
        """
        if schedule := reference(subscription.get("schedule")):
            settings = {"default_settings": {"default_payment_method": method_ref}}
            with translated(moves_money=True):
                self._api.subscription_schedules.update(schedule, settings, once())


def _item(terms: Terms) -> dict[str, Any]:
    return {"price": terms[0], "quantity": terms[1]}


def _until(phase: Mapping[str, Any]) -> dict[str, Any]:
    """The phase under way: it may not begin at another time, and a trial goes on in it."""
    trial = {"trial_end": phase["trial_end"]} if phase.get("trial_end") else {}
    return {"start_date": phase["start_date"], "end_date": phase["end_date"], **trial}


def _kept(phase: Mapping[str, Any]) -> dict[str, Any]:
    """What a phase would lose if it weren't said again: its discounts, and whose method is charged."""
    kept: dict[str, Any] = {}
    discounts = [
        {name: reference(each[name])}
        for each in phase.get("discounts") or []
        for name in ("discount", "coupon")
        if each.get(name)
    ]
    if discounts:
        kept["discounts"] = discounts
    if method := reference(phase.get("default_payment_method")):
        kept["default_payment_method"] = method
    return kept


def _key(key: str | None, what: str) -> str | None:
    return f"{key}:{what}" if key else None
