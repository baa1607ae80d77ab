"""Ask the provider that charges a subscription. Each call is kept with the subscription's tenant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from payments.actions import calling
from payments.providers import registry
from payments.providers.base import ProviderUnavailable
from payments.providers.recurring import RunsSubscriptions
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
