"""Six months of the demo's tenants, told in the order of time through the actions, each at its own `now`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial

from django.conf import settings

from billing_portal.kit import periods
from billing_portal.kit.money import Money
from billing_portal.seeding.calls import calls_of
from billing_portal.seeding.cards import STEPS, Cards, Step
from billing_portal.seeding.customers import CUSTOMERS
from billing_portal.seeding.people import SEED, Accounts
from billing_portal.seeding.receipts import Receipts
from billing_portal.seeding.shapes import Customer, Minutes
from billing_portal.seeding.stand_in import StandIns
from billing_portal.seeding.subscribing import Subscribing
from billing_portal.seeding.timeline import Timeline
from billing_portal.tenants.models import Tenant
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment
from payments.models import Invoice
from usage.actions.closing import close_month
from usage.actions.importing import record_many
from usage.models import UsageMonth

# The zone whose calendar says which month "now" is: of those with closed months the last to see a new one.
HOME = "America/New_York"
MONTHS = 6
REPORTED_AFTER = timedelta(minutes=3)
COLLECTED_AFTER = timedelta(minutes=1)
OPENS = time(9, 1)
# A prepayment by check, far above what one person may verify, waits on the desk.
PREPAYMENT = ("initech", Money(1_200_000, "usd"), "20871")


@dataclass(slots=True)
class History:
    """`now` is the real one: nothing happens after it. Where there is no stand-in for Stripe there are no cards to
    charge, and checks come instead. `told` is called after each tenant's month."""

    tenants: dict[str, Tenant]
    accounts: Accounts
    now: datetime
    scale: Decimal
    stand_ins: StandIns = field(default_factory=StandIns)
    told: Callable[[], None] = lambda: None
    calls: int = 0
    labels: list[str] = field(init=False)
    _timeline: Timeline = field(init=False)
    _receipts: Receipts = field(init=False)
    _cards: Cards | None = field(init=False)
    _subscribing: Subscribing = field(init=False)

    def __post_init__(self) -> None:
        self.labels = labels_back_from(self.now)
        self._timeline = Timeline(self.now)
        self._receipts = Receipts(self._timeline, self.tenants, self.accounts)
        self._cards = Cards(self.stand_ins.stripe, self.tenants, self.accounts) if self.stand_ins.stripe else None
        self._subscribing = Subscribing(
            self._timeline, self.tenants, self.accounts, self.stand_ins, self._receipts, self._cards
        )

    def tell(self) -> None:
        """What is known from the beginning is planned: that everybody subscribes, the calls of each month, the closes,
        which number the invoices, and the money that comes for them. What follows from what happens is planned then.
        """
        for customer in _subscribers():
            began = self._subscribing.begins_at(customer, self.labels[max(customer.usage)])
            self._timeline.plan(began, partial(self._subscribing.begin, customer))
            for back in customer.usage:
                self._plan_month(customer, back, began)
        self._plan_prepayment()
        self._timeline.run()

    def _plan_month(self, customer: Customer, back: int, began: datetime) -> None:
        zone = self.tenants[customer.slug].zone
        end = periods.month_bounds(self.labels[back], zone)[1]
        self._timeline.plan(min(end, self.now), partial(self._use, customer, back, began))
        if back < customer.closed_until:
            return
        year, month = periods.parse_label(self.labels[back - 1])
        issue = datetime.combine(date(year, month, customer.closing_day), OPENS, zone)
        self._timeline.plan(min(issue, self.now), partial(self._close, customer, back))
        for receipt in customer.receipts.get(back, ()):
            if not (self._cards and receipt.without_cards):
                arrives = issue + timedelta(days=receipt.day, hours=1)
                invoice_of = partial(self._invoice, customer, back)
                self._timeline.plan(arrives, partial(self._receipts.receive, customer.slug, invoice_of, receipt))
        for step in STEPS.get(customer.slug, {}).get(back, ()) if self._cards else ():
            self._timeline.plan(issue + timedelta(days=step.day, hours=2), partial(self._take, customer, back, step))

    def _use(self, customer: Customer, back: int, began: datetime, at: datetime) -> None:
        tenant, label, minutes = self.tenants[customer.slug], self.labels[back], customer.usage[back]
        start, end = periods.month_bounds(label, tenant.zone)
        if customer.in_proportion and at < end:
            minutes = _share(minutes, max(timedelta(0), at - start) / (end - start))
        calls = calls_of(customer, label, (max(start, began), at), tenant.zone, minutes, self.scale)
        reported = [(call, min(call.occurred_at + REPORTED_AFTER, self.now)) for call in calls]
        self.calls += record_many(tenant=tenant, events=reported)
        self.told()

    def _close(self, customer: Customer, back: int, at: datetime) -> None:
        close_month(tenant=self.tenants[customer.slug], label=self.labels[back], actor=SEED, now=at)
        invoice = self._invoice(customer, back)
        if self._cards and invoice:
            collected = min(at + COLLECTED_AFTER, self.now)
            self._timeline.plan(collected, partial(self._cards.collect, customer.slug, invoice))

    def _take(self, customer: Customer, back: int, step: Step, at: datetime) -> None:
        assert self._cards
        self._cards.take(step, customer.slug, self._invoice(customer, back), at)

    def _invoice(self, customer: Customer, back: int) -> Invoice | None:
        return UsageMonth.objects.get(tenant=self.tenants[customer.slug], label=self.labels[back]).invoice

    def _plan_prepayment(self) -> None:
        """`finance` recorded it, so somebody else has to verify it."""
        slug, amount, number = PREPAYMENT
        tenant = self.tenants[slug]

        def record(at: datetime) -> None:
            record_manual_payment(
                tenant=tenant,
                amount=amount,
                choice=MethodChoice("check", number, periods.local_date(at, tenant.zone)),
                actor=self.accounts.desk("finance"),
                now=at,
                description="Prepayment of next year's usage",
            )

        at = max(self.now - timedelta(hours=26), periods.month_bounds(self.labels[0], tenant.zone)[0])
        self._timeline.plan(min(at, self.now), record)


def labels_back_from(now: datetime) -> list[str]:
    """The labels of this month and the six before, newest first. A month has begun when the last one can be closed."""
    labels = [periods.month_label(now - timedelta(hours=settings.USAGE_CLOSE_GRACE_HOURS), HOME)]
    for _ in range(MONTHS):
        labels.append(periods.previous_label(labels[-1]))
    return labels


def _subscribers() -> list[Customer]:
    return [customer for customer in CUSTOMERS if customer.plan]


def _share(minutes: Minutes, share: float) -> Minutes:
    return Minutes(int(minutes.outbound * share), int(minutes.inbound * share), int(minutes.toll_free * share))
