"""How a tenant is known to a provider that keeps its means of payment: one customer, made when it is first needed."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from billing_portal.kit.errors import NotFound
from billing_portal.tenants.models import Tenant
from payments.actions.calling import call
from payments.models import ProviderCustomer
from payments.providers import registry
from payments.providers.base import SavesMethods

log = logging.getLogger(__name__)


def saver() -> SavesMethods:
    """The provider that keeps methods. Raises NotFound when none is on: what it would do is not offered then."""
    found = registry.able(SavesMethods)
    if not found:
        raise NotFound
    return found[0]


def customer_of(tenant: Tenant, provider: SavesMethods) -> ProviderCustomer | None:
    """The tenant's customer there, in the mode that the provider is in; None before it was needed."""
    rows = ProviderCustomer.objects.filter(tenant=tenant, provider=provider.name, livemode=provider.livemode)
    return rows.first()


def customer_for(*, tenant: Tenant, provider: SavesMethods, now: datetime) -> ProviderCustomer:
    """The tenant's customer there, made when it has none. However many ask at once, the key makes it one.

    Raises ProviderError.
    """
    if found := customer_of(tenant, provider):
        return found
    reference = _create(tenant, provider, now, key=f"cus:{tenant.id}:{_fingerprint(tenant)}")
    row = ProviderCustomer(
        tenant=tenant, provider=provider.name, livemode=provider.livemode, provider_ref=reference, created_at=now
    )
    # ON CONFLICT DO NOTHING: whoever came first has written the same one.
    ProviderCustomer.objects.bulk_create([row], ignore_conflicts=True)
    return ProviderCustomer.objects.get(tenant=tenant, provider=provider.name, livemode=provider.livemode)


def replace_customer(
    *, gone: ProviderCustomer, tenant: Tenant, provider: SavesMethods, now: datetime
) -> ProviderCustomer:
    """A new one in the place of one that was deleted in the provider's dashboard: what it had saved is gone, the tenant
    is not. Of those who find that out at once, one replaces it. Raises ProviderError."""
    log.warning("customer %s of tenant %s is gone at %s", gone.provider_ref, tenant.id, provider.name)
    reference = _create(tenant, provider, now, key=f"cus:{tenant.id}:after:{gone.provider_ref}")
    ProviderCustomer.objects.filter(id=gone.id, provider_ref=gone.provider_ref).update(provider_ref=reference)
    return ProviderCustomer.objects.get(id=gone.id)


def _fingerprint(tenant: Tenant) -> str:
    """Of what is sent: a tenant that changes its address after a lost answer asks under another key, or the provider
    would refuse it for a day."""
    return hashlib.sha256(f"{tenant.billing_email}\n{tenant.name}".encode()).hexdigest()[:16]


def _create(tenant: Tenant, provider: SavesMethods, now: datetime, key: str) -> str:
    # The second is the mirror's name for whose customer it is.
    metadata = {"tenant_id": str(tenant.id), "djstripe_subscriber": str(tenant.id)}
    return call(
        "create_customer",
        lambda: provider.create_customer(email=tenant.billing_email, name=tenant.name, key=key, metadata=metadata),
        provider=provider,
        tenant_id=tenant.id,
        now=now,
    )
