"""A subscription that a provider charges, as its people live it: both clocks go together, webhooks come over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Self

import time_machine
from django.utils import timezone

from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.inbox.handling import handle_due
from payments.models import Discrepancy, Invoice, LedgerLeg, Payment
from payments.tasks import reconcile
from subscriptions.models import Subscription
from subscriptions.tasks import follow_all
from subscriptions.tests.pages_world import sent
from subscriptions.tests.story import DAY, Story

# (from, to) of a period, its bill's total in minor units, and what was taken for it.
Row = tuple[datetime, datetime, int, list[int]]


class StoryThere(Story):
    """`there` is the stand-in. What it tells is heard at once; `unheard` loses it."""

    there_is = ""

    def __init__(self, clock: time_machine.Traveller, there: StripeWorld | PayPalWorld, **facts: Any) -> None:
        super().__init__(clock, **facts)
        self.there = there
        self.told_the_time()

    # --- Time ---

    def on(self, moment: str) -> Self:
        super().on(moment)
        self.told_the_time()
        self.hears()
        return self

    def told_the_time(self) -> int:
        """What is due there by now happens, each thing at its own instant. Returns how much that was."""
        told = self.there.panel("POST", "clock", {"now": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")})
        return int(told["settled"])

    def hears(self) -> None:
        """Webhooks come, a worker handles them, and what follows from them is done; that may have been told of, too."""
        for _ in range(2):
            self.there.deliver()
            handle_due(timezone.now())
            self.delivered()

    def until(self, moment: str, *, every: timedelta = DAY, meanwhile: Callable[[], object] = lambda: None) -> Self:
        """Days on which nothing happens there go by; what beat does by itself is done on the others, and on the last
        one."""
        end = at(moment)
        while timezone.now() < end:
            self.clock.move_to(min(timezone.now() + every, end))
            if self.told_the_time() or timezone.now() == end:
                self.hears()
                self.beat()
                self.hears()
                meanwhile()
        return self

    def unheard(self, act: Callable[[], object]) -> None:
        """No webhook of what this does ever comes."""
        self.there.panel("POST", "webhooks", {"mode": "drop"})
        act()
        self.there.panel("POST", "webhooks", {"mode": "normal"})

    def night(self) -> None:
        """What no event has told is found."""
        follow_all()
        assert reconcile() == 0
        self.hears()

    # --- People ---

    def presses(self, page: str, action: str, **fields: str) -> str:
        """The form of a page, sent as it stands; the path that its answer leads to."""
        answer = self.owner.post(action, sent(self.sees(page), **fields))
        assert answer.status_code == 302, answer.content
        self.hears()
        return str(answer["Location"])

    # --- Two books ---

    def state(self) -> str:
        return self.subscription().status

    def terms(self) -> list[tuple[str, str, int]]:
        """(since, plan, seats), oldest first."""
        past = self.asks("get", "/subscription/history")["results"][0]["terms"]
        return [(each["since"], each["planType"], each["seats"]) for each in past]

    def ours(self) -> dict[str, Row]:
        """By the provider's reference of each bill, or of what paid it."""
        raise NotImplementedError

    def theirs(self) -> dict[str, Row]:
        raise NotImplementedError

    def cash(self) -> int:
        """Minor units on the account of the provider, by the ledger."""
        account = f"cash_{self.there_is}"
        return sum(LedgerLeg.objects.filter(account=account).values_list("amount_minor", flat=True))

    def cash_there(self) -> int:
        raise NotImplementedError

    def books_agree(self) -> None:
        """Bill for bill: its period, its total, and what was taken for it. A night finds nothing to mend, and no money
        came twice; what nobody was to notice is noticed by nobody."""
        assert self.ours() == self.theirs()
        assert self.cash() == self.cash_there()
        before = self.all_of_ours()
        self.night()
        assert self.all_of_ours() == before
        assert not Discrepancy.objects.exists()

    def all_of_ours(self) -> dict[str, list[dict[str, Any]]]:
        """Every row that a night could change."""
        rows = {Invoice: ("number", "status", "total_minor"), Payment: ("id", "status", "amount_minor")}
        found = {kind.__name__: list(kind.objects.order_by("id").values(*names)) for kind, names in rows.items()}
        names = ("id", "status", "period_start", "period_end", "cancel_at_period_end", "pending_at")
        return {**found, "Subscription": list(Subscription.objects.order_by("id").values(*names))}


def row(invoice: Invoice) -> Row:
    """Ours, with what came from the provider for it."""
    assert invoice.period_start and invoice.period_end
    came = invoice.payments.filter(status=Payment.Status.SUCCEEDED, provider=invoice.provider)
    amounts = list(came.values_list("amount_minor", flat=True))
    return invoice.period_start, invoice.period_end, invoice.total_minor, amounts
