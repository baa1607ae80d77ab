"""A PayPal subscription that its owner changes, for tests: one clock for both sides, events that come or are lost."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import time_machine
from django.test import Client
from django.utils import timezone

from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.world import at
from payments.models import Invoice
from subscriptions import queries
from subscriptions.models import Subscription
from subscriptions.tests.paypal_plans import agreed, at_night, at_paypal, begun, clock, told
from subscriptions.tests.plan_world import price


class Revised:
    """On the small plan of two, at 10.00 a seat and month (the big one is 25.00), 2 seats, since 1 June 2026."""

    def __init__(self, paypal: PayPalWorld, owner: Client, moment: time_machine.Traveller, **start: Any) -> None:
        self.paypal, self.owner, self._moment = paypal, owner, moment
        trial = start.get("trialDays", 0)
        small = price(1_000, yearly=10_000, trial_days=trial, code="small")
        big = price(2_500, yearly=25_000, code="big")
        self.plans = {"small": at_paypal(small), "big": at_paypal(big)}
        begun_one = begun(owner, self.plans["small"], **{"seats": 2, **start})
        self.id = agreed(paypal, begun_one).id

    def on(self, when: str, *, is_told: bool = True) -> None:
        """Time passes; what PayPal bills meanwhile is told, or lost."""
        self._moment.move_to(at(when))
        with self.silence(not is_told):
            clock(self.paypal, timezone.now())
        if is_told:
            told(self.paypal)

    def silence(self, is_silent: bool = True) -> Any:
        return _Silence(self.paypal, is_silent)

    def asks(self, method: str = "patch", path: str = "", expected: int = 200, **wanted: Any) -> dict[str, Any]:
        body = "" if method == "get" else json.dumps(wanted)
        answer = self.owner.generic(method.upper(), f"/api/subscription{path}", body, content_type="application/json")
        assert answer.status_code == expected, answer.content
        return answer.json()

    def agrees(self, *, is_told: bool = True) -> None:
        """On PayPal's page."""
        with self.silence(not is_told):
            self.paypal.approve(str(self.row.provider_ref))
        if is_told:
            told(self.paypal)

    def night(self) -> None:
        at_night()

    @property
    def row(self) -> Subscription:
        return Subscription.objects.get(id=self.id)

    def terms(self, when: str | None = None) -> tuple[str, int]:
        found = queries.current_terms(self.row, at(when) if when else timezone.now())
        return found.price.version.plan.code, found.seats

    @property
    def pending(self) -> tuple[str, int, datetime] | None:
        row = self.row
        if row.pending_price is None:
            return None
        assert row.pending_seats and row.pending_at
        return row.pending_price.version.plan.code, row.pending_seats, row.pending_at

    def history(self) -> list[tuple[str, str, int]]:
        """(day, plan, seats) of each terms."""
        rows = self.row.terms.select_related("price__version__plan")
        return [(f"{each.effective_from:%m-%d}", each.price.version.plan.code, each.seats) for each in rows]

    def asked_paypal(self) -> int:
        """How often PayPal was asked for a revision."""
        return sum(each["path"].endswith("/revise") for each in self.paypal.panel("GET", "log"))


class _Silence:
    """PayPal tells nothing meanwhile, and never will."""

    def __init__(self, paypal: PayPalWorld, is_silent: bool) -> None:
        self.paypal, self.is_silent = paypal, is_silent

    def __enter__(self) -> None:
        if self.is_silent:
            self.paypal.panel("POST", "webhooks", {"mode": "drop"})

    def __exit__(self, *_: object) -> None:
        if self.is_silent:
            self.paypal.panel("POST", "webhooks", {"mode": "normal"})


def invoices() -> list[int]:
    """Totals, oldest first; each is paid."""
    rows = list(Invoice.objects.order_by("number").values_list("total_minor", "status"))
    assert all(status == "paid" for _, status in rows), rows
    return [total for total, _ in rows]
