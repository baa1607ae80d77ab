"""Six months of the demo's tenants, told month by month through the actions, each at its own `now`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial

from django.conf import settings

from billing_portal.kit import periods
from billing_portal.kit.money import Money
from billing_portal.seeding.calls import calls_of
from billing_portal.seeding.cards import STEPS, Cards, Step
from billing_portal.seeding.customers import CUSTOMERS, Customer, End, Minutes, Part, Receipt
from billing_portal.seeding.people import SEED, Accounts
from billing_portal.seeding.plans import price_of
from billing_portal.tenants.models import Tenant
from payments import queries
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment, reject_manual_payment, verify_manual_payment
from payments.models import Invoice, Payment
from subscriptions.actions.subscribing import start_subscription
from usage.actions.closing import close_month
from usage.actions.importing import record_many
from usage.models import UsageMonth

# The zone whose calendar says which month "now" is: of those with closed months the last to see a new one.
HOME = "America/New_York"
MONTHS = 6
REPORTED_AFTER = timedelta(minutes=3)
COLLECTED_AFTER = timedelta(minutes=1)
OPENS, CLOSES = time(9, 1), time(15, 20)
# A prepayment by check, far above what one person may verify, waits on the desk.
PREPAYMENT = ("initech", Money(1_200_000, "usd"), "20871")

Act = tuple[datetime, Callable[[datetime], None]]


@dataclass(slots=True)
class History:
    """`now` is the real one: nothing happens after it. `cards`: None where there are none to charge; then checks come
    instead. `told` is called after each tenant's month."""

    tenants: dict[str, Tenant]
    accounts: Accounts
    now: datetime
    scale: Decimal
    cards: Cards | None = None
    told: Callable[[], None] = lambda: None
    calls: int = 0
    labels: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.labels = labels_back_from(self.now)

    def tell(self) -> None:
        """1. Everybody subscribes.
        2. Month by month, the calls of all; then, in the order of time, what follows from the month: closes, which
           number the invoices, and the money that comes for them before the next month ends.
        """
        for customer in _subscribers():
            self._subscribe(customer)
        for back in range(MONTHS, -1, -1):
            for customer in _subscribers():
                if back in customer.usage:
                    self._use(customer, back)
                self.told()
            for at, act in sorted(self._acts(back), key=lambda each: each[0]):
                act(at)
        self._record_prepayment()

    def _subscribe(self, customer: Customer) -> None:
        assert customer.plan is not None
        tenant, plan = self.tenants[customer.slug], customer.plan
        began = periods.month_bounds(self.labels[max(customer.usage)], tenant.zone)[0]
        price = price_of(plan.code, plan.cycle, plan.currency)
        start_subscription(
            tenant=tenant,
            price=price,
            seats=plan.seats,
            actor=SEED,
            now=began,
            billed_elsewhere_until=self.now + timedelta(days=31),
        )

    def _use(self, customer: Customer, back: int) -> None:
        tenant, label, minutes = self.tenants[customer.slug], self.labels[back], customer.usage[back]
        start, end = periods.month_bounds(label, tenant.zone)
        span = start, min(end, self.now)
        if customer.in_proportion and span[1] < end:
            minutes = _share(minutes, max(timedelta(0), span[1] - start) / (end - start))
        calls = calls_of(customer, label, span, tenant.zone, minutes, self.scale)
        reported = [(call, min(call.occurred_at + REPORTED_AFTER, self.now)) for call in calls]
        self.calls += record_many(tenant=tenant, events=reported)

    def _acts(self, back: int) -> Iterator[Act]:
        """What follows from the month, at its instants; a receipt that is verified later brings that along."""
        for customer in _subscribers():
            if back in customer.usage and back >= customer.closed_until:
                zone = self.tenants[customer.slug].zone
                year, month = periods.parse_label(self.labels[back - 1])
                issue = datetime.combine(date(year, month, customer.closing_day), OPENS, zone)
                yield min(issue, self.now), partial(self._close, customer, back)
                for receipt in customer.receipts.get(back, ()):
                    if not (self.cards and receipt.without_cards):
                        arrived = min(issue + timedelta(days=receipt.day, hours=1), self.now)
                        yield arrived, partial(self._receive, customer, back, receipt)
                for step in STEPS.get(customer.slug, {}).get(back, ()) if self.cards else ():
                    yield (
                        min(issue + timedelta(days=step.day, hours=2), self.now),
                        partial(self._take, customer, back, step),
                    )

    def _close(self, customer: Customer, back: int, at: datetime) -> None:
        close_month(tenant=self.tenants[customer.slug], label=self.labels[back], actor=SEED, now=at)
        invoice = self._invoice(customer, back)
        if self.cards and invoice:
            self.cards.collect(invoice, min(at + COLLECTED_AFTER, self.now))

    def _take(self, customer: Customer, back: int, step: Step, at: datetime) -> None:
        assert self.cards
        self.cards.take(step, customer.slug, self._invoice(customer, back), at)

    def _invoice(self, customer: Customer, back: int) -> Invoice | None:
        return UsageMonth.objects.get(tenant=self.tenants[customer.slug], label=self.labels[back]).invoice

    def _receive(self, customer: Customer, back: int, receipt: Receipt, at: datetime) -> None:
        """The clerk records it, or the tenant declares it; finance decides a day later."""
        tenant = self.tenants[customer.slug]
        invoice = self._invoice(customer, back)
        assert invoice is not None
        amount = _amount(invoice, receipt.part)
        choice = MethodChoice(receipt.method, receipt.reference, periods.local_date(at, tenant.zone))
        if receipt.declared:
            actor = self.accounts.member(customer.slug, "billing")
            payment = start_payment(
                tenant=tenant, amount=amount, choice=choice, actor=actor, now=at, invoice_id=invoice.id
            )
        else:
            payment = record_manual_payment(
                tenant=tenant,
                amount=amount,
                choice=choice,
                actor=self.accounts.desk("clerk"),
                now=at,
                invoice=invoice,
            )
        decided = datetime.combine(periods.local_date(at, tenant.zone) + timedelta(days=1), CLOSES, tenant.zone)
        self._decide(payment, receipt, decided)

    def _decide(self, payment: Payment, receipt: Receipt, at: datetime) -> None:
        finance = self.accounts.desk("finance")
        if receipt.end is End.VERIFIED:
            verifier = self.accounts.staff["finance"]
            verify_manual_payment(payment_id=payment.id, verifier=verifier, actor=finance, now=at)
        elif receipt.end is End.REJECTED:
            reject_manual_payment(payment_id=payment.id, reason=receipt.reason, actor=finance, now=at)

    def _record_prepayment(self) -> None:
        """`finance` recorded it, so somebody else has to verify it."""
        slug, amount, number = PREPAYMENT
        tenant = self.tenants[slug]
        at = max(self.now - timedelta(hours=26), periods.month_bounds(self.labels[0], tenant.zone)[0])
        record_manual_payment(
            tenant=tenant,
            amount=amount,
            choice=MethodChoice("check", number, periods.local_date(at, tenant.zone)),
            actor=self.accounts.desk("finance"),
            now=min(at, self.now),
            description="Prepayment of next year's usage",
        )


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


def _amount(invoice: Invoice, part: Part) -> Money:
    open_minor = queries.amounts(invoice).open
    minor = {
        Part.WHOLE: open_minor,
        Part.HALF: open_minor // 2,
        Part.OVER: open_minor - open_minor % -1000,
    }[part]
    return Money(minor, invoice.currency)
