"""Put a tenant on a plan, paid by invoice."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from billing_portal.kit.actors import Actor
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from payments import queries as money
from payments.actions.history import note_move
from payments.errors import CurrencyMismatch
from subscriptions import queries, spans
from subscriptions.actions import billing, couponing, moving
from subscriptions.errors import (
    AlreadySubscribed,
    NotByInvoice,
    TooFewSeats,
    TooManySeats,
    TrialTooLong,
    TrialUsed,
    UnknownPlan,
)
from subscriptions.models import Coupon, PlanPrice, Subscription, SubscriptionTerms
from subscriptions.models.subscription import BEGUN, Engine

# What an invoice line and a provider's quantity hold without a second thought.
MOST_SEATS = 100_000


@transaction.atomic
def start_subscription(
    *,
    tenant: Tenant,
    price: PlanPrice,
    seats: int,
    actor: Actor,
    now: datetime,
    trial_days: int = 0,
    billed_elsewhere_until: datetime | None = None,
    coupon: str | None = None,
) -> Subscription:
    """Start on the `invoice` engine: the first period is billed at once, after a trial when that ends.

    1. Lock the tenant. The first subscription sets its billing currency.
    2. Write the subscription, active or on trial, with its first terms. One live one per tenant and one trial per
       tenant for ever: held by the database.
    3. Bill the first period in advance, on the tenant's usual terms. `billed_elsewhere_until`: whoever comes from
       another system has paid there up to then, and the period which holds that instant is the last that is not billed.
    `coupon` is the code of one that is redeemed: it takes something off from the first bill on, and nothing off a
    trial. Who comes from another system brings none.
    Raises AlreadySubscribed, CurrencyMismatch, TooFewSeats, TooManySeats, NotByInvoice, UnknownPlan (another tenant's
    terms), TrialTooLong, TrialUsed, and what `couponing.check` raises.
    """
    assert not (coupon and billed_elsewhere_until)
    locked = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
    check_terms(locked, price, seats)
    if not price.version.by_invoice:
        raise NotByInvoice
    check_trial(locked, price, trial_days)
    if queries.live_subscription(locked):
        raise AlreadySubscribed
    end_begun(locked, actor=actor, now=now)
    set_currency(locked, price.currency)
    tenant.currency = locked.currency
    redeemed = take_coupon(locked, coupon, price, now)
    trial_end = now + timedelta(days=trial_days) if trial_days else None
    first = (now, trial_end) if trial_end else spans.first_span(now, locked.zone, price.billing_cycle)
    subscription = create(
        Subscription(
            tenant=locked,
            status=Subscription.Status.TRIALING if trial_end else Subscription.Status.ACTIVE,
            engine=Engine.INVOICE,
            currency=price.currency,
            anchor_at=trial_end or now,
            started_at=now,
            trial_start=now if trial_end else None,
            trial_end=trial_end,
            period_start=first[0],
            period_end=first[1],
            billed_until=trial_end or now,
            coupon=redeemed,
            coupon_cycle=1 if redeemed and not trial_end else 0,
        ),
        price,
        seats,
        actor=actor,
        now=now,
    )
    if billed_elsewhere_until:
        _skip(subscription, price, billed_elsewhere_until)
    elif not trial_end:
        billing.bill_period(subscription, price, seats, first, actor=actor, now=now)
    subscription.save()
    return subscription


def end_begun(tenant: Tenant, *, actor: Actor, now: datetime) -> None:
    """What was begun before and never came alive is in nobody's way, and holds no coupon any more. Under the tenant's
    lock, unless one of theirs lives. That it ends at its provider too is left in the outbox."""
    for each in Subscription.objects.select_for_update(no_key=True).filter(tenant=tenant, status__in=BEGUN):
        moving.end(each, now, actor=actor, now=now, reason="another was begun")
        each.save()
        outbox.write(
            topic="subscription.dropped",
            payload={"subscriptionId": str(each.id)},
            tenant=tenant,
            now=now,
            dedupe_key=f"subscription.dropped:{each.id}",
        )


def check_terms(tenant: Tenant, price: PlanPrice, seats: int) -> None:
    """Raises TooFewSeats, TooManySeats, UnknownPlan (terms that were agreed with another tenant)."""
    if price.version.tenant_id not in (None, tenant.id):
        raise UnknownPlan
    if seats < price.minimum_seats:
        raise TooFewSeats(price.minimum_seats)
    if seats > MOST_SEATS:
        raise TooManySeats(MOST_SEATS)


def check_trial(tenant: Tenant, price: PlanPrice, trial_days: int) -> None:
    """Raises TrialTooLong, TrialUsed."""
    if not 0 <= trial_days <= price.version.trial_days:
        raise TrialTooLong(price.version.trial_days)
    if trial_days and queries.had_trial(tenant):
        raise TrialUsed


def take_coupon(tenant: Tenant, code: str | None, price: PlanPrice, now: datetime) -> Coupon | None:
    """Redeemed, under the tenant's lock; None without a code. Raises what `couponing.check` raises."""
    if not code:
        return None
    return couponing.redeem(tenant=tenant, code=code, currency=price.currency, now=now)


def set_currency(tenant: Tenant, currency: str) -> None:
    """Fixed while anything is open or credit is left in another currency. Raises CurrencyMismatch."""
    if other := money.open_in_other_currencies(tenant, currency):
        raise CurrencyMismatch(asked=currency, billed=other)
    if tenant.currency != currency:
        tenant.currency = currency
        tenant.save(update_fields=["currency"])


def create(subscription: Subscription, price: PlanPrice, seats: int, *, actor: Actor, now: datetime) -> Subscription:
    """The row with its first terms and the first line of its history. Raises AlreadySubscribed, TrialUsed."""
    moving.note_alive(subscription, now)
    try:
        with transaction.atomic():
            subscription.save(force_insert=True)
    except IntegrityError as error:
        if "subscription_one_live" in str(error):
            raise AlreadySubscribed from error
        if "subscription_one_trial_per_tenant" in str(error):
            raise TrialUsed from error
        raise
    SubscriptionTerms.objects.create(
        tenant=subscription.tenant, subscription=subscription, effective_from=now, price=price, seats=seats
    )
    note_move(subscription, None, actor=actor, at=now, reason="started")
    return subscription


def _skip(subscription: Subscription, price: PlanPrice, until: datetime) -> None:
    """Count the periods that were paid elsewhere as billed."""
    assert subscription.period_end is not None
    end = subscription.period_end
    while end < until:
        end = spans.span_after(subscription.anchor_at, subscription.tenant.zone, price.billing_cycle, end)[1]
    subscription.billed_until = end
