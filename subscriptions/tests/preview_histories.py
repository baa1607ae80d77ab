"""Random lives of a subscription by invoice: looked at before each change, and held to what was shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import note
from hypothesis import strategies as st

from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.world import SYSTEM, at
from payments import queries as money
from payments.actions.invoicing import LineDraft
from payments.models import CreditNote, Invoice
from payments.tests.offline_world import verify_check
from subscriptions.actions import directing, renewing
from subscriptions.actions.changing import Preview, Wish
from subscriptions.models import Plan, PlanPrice, Subscription
from subscriptions.tests.coupon_world import coupon
from subscriptions.tests.plan_world import credit_of, invoices, price, started

# (small, big): minor units of a seat and month, of a seat and year; none of them a round share of the other.
PRICES = {
    "usd": ((1_099, 10_550), (2_900, 29_000)),
    "eur": ((7, 83), (1_999, 19_990)),
    "jpy": ((1, 11), (3_333, 33_000)),
}
ZONES = ["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland"]
TAXES = ["0", "8.875", "19", "33.333"]
CREDITS = [0, 1, 2_345, 10_000_000]
PERCENTS = ["0.5", "20", "33.33", "50", "100"]
AMOUNTS = [1, 5, 500, 2_345, 100_000]
STARTS = ["2026-01-31 23:30", "2026-03-01 00:00", "2026-10-20 08:15:27", "2028-02-29 12:00"]


@dataclass(frozen=True)
class Beginning:
    currency: str
    zone: str
    tax_percent: str
    credit: int
    since: str
    plan: int
    cycle: str
    seats: int
    trial_days: int
    coupon: tuple[str | None, int | None, int | None] | None
    """(percent, amount, cycles)."""


@dataclass(frozen=True)
class Step:
    """After `wait`, and perhaps once all that was open is paid and something was taken back `before`, `wish` is looked
    at and done; its plan is 0 or 1."""

    wait: timedelta
    pays: bool
    before: tuple[str, timedelta] | None
    plan: int | None
    cycle: str | None
    seats: int | None
    when: str | None


CYCLES = st.sampled_from([None, 1, 2, 3])
BEGINNINGS = st.builds(
    Beginning,
    currency=st.sampled_from(sorted(PRICES)),
    zone=st.sampled_from(ZONES),
    tax_percent=st.sampled_from(TAXES),
    credit=st.sampled_from(CREDITS),
    since=st.sampled_from(STARTS),
    plan=st.integers(0, 1),
    cycle=st.sampled_from(["monthly", "monthly", "yearly"]),
    seats=st.integers(1, 9),
    trial_days=st.sampled_from([0, 0, 0, 14]),
    coupon=st.one_of(
        st.none(),
        st.tuples(st.sampled_from(PERCENTS), st.none(), CYCLES),
        st.tuples(st.none(), st.sampled_from(AMOUNTS), CYCLES),
    ),
)
WAITS = st.one_of(
    st.integers(0, 20 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(0, 90 * 86_400 * 10**6).map(lambda micros: timedelta(microseconds=micros)),
    st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(days=31), timedelta(days=365)]),
)
STEPS = st.builds(
    Step,
    wait=WAITS,
    pays=st.booleans(),
    before=st.one_of(st.none(), st.none(), st.tuples(st.sampled_from(["kept", "resumed"]), WAITS)),
    plan=st.sampled_from([None, None, 0, 1]),
    cycle=st.sampled_from([None, None, None, "monthly", "yearly"]),
    seats=st.one_of(st.none(), st.integers(1, 12)),
    when=st.sampled_from([None, None, "now", "period_end"]),
)
# How often each kind of change was seen over all histories: a property that nothing tries holds always.
SEEN: Counter[str] = Counter()


@dataclass
class History:
    subscription: Subscription
    plans: tuple[Plan, Plan]
    now: datetime
    promised: Preview | None = None
    notes: set[UUID] = field(default_factory=set)
    given: list[Any] = field(default_factory=list)
    """The lines of what was credited for a change: no invoice has them."""

    def do(self, step: Step) -> None:
        """The same instant for both: what is refused is refused by both, and what is shown is done."""
        self.now += step.wait
        if step.pays:
            self._pay()
        if step.before:
            self._take_back(*step.before)
        plan = None if step.plan is None else self.plans[step.plan].code
        facts: dict[str, Any] = {
            "subscription_id": self.subscription.id,
            "wish": Wish(plan_code=plan, cycle=step.cycle, seats=step.seats, when=step.when),
            "actor": SYSTEM,
            "now": self.now,
        }
        try:
            shown = directing.preview(**facts)
        except BillingError as refused:
            note(f"{step}: {refused.code}")
            SEEN["refused"] += 1
            with pytest.raises(type(refused)):
                directing.change(**facts)
            return
        note(f"{step}: {shown.quote}")
        # What was due before the change is done first: by the preview, too, but there nothing of it stays.
        renewing.renew(subscription_id=self.subscription.id, actor=SYSTEM, now=self.now)
        self.keeps_its_promise()
        before = {each.id for each in invoices(self.subscription)}
        credit = credit_of(self.subscription.tenant)
        self.subscription = directing.change(**facts, instant=self.now, state=shown.state)
        made = [each for each in invoices(self.subscription) if each.id not in before]
        if shown.quote.total_minor > 0:
            self._billed(shown, made, credit)
        else:
            assert made == []
            self._credited(shown, credit)
            self.given += shown.quote.lines
        self.promised = shown

    def keeps_its_promise(self) -> None:
        """Where the period after the last change is billed by now, it costs what that change's preview said: one that
        costs nothing has no invoice."""
        if self.promised is None:
            return
        quote = self.promised.quote
        of_period = {"billing_reason": Invoice.Reason.PERIOD, "period_start": quote.next_at}
        self.subscription.refresh_from_db()
        after = Invoice.objects.filter(subscription_ref=self.subscription.id, **of_period).first()
        if after:
            seats = after.lines.order_by("position")[0].quantity
            assert (after.total_minor, seats) == (quote.next_minor, quote.target.seats)
        elif not quote.next_minor and self.subscription.billed_until and self.subscription.billed_until > quote.next_at:
            SEEN["next for nothing"] += 1
        else:
            return
        SEEN[f"next after {quote.when}"] += 1
        self.promised = None

    def _take_back(self, what: str, wait: timedelta) -> None:
        """It is said to end, or is paused, and goes on after a while; or has ended. What the last preview said of the
        period after holds where that was billed before, or nothing of it has come to pass."""
        facts: dict[str, Any] = {"subscription_id": self.subscription.id, "actor": SYSTEM}
        stop = directing.cancel if what == "kept" else directing.pause
        try:
            stop(now=self.now, **facts)
            self.promised = None
            self._new_notes()
            self.now += wait
            directing.resume(now=self.now, **facts)
        except BillingError as refused:
            note(f"{what}: {refused.code}")
            SEEN["not taken back"] += 1
            return
        note(f"{what} after {wait}")
        SEEN[what] += 1

    def _billed(self, shown: Preview, made: list[Invoice], credit: int) -> None:
        quote, (invoice,) = shown.quote, made
        assert [line_facts(each) for each in invoice.lines.order_by("position")] == [
            line_facts(each) for each in quote.lines
        ]
        taxes = list(invoice.tax_lines.values_list("rate", "taxable_minor", "amount_minor"))
        assert taxes == [(each.rate, each.taxable_minor, each.amount_minor) for each in quote.taxes]
        assert (invoice.total_minor, money.amounts(invoice).open) == (quote.total_minor, quote.due_minor)
        assert credit_of(self.subscription.tenant) == credit - (quote.total_minor - quote.due_minor)
        assert self._new_notes() == []
        SEEN["billed"] += 1

    def _credited(self, shown: Preview, credit: int) -> None:
        """What the preview gives back is on credit notes, and what they gave of paid invoices is credit now."""
        notes = self._new_notes()
        assert (sum(each.amount_minor for each in notes), shown.quote.due_minor) == (-shown.quote.total_minor, 0)
        given = sum(each.amount_minor for each in notes if each.effect == CreditNote.Effect.CREDITED)
        assert credit_of(self.subscription.tenant) == credit + given
        SEEN["credited" if notes else "for nothing"] += 1

    def _new_notes(self) -> list[CreditNote]:
        notes = [
            each for each in CreditNote.objects.filter(tenant=self.subscription.tenant) if each.id not in self.notes
        ]
        self.notes |= {each.id for each in notes}
        return notes

    def _pay(self) -> None:
        for invoice in invoices(self.subscription):
            if invoice.status == Invoice.Status.OPEN:
                check(self.subscription, money.amounts(invoice).open, self.now, invoice=invoice)


def line_facts(line: Any) -> tuple[Any, ...]:
    """Of an invoice's line, or of one that is shown."""
    drafted = line if isinstance(line, LineDraft) else None
    derivation = drafted.derivation if drafted else line.derivation
    period = line.period_start, line.period_end
    return line.title, line.quantity, line.unit_amount, line.amount_minor, *period, derivation


def check(subscription: Subscription, minor: int, now: datetime, **facts: Any) -> None:
    """Sent, and found in the bank."""
    clerk = world.user(staff=True)
    verify_check(world.check_for(subscription.tenant, minor, clerk, now=now, **facts), now=now)


def begun(how: Beginning) -> History:
    prices: list[PlanPrice] = [
        price(month, yearly=year, trial_days=14, currency=how.currency) for month, year in PRICES[how.currency]
    ]
    first = prices[how.plan].version.prices.get(billing_cycle=how.cycle)
    who = {"time_zone": how.zone, "tax_percent": Decimal(how.tax_percent), "payment_terms_days": 365}
    code = None
    if how.coupon:
        percent, amount, cycles = how.coupon
        off = Money(amount, how.currency) if amount else None
        code = coupon(f"C{uuid4().hex[:8]}", percent or "", amount=off, cycles=cycles).code
    subscription = started(first, how.since, seats=how.seats, trial_days=how.trial_days, coupon=code, **who)
    if how.credit:
        check(subscription, how.credit, at(how.since))
    small, big = (each.version.plan for each in prices)
    return History(subscription, (small, big), at(how.since))
