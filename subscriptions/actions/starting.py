"""Start a subscription as a tenant orders it: find the price, and the engine that charges it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from billing_portal.tenants.models import Tenant
from payments.providers import registry
from payments.providers.recurring import Payer, RunsSubscriptions
from subscriptions import queries
from subscriptions.actions import beginning, couponing
from subscriptions.actions.subscribing import start_subscription
from subscriptions.errors import CouponNotByPayPal, UnknownPlan
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import Engine


@dataclass(frozen=True, slots=True)
class Order:
    """As it was sent. With a `payer` PayPal charges it, once they have agreed; with a `method_ref` Stripe does. No
    `seats`: as few as the plan takes; no `trial_days`: none; no `currency`: the tenant's."""

    plan_code: str
    cycle: str
    seats: int | None = None
    trial_days: int | None = None
    method_ref: str | None = None
    payer: Payer | None = None
    coupon: str | None = None
    currency: str | None = None


def start(*, tenant: Tenant, order: Order, actor: Actor, now: datetime) -> Subscription:
    """By invoice where no payment method is named, else by the provider that keeps cards and bank accounts.

    A coupon is looked at before anybody outside is asked for anything. Raises UnknownPlan, BadInput, CouponNotByPayPal
    and what `subscribing.start_subscription` raises.
    """
    price = price_of(tenant, order)
    seats = price.minimum_seats if order.seats is None else order.seats
    if order.coupon and order.payer:
        raise CouponNotByPayPal
    if order.coupon and not queries.live_subscription(tenant):
        couponing.check(tenant=tenant, code=order.coupon, currency=price.currency, now=now)
    if order.method_ref or order.payer:
        engine = Engine.PAYPAL if order.payer else Engine.STRIPE
        provider = registry.named(engine, RunsSubscriptions)
        if provider is None:
            words = "Subscriptions are not paid this way here. Leave this out to pay by invoice."
            raise BadInput(words, code="method_not_offered", field="paymentMethodId")
        terms = beginning.Terms(price, seats, order.trial_days or 0, order.method_ref, order.payer, order.coupon)
        return beginning.begin(tenant=tenant, provider=provider, terms=terms, actor=actor, now=now)
    return start_subscription(
        tenant=tenant,
        price=price,
        seats=seats,
        actor=actor,
        now=now,
        trial_days=order.trial_days or 0,
        coupon=order.coupon,
    )


def price_of(tenant: Tenant, order: Order) -> PlanPrice:
    """In the tenant's currency, or the one that is asked for, or else in the first that the plan has a price in.

    Raises UnknownPlan, and what `queries.price_for` raises.
    """
    currency = order.currency or tenant.currency
    if currency is None:
        version = next((each for each in queries.offered(tenant) if each.plan.code == order.plan_code), None)
        if version is None:
            raise UnknownPlan
        currencies = sorted({price.currency for price in version.prices.all()})
        currency = "usd" if "usd" in currencies else next(iter(currencies), "usd")
    return queries.price_for(tenant, order.plan_code, order.cycle, currency)
