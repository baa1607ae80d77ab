"""Which providers this installation has, by name and by payment method."""

from functools import cache

from payments.providers.base import Provider
from payments.providers.manual import ManualProvider


@cache
def providers() -> dict[str, Provider]:
    """By name. Built once: adapters hold clients, not state."""
    return {provider.name: provider for provider in (ManualProvider(),)}


def provider_for(method: str) -> Provider | None:
    """The provider a method goes through, or None where nobody here takes it."""
    return next((each for each in providers().values() if method in each.methods), None)
