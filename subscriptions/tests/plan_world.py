"""Subscriptions that are paid by invoice, for tests: on plans with a price, brought to a day, paid and looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing_portal.kit.display.dates import MONTHS
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.world import SYSTEM, at
from payments import queries as money
from payments.models import Invoice, StatusChange
from subscriptions import queries
from subscriptions.actions import changing, judging, renewing
from subscriptions.actions.changing import Wish
from subscriptions.actions.subscribing import start_subscription
from subscriptions.models import PlanPrice, Subscription
from subscriptions.terms import Trial

__all__ = ["at"]


def price(seat: int = 2_900, *, yearly: int = 29_000, trial_days: int = 0, **facts: Any) -> PlanPrice:
    """29.00 a seat and month, 290.00 a year."""
    return world.plan_price(seat=seat, yearly=yearly, trial=Trial(trial_days), **facts)


def two_plans() -> tuple[PlanPrice, PlanPrice]:
    """A small one, of 10.00 a seat, and a big one of 25.00."""
    return price(1_000, yearly=10_000, code="small"), price(2_500, yearly=25_000, code="big")


def started(
    what: PlanPrice, since: str, *, seats: int = 2, trial_days: int = 0, coupon: str | None = None, **facts: Any
) -> Subscription:
    """By a tenant in UTC unless it is said, on the terms of two weeks."""
    who = facts.pop("tenant", None) or world.tenant(**facts)
    more: dict[str, Any] = {"trial_days": trial_days, "coupon": coupon}
    return start_subscription(tenant=who, price=what, seats=seats, actor=SYSTEM, now=at(since), **more)


def on(subscription: Subscription, when: str | datetime) -> Subscription:
    """Brought up to that day, as the hourly task does."""
    now = at(when) if isinstance(when, str) else when
    renewing.renew(subscription_id=subscription.id, actor=SYSTEM, now=now)
    return judging.judge(subscription_id=subscription.id, actor=SYSTEM, now=now)


def change(subscription: Subscription, now: str, **wish: Any) -> Invoice | None:
    """As a page does it: looked at first, then done as it was shown; what follows is what was shown."""
    wanted, when = Wish(**wish), at(now)
    shown = changing.preview_change(subscription_id=subscription.id, wish=wanted, actor=SYSTEM, now=when)
    credit = credit_of(subscription.tenant)
    _, invoice = changing.change_subscription(
        subscription_id=subscription.id, wish=wanted, actor=SYSTEM, now=when, instant=when, state=shown.state
    )
    assert (invoice.total_minor if invoice else min(0, shown.quote.total_minor)) == shown.quote.total_minor
    if invoice:
        lines = list(invoice.lines.values_list("title", "amount_minor"))
        assert lines == [(line.title, line.amount_minor) for line in shown.quote.lines]
        assert money.amounts(invoice).open == shown.quote.due_minor == max(0, invoice.total_minor - credit)
    subscription.refresh_from_db()
    return invoice


def invoices(subscription: Subscription) -> list[Invoice]:
    """Oldest first."""
    return list(Invoice.objects.filter(subscription_ref=subscription.id).order_by("number_year", "number_sequence"))


def billed(subscription: Subscription) -> list[tuple[str, str, int]]:
    """(from, to, total) of each invoice, in the tenant's zone: 'Jan 31', 'Feb 28'."""
    zone = subscription.tenant.zone

    def day(instant: datetime | None) -> str:
        assert instant
        local = instant.astimezone(zone)
        return f"{MONTHS[local.month - 1][:3]} {local.day}"

    return [(day(each.period_start), day(each.period_end), each.total_minor) for each in invoices(subscription)]


def open_sums(subscription: Subscription) -> list[int]:
    """What is open of each invoice, oldest first."""
    return [money.amounts(each).open for each in invoices(subscription)]


def pay(invoice: Invoice, now: str) -> None:
    """A check for all that is open of it."""
    from payments.tests.offline_world import verify_check

    clerk = world.user(staff=True)
    verify_check(
        world.check_for(invoice.tenant, money.amounts(invoice).open, clerk, invoice=invoice, now=at(now)), now=at(now)
    )


def credit_of(tenant: Tenant) -> int:
    return money.credit_balance(tenant, tenant.currency or "usd").minor


def seats_of(subscription: Subscription, when: str) -> int:
    return queries.current_terms(subscription, at(when)).seats


def moves(subscription: Subscription) -> list[str]:
    """The states it went through."""
    rows = StatusChange.objects.filter(subject="subscription", subject_id=subscription.id)
    return list(rows.values_list("new", flat=True))


def usd(minor: int) -> Money:
    return Money(minor, "usd")
