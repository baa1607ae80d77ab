"""How the demo's tenants come to their subscriptions, and what each period brings: an invoice of ours, or a bill of the
provider that renews it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from billing_portal.kit import periods
from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.seeding.cards import VISA, Cards
from billing_portal.seeding.people import Accounts
from billing_portal.seeding.receipts import Receipts
from billing_portal.seeding.shapes import Customer, Receipt
from billing_portal.seeding.stand_in import StandIns
from billing_portal.seeding.timeline import Timeline
from billing_portal.tenants.models import Tenant
from payments.actions import holding
from payments.models import Invoice
from payments.naming import provider_name
from payments.providers.recurring import Payer
from subscriptions.actions import following, renewing, starting
from subscriptions.actions.starting import Order
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine
from subscriptions.tasks import CLOCK

# Beat looks by the hour for what is due.
NOTICED_AFTER = timedelta(minutes=5)
AGREED_AFTER = timedelta(minutes=2)


@dataclass(slots=True)
class Subscribing:
    """`cards`: None where there is no stand-in for Stripe."""

    timeline: Timeline
    tenants: Mapping[str, Tenant]
    accounts: Accounts
    stand_ins: StandIns
    receipts: Receipts
    cards: Cards | None
    _billed: dict[str, int] = field(default_factory=dict)

    def begins_at(self, customer: Customer, first_month: str) -> datetime:
        """By invoice with the month, so that the months are its periods."""
        assert customer.plan
        midnight = periods.month_bounds(first_month, self.tenants[customer.slug].zone)[0]
        if self.engine_of(customer) == Engine.INVOICE:
            return midnight
        return midnight.astimezone(self.tenants[customer.slug].zone).replace(
            hour=customer.plan.begins.hour, minute=customer.plan.begins.minute
        )

    def engine_of(self, customer: Customer) -> Engine:
        """Who charges it here."""
        assert customer.plan
        there = {each.name for each in self.stand_ins}
        return customer.plan.engine if customer.plan.engine in there else Engine.INVOICE

    def begin(self, customer: Customer, at: datetime) -> None:
        """As its owner does it, or the desk for whoever pays by invoice."""
        {
            Engine.INVOICE: self._by_invoice,
            Engine.STRIPE: self._by_stripe,
            Engine.PAYPAL: self._by_paypal,
        }[self.engine_of(customer)](customer, at)

    def _by_invoice(self, customer: Customer, at: datetime) -> None:
        subscription = starting.start(
            tenant=self.tenants[customer.slug], order=_order(customer), actor=self.accounts.desk("finance"), now=at
        )
        for invoice in Invoice.objects.filter(subscription_ref=subscription.id):
            self._expect(customer, invoice)
        self._plan_renewal(customer, subscription, at)

    def _plan_renewal(self, customer: Customer, subscription: Subscription, after: datetime) -> None:
        assert subscription.billed_until and subscription.period_end
        due = min(subscription.billed_until - renewing.lead(), subscription.period_end)
        if due <= self.timeline.now:
            at = min(max(due, after) + NOTICED_AFTER, self.timeline.now)
            self.timeline.plan(at, partial(self._renew, customer, subscription))

    def _renew(self, customer: Customer, subscription: Subscription, at: datetime) -> None:
        for invoice in renewing.renew(subscription_id=subscription.id, actor=CLOCK, now=at):
            self._expect(customer, invoice)
        subscription.refresh_from_db()
        self._plan_renewal(customer, subscription, at)

    def _expect(self, customer: Customer, invoice: Invoice) -> None:
        """The money for a period's invoice."""
        assert invoice.issued_at
        number, how = self._billed.get(customer.slug, 0), customer.periods
        self._billed[customer.slug] = number + 1
        receipt = Receipt(how.day, how.method, f"{how.prefix}{how.first + number}")
        at = invoice.issued_at + timedelta(days=how.day, hours=1)
        self.timeline.plan(at, partial(self.receipts.receive, customer.slug, lambda: invoice, receipt))

    def _by_stripe(self, customer: Customer, at: datetime) -> None:
        """With a card that is saved for it, and that the months' closes are charged to from then on; or later, where it
        is left alone first."""
        assert self.cards
        tenant, slug = self.tenants[customer.slug], customer.slug
        card = self.cards.save(slug, "card", VISA, at)
        owner = self.accounts.member(slug, "owner")
        self._follow(starting.start(tenant=tenant, order=_order(customer, method_ref=card), actor=owner, now=at), at)
        if customer.left_alone:
            last_day = periods.local_date(at + timedelta(days=customer.left_alone.days), tenant.zone)
            holding.exempt(
                tenant_id=tenant.id,
                last_day=min(last_day, holding.bounds(tenant, at)[1]),
                note=customer.left_alone.note,
                by=self.accounts.staff["finance"],
                now=at,
            )

    def _by_paypal(self, customer: Customer, at: datetime) -> None:
        """Its owner agrees on PayPal's page."""
        assert self.stand_ins.paypal
        self.stand_ins.paypal.at(at)
        owner = self.accounts.members[customer.slug]["owner"]
        first, _, last = owner.name.partition(" ")
        order = _order(customer, payer=Payer(owner.email, first, last))
        actor = self.accounts.member(customer.slug, "owner")
        subscription = starting.start(tenant=self.tenants[customer.slug], order=order, actor=actor, now=at)
        self.timeline.plan(at + AGREED_AFTER, partial(self._agree, subscription))

    def _agree(self, subscription: Subscription, at: datetime) -> None:
        assert self.stand_ins.paypal and subscription.provider_ref
        self.stand_ins.paypal.at(at)
        self.stand_ins.paypal.approve(subscription.provider_ref)
        self._follow(subscription, at)

    def _follow(self, subscription: Subscription, at: datetime) -> None:
        """What its provider has done by now is booked, as its message would have had it; and so at its next period."""
        stand_in = next(each for each in self.stand_ins if each.name == subscription.engine)
        stand_in.at(at)
        provider = Actor(ActorKind.PROVIDER, None, provider_name(subscription.engine))
        after = following.follow(subscription_id=subscription.id, actor=provider, now=at)
        assert after.period_end and after.period_end > at, f"{after} has not been renewed"
        self.timeline.plan(after.period_end, partial(self._follow, after))


def _order(customer: Customer, *, method_ref: str | None = None, payer: Payer | None = None) -> Order:
    plan = customer.plan
    assert plan
    return Order(plan.code, plan.cycle, plan.seats, method_ref=method_ref, payer=payer, currency=plan.currency)
