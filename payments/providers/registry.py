"""Which providers this installation has, by name and by payment method."""

from functools import cache
from typing import TypeVar

from django.conf import settings

from payments.providers.base import Provider
from payments.providers.manual import ManualProvider

_Capability = TypeVar("_Capability", bound=Provider)


@cache
def providers() -> dict[str, Provider]:
    """By name. Built once for each process: adapters hold clients, not state. A provider is on when its secret key is
    set."""
    found: list[Provider] = [ManualProvider()]
    if settings.STRIPE_SECRET_KEY:
        # Here, not above: the SDK takes half a second to import, which an installation without it need not pay.
        from payments.providers.stripe import provider as stripe  # noqa: PLC0415

        found.append(stripe.from_settings())
    if settings.PAYPAL_CLIENT_ID and settings.PAYPAL_CLIENT_SECRET:
        from payments.providers.paypal import provider as paypal  # noqa: PLC0415

        found.append(paypal.from_settings())
    return {provider.name: provider for provider in found}


def provider_for(method: str) -> Provider | None:
    """The provider a method goes through, or None where nobody here takes it."""
    return next((each for each in providers().values() if method in each.methods), None)


def named(name: str, capability: type[_Capability]) -> _Capability | None:
    """The provider of that name when it is on and can do that."""
    found = providers().get(name)
    return found if isinstance(found, capability) else None


def able(capability: type[_Capability]) -> list[_Capability]:
    """Every provider that is on and can do that."""
    return [each for each in providers().values() if isinstance(each, capability)]
