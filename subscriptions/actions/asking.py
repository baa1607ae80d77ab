"""Ask the provider that charges a subscription. Each call is kept with the subscription's tenant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from payments.actions import calling
from payments.providers import registry
from payments.providers.errors import ProviderUnavailable
from payments.providers.recurring import RunsSubscriptions
from subscriptions import queries
from subscriptions.models import Subscription

_Answer = TypeVar("_Answer")


def provider_named(name: str) -> RunsSubscriptions:
    """Raises ProviderUnavailable while it is off."""
    provider = registry.named(name, RunsSubscriptions)
    if provider is None:
        raise ProviderUnavailable(f"{name} is off")
    return provider


def ask(subscription: Subscription, operation: str, request: Callable[[], _Answer], *, now: datetime) -> _Answer:
    """As `calling.call`, which says what is raised."""
    provider = provider_named(subscription.engine)
    return calling.call(operation, request, provider=provider, tenant_id=subscription.tenant_id, now=now)


def left_to_do(subscription: Subscription, *, now: datetime) -> Subscription:
    """The same, with `client_secret` or `approval_url` while its payer has something to do at its provider, which alone
    keeps them. Nothing is changed here. Raises ProviderError."""
    reference = subscription.provider_ref
    if reference and queries.may_wait_for_payer(subscription):
        provider = provider_named(subscription.engine)
        facts = ask(subscription, "look_up_subscription", lambda: provider.look_up_subscription(reference), now=now)
        subscription.client_secret, subscription.approval_url = facts.client_secret, facts.approval_url
    return subscription
