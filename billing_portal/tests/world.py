"""A small world for tests: plans, tenants and people made by the same actions that production uses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.money import Money
from billing_portal.tenants.actions.creating import create_tenant
from billing_portal.tenants.actions.joining import add_member
from billing_portal.tenants.models import Tenant, User
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment
from payments.models import Invoice, Payment
from subscriptions.actions.planning import define_plan
from subscriptions.actions.subscribing import start_subscription
from subscriptions.models import PlanPrice
from usage.actions.closing import Closed, close_month
from usage.actions.metering import UsageEvent, record_usage
from usage.models import UsageRecord

SYSTEM = Actor.system("test")
START = datetime(2026, 9, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    """ "2026-10-05 14:00" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plan_price(
    currency: str = "usd",
    *,
    included: int = 100,
    outbound: str = "1.2",
    toll_free: str = "1.8",
    seat: int = 0,
    yearly: int = 0,
    least: int = 1,
    **facts: Any,
) -> PlanPrice:
    """A monthly price of a plan of its own: `included` outbound minutes a seat, inbound without limit. A seat costs
    nothing unless it is said, so that it is usage alone that is billed; `yearly`: what it costs for a year."""
    version = define_plan(
        code=facts.pop("code", f"plan-{uuid4().hex[:8]}"),
        name="Professional",
        now=START,
        allowances={("call_minutes", "outbound"): Decimal(included), ("call_minutes", "inbound"): None},
        overage={
            ("call_minutes", "outbound", currency): Decimal(outbound),
            ("call_minutes", "toll_free", currency): Decimal(toll_free),
        },
        prices={("monthly", currency): (seat, least), **({("yearly", currency): (yearly, least)} if yearly else {})},
        **facts,
    )
    return version.prices.get(billing_cycle="monthly")


def tenant(slug: str | None = None, **facts: Any) -> Tenant:
    """A tenant without subscription."""
    slug = slug or f"t-{uuid4().hex[:8]}"
    return create_tenant(
        slug=slug, name=slug.title(), billing_email=f"billing@{slug}.example", actor=SYSTEM, now=START, **facts
    )


def subscribed(price: PlanPrice | None = None, *, seats: int = 1, since: datetime = START, **facts: Any) -> Tenant:
    """A tenant on a plan since `since`."""
    who = tenant(**facts)
    start_subscription(tenant=who, price=price or plan_price(), seats=seats, actor=SYSTEM, now=since)
    return who


def user(email: str | None = None, *, staff: bool = False, groups: tuple[str, ...] = (), **facts: Any) -> User:
    """Somebody with the password "secret for tests"."""
    made = User.objects.create_user(
        email or f"{uuid4().hex[:8]}@people.example", "secret for tests", is_staff=staff, **facts
    )
    if groups:
        from django.contrib.auth.models import Group

        made.groups.set(Group.objects.filter(name__in=groups))
    return made


def member(of: Tenant, role: str = "owner") -> User:
    made = user()
    add_member(tenant=of, user=made, role=role, actor=SYSTEM, now=START)
    return made


def staff_actor(who: User) -> Actor:
    return Actor(ActorKind.STAFF, who.id, who.email)


def call(
    of: Tenant, minutes: int | str, when: datetime, *, now: datetime | None = None, **facts: Any
) -> tuple[UsageRecord, bool]:
    event = UsageEvent(meter="call_minutes", quantity=Decimal(minutes), occurred_at=when, **facts)
    return record_usage(tenant=of, event=event, now=now or when)


def close(of: Tenant, label: str, now: datetime) -> Closed:
    return close_month(tenant=of, label=label, actor=SYSTEM, now=now)


def overage_invoice(of: Tenant, *, cents: int = 12_000, month: str = "2026-09") -> Invoice:
    """An open overage invoice of exactly `cents`, through metering and closing (1.2 minor units a minute, 100
    included)."""
    minutes = Decimal(cents) / Decimal("1.2") + 100
    call(of, str(minutes), at(f"{month}-10 12:00"))
    year, number = int(month[:4]), int(month[5:])
    after = datetime(year + number // 12, number % 12 + 1, 2, tzinfo=UTC)
    invoice = close(of, month, after).invoice
    assert invoice is not None
    return invoice


def check_for(
    of: Tenant, cents: int, recorder: User, *, invoice: Invoice | None = None, now: datetime = START, **choice: Any
) -> Payment:
    """A recorded check that awaits review."""
    return record_manual_payment(
        tenant=of,
        amount=Money(cents, of.currency or "usd"),
        choice=MethodChoice("check", **choice),
        actor=staff_actor(recorder),
        now=now,
        invoice=invoice,
    )
