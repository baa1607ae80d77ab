"""Begin a subscription that a provider charges: our row first, then the provider, then what it says."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BillingError, PaymentFailed
from billing_portal.tenants.models import Tenant
from payments.actions.customers import customer_for
from payments.errors import MethodNotFound
from payments.provider_answers import answer_for
from payments.providers.base import SavesMethods
from payments.providers.errors import OutcomeUnknown, ProviderError, UnknownReference
from payments.providers.recurring import MethodDeclined, Payer, RunsSubscriptions, StartRequest
from subscriptions import debits, declined, queries
from subscriptions.actions import couponing, following, moving, pricing, subscribing
from subscriptions.actions.asking import ask
from subscriptions.errors import AlreadySubscribed
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import Engine

log = logging.getLogger(__name__)

Status = Subscription.Status
_WORDS = "Your bank declined the first payment{}. Nothing was started or charged. Choose another way to pay."
_ENDED = "It has ended before it began: another was begun in its place, or it was given up. What it charged goes back."


@dataclass(frozen=True, slots=True)
class Terms:
    """What is begun, and by whom it is paid: `method_ref` of a saved or fresh method, or the `payer` who agrees on the
    provider's page. `coupon` is the code of one."""

    price: PlanPrice
    seats: int
    trial_days: int = 0
    method_ref: str | None = None
    payer: Payer | None = None
    coupon: str | None = None


def begin(*, tenant: Tenant, provider: RunsSubscriptions, terms: Terms, actor: Actor, now: datetime) -> Subscription:
    """The subscription as the provider has begun it, with what its payer has still to do.

    1. Commit the row, under the tenant's lock; what was begun before and never came alive ends, and is dropped.
    2. Ask the provider, with no transaction open, under a key derived from the row: the same row is the same
       subscription.
    3. Follow what it says. Without an answer the row waits, and is asked about; where surely nothing was begun it ends.
       What has lost its place meanwhile ends at the provider too.
    Raises AlreadySubscribed (also of that), what `subscribing.check_terms`, `check_trial` and `take_coupon` raise,
    MethodNotFound, and what `provider_answers` says of a provider that did nothing.
    """
    price_ref = pricing.price_ref(terms.price, provider)
    customer = _customer(tenant, provider, terms, now)
    subscription = _open(tenant, provider, terms, actor, now)
    request = _request(subscription, terms, price_ref, customer)
    try:
        facts = ask(subscription, "start_subscription", lambda: provider.start_subscription(request), now=now)
    except OutcomeUnknown:
        log.info("nobody knows whether subscription %s has begun; it is asked about", subscription.id)
        return _as_it_is(subscription)
    except ProviderError as error:
        moving.end_unbegun(subscription_id=subscription.id, reason="not begun", actor=actor, now=now)
        raise _refusal(error) from error
    try:
        begun = following.take(subscription_id=subscription.id, facts=facts, provider=provider, actor=actor, now=now)
    except ProviderError:
        # It has begun: whoever hears of an error asks once more, and would begin another.
        log.warning("subscription %s has begun, and could not be read yet; it is asked about", subscription.id)
        return _as_it_is(subscription)
    if begun.status == Status.CANCELED:
        raise AlreadySubscribed(_ENDED)
    if begun.status == Status.INCOMPLETE and not begun.client_secret and not debits.under_way(begun):
        # The row stays, and another start takes its place.
        raise declined.payment_failed(_WORDS, queries.failed_payments(begun).first())
    return begun


def _customer(tenant: Tenant, provider: RunsSubscriptions, terms: Terms, now: datetime) -> str | None:
    if terms.method_ref is None or not isinstance(provider, SavesMethods):
        return None
    return customer_for(tenant=tenant, provider=provider, now=now).provider_ref


def _request(subscription: Subscription, terms: Terms, price_ref: str, customer: str | None) -> StartRequest:
    return StartRequest(
        subscription_id=str(subscription.id),
        tenant_id=str(subscription.tenant_id),
        price_ref=price_ref,
        seats=terms.seats,
        key=f"sub:{subscription.id}",
        trial_end=subscription.trial_end,
        customer_ref=customer,
        method_ref=terms.method_ref,
        payer=terms.payer,
        return_url=f"{settings.PUBLIC_URL}/subscription/paypal/return",
        cancel_url=f"{settings.PUBLIC_URL}/subscription/paypal/cancel",
        coupon=couponing.as_asked(subscription.coupon),
        asked_at=subscription.started_at,
    )


def _as_it_is(subscription: Subscription) -> Subscription:
    """What its provider says is not known yet. Raises AlreadySubscribed where it has lost its place."""
    row = Subscription.objects.select_related("tenant").get(id=subscription.id)
    if row.status == Status.CANCELED:
        raise AlreadySubscribed(_ENDED)
    return row


def _refusal(error: ProviderError) -> BillingError:
    if isinstance(error, MethodDeclined):
        return PaymentFailed(_WORDS.format(declined.reason(error.code)), code=error.code or "card_declined")
    return MethodNotFound() if isinstance(error, UnknownReference) else answer_for(error)


@transaction.atomic
def _open(tenant: Tenant, provider: RunsSubscriptions, terms: Terms, actor: Actor, now: datetime) -> Subscription:
    locked = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
    subscribing.check_terms(locked, terms.price, terms.seats)
    subscribing.check_trial(locked, terms.price, terms.trial_days)
    if queries.live_subscription(locked):
        raise AlreadySubscribed
    subscribing.end_begun(locked, actor=actor, now=now)
    subscribing.set_currency(locked, terms.price.currency)
    tenant.currency = locked.currency
    coupon = subscribing.take_coupon(locked, terms.coupon, terms.price, now)
    trial_end = now + timedelta(days=terms.trial_days) if terms.trial_days else None
    subscription = Subscription(
        tenant=locked,
        status=Status.APPROVAL_PENDING if terms.payer else Status.INCOMPLETE,
        engine=Engine(provider.name),
        livemode=provider.livemode,
        currency=terms.price.currency,
        anchor_at=trial_end or now,
        started_at=now,
        trial_end=trial_end,
        coupon=coupon,
    )
    return subscribing.create(subscription, terms.price, terms.seats, actor=actor, now=now)
