"""Reads of saved means of payment, tenant first: those that can be charged here and now."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from billing_portal.tenants.models import Tenant
from payments.models import Payment, PaymentMethod, ProviderCustomer
from payments.providers import registry
from payments.providers.base import SavesMethods


def saved_methods(tenant: Tenant) -> QuerySet[PaymentMethod]:
    """Newest first. Only of providers that are on, in the mode that they are in: others could not be charged."""
    rows = PaymentMethod.objects.filter(tenant=tenant, removed_at=None)
    on = [Q(provider=each.name, livemode=each.livemode) for each in registry.able(SavesMethods)]
    return rows.filter(Q(*on, _connector=Q.OR)) if on else rows.none()


def default_method(tenant: Tenant) -> PaymentMethod | None:
    """What is charged while nobody is there to choose."""
    return saved_methods(tenant).filter(is_default=True).first()


def method_of(tenant: Tenant, method_ref: str) -> PaymentMethod | None:
    """The tenant's own by the provider's id (`pm_…`); None for another tenant's, as for one that does not exist."""
    return saved_methods(tenant).filter(provider_ref=method_ref).first()


def last_uses(tenant: Tenant, methods: Iterable[PaymentMethod]) -> dict[str, Payment]:
    """By the provider's id: the newest payment that was made with each, whatever came of it."""
    refs = [method.provider_ref for method in methods]
    rows = Payment.objects.filter(tenant=tenant, method_ref__in=refs)
    return {
        str(row.method_ref): row for row in rows.order_by("method_ref", "-created_at", "-id").distinct("method_ref")
    }


def any_method(provider: str, livemode: bool, method_ref: str) -> PaymentMethod | None:  # noqa: FBT001
    """Whosever it is, removed or not: for asking whether somebody else has it. Nothing of it is to be shown."""
    return PaymentMethod.objects.filter(provider=provider, livemode=livemode, provider_ref=method_ref).first()


def tenant_behind(provider: str, object_ref: str) -> Tenant | None:
    """Whose customer, or whose method, a provider's event names, in the mode that the provider is in."""
    on = registry.named(provider, SavesMethods)
    if on is None:
        return None
    facts = {"provider": provider, "livemode": on.livemode, "provider_ref": object_ref}
    for model in (ProviderCustomer, PaymentMethod):
        if row := model.objects.filter(**facts).select_related("tenant").first():
            return row.tenant
    return None
