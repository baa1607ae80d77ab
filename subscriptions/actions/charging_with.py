"""The method that a provider charges for a subscription: the one that its tenant has chosen, from now on."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput, Conflict, NotFound
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments import method_queries
from payments import queries as money
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.models import Invoice, Payment, PaymentMethod
from payments.providers import registry
from payments.providers.errors import NotInThatState
from payments.providers.recurring import ChangesSubscriptions
from subscriptions import queries
from subscriptions.actions import following
from subscriptions.actions.asking import ask
from subscriptions.models import Subscription

log = logging.getLogger(__name__)

Status = Subscription.Status
# Their provider has a bill that it could not collect.
OWING = (Status.PAST_DUE, Status.UNPAID)
# A method that was refused is not tried again for so long, unless its payer asks for it.
JUST_NOW = timedelta(minutes=10)
# A client's own key is plain ASCII: no client can take the place of this one.
_KEY = "\N{SECTION SIGN}with:"


def charge_with(*, tenant: Tenant, method_ref: str, cause: str, actor: Actor, now: datetime) -> Subscription | None:
    """The tenant's subscription after its provider was told to charge this method, where it charges it at all; what it
    could not collect is paid with it at once. None: nothing of that provider's runs, or the tenant has chosen another
    method since. `cause` names the choice: the same one pays a bill once.

    Raises ProviderError, and what `start_payment` raises of a provider that did nothing: to be tried again.
    """
    subscription, method = queries.live_subscription(tenant), method_queries.default_method(tenant)
    if subscription is None or method is None or method.provider_ref != method_ref:
        return None
    provider = registry.named(subscription.engine, ChangesSubscriptions)
    reference = subscription.provider_ref
    if provider is None or reference is None or method.provider != subscription.engine:
        return None
    try:
        facts = ask(
            subscription, "charge_with", lambda: provider.charge_with(reference, method_ref=method_ref), now=now
        )
    except NotInThatState:
        return following.follow(subscription_id=subscription.id, actor=actor, now=now)
    after = following.take(subscription_id=subscription.id, facts=facts, provider=provider, actor=actor, now=now)
    chosen = method_queries.default_method(tenant)
    if chosen and chosen.provider_ref != method_ref:
        # Another choice may have reached the provider before this one: the last word there must be the last choice.
        later = f"{cause}:{chosen.provider_ref}"
        return charge_with(tenant=tenant, method_ref=chosen.provider_ref, cause=later, actor=actor, now=now)
    return _pay_what_is_open(after, method, cause, actor, now) if after.status in OWING else after


def _pay_what_is_open(
    subscription: Subscription, method: PaymentMethod, cause: str, actor: Actor, now: datetime
) -> Subscription:
    """A decline is told as any other. What somebody pays meanwhile is left to them."""
    bills = Invoice.objects.filter(
        subscription_ref=subscription.id, status=Invoice.Status.OPEN, provider=method.provider
    )
    for invoice in bills.order_by("issued_at", "id"):
        if not money.is_open_there(invoice) or _is_left_to_its_payer(invoice, method, now):
            continue
        try:
            start_payment(
                tenant=subscription.tenant,
                amount=Money(money.amounts(invoice).open, invoice.currency),
                choice=MethodChoice(method.type, method_ref=method.provider_ref),
                invoice_id=invoice.id,
                description=str(invoice),
                key=f"{_KEY}{invoice.id}:{cause}",
                off_session=True,
                actor=actor,
                now=now,
            )
        except (BadInput, Conflict, NotFound) as error:
            log.info("%s is not paid with the new method: %s", invoice, error)
    return following.follow(subscription_id=subscription.id, actor=actor, now=now)


def _is_left_to_its_payer(invoice: Invoice, method: PaymentMethod, now: datetime) -> bool:
    """Whoever pays it with this very method is confirming that, or has just read why it was refused: saving it made it
    the default."""
    with_it = invoice.payments.filter(method_ref=method.provider_ref)
    refused = with_it.filter(status=Payment.Status.FAILED, updated_at__gt=now - JUST_NOW)
    return refused.exists() or with_it.filter(status=Payment.Status.REQUIRES_ACTION).exists()
