"""A subscription that a provider charges, as its people live it: both clocks go together, webhooks come over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self, TypeVar

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

S = TypeVar("S", bound="StoryThere")
# What both books know of a bill: its total in minor units, what was taken for it, its period where both have one.
Row = tuple[object, ...]


class StoryThere(Story):
    """`there` is the stand-in. What it tells is heard at once; `unheard` loses that."""

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

    def unheard(self, moment: str) -> None:
        """Time passes, and no webhook of what happens there until then ever comes."""
        self.there.panel("POST", "webhooks", {"mode": "drop"})
        super().on(moment)
        self.told_the_time()
        self.there.panel("POST", "webhooks", {"mode": "normal"})

    def night(self) -> None:
        """What nobody has told is found, and nothing is left for people to see to."""
        follow_all()
        assert reconcile() == 0
        self.delivered()

    # --- People ---

    def presses(self, page: str, action: str, **fields: str) -> str:
        """The form of a page, sent as it stands; the path that its answer leads to."""
        answer = self.owner.post(action, sent(self.sees(page), **fields))
        assert answer.status_code == 302, answer.content
        self.hears()
        return str(answer["Location"])

    # --- Two books ---

    def subscription(self) -> Subscription:
        """The one that was begun last."""
        return Subscription.objects.filter(tenant=self.tenant).latest("started_at")

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


def came(invoice: Invoice) -> list[int]:
    """What its provider has taken for it, in minor units."""
    payments = invoice.payments.filter(status=Payment.Status.SUCCEEDED, provider=invoice.provider)
    return list(payments.values_list("amount_minor", flat=True))


@contextmanager
def stories_of(kind: type[S], there: StripeWorld | PayPalWorld) -> Iterator[Callable[..., S]]:
    """`begin("2027-01-31 15:00", time_zone=…)`. At the end both books agree."""
    with time_machine.travel(at("2027-01-01 00:00"), tick=False) as clock:
        stories: list[S] = []

        def begin(moment: str, **facts: Any) -> S:
            clock.move_to(at(moment))
            stories.append(kind(clock, there, **facts))
            return stories[-1]

        yield begin
        for story in stories:
            story.books_agree()
