"""Saved means of payment: begin to save one, choose which is charged, remove one.

The provider is asked first and our rows follow (`syncing_methods`): no money moves here, and a method that only one
side knows can't be charged.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from billing_portal.tenants.models import Tenant
from payments import method_queries
from payments.actions.calling import call
from payments.actions.customers import customer_for as customer_for
from payments.actions.customers import customer_of, replace_customer, saver
from payments.actions.syncing_methods import lock_tenant, make_default
from payments.actions.syncing_methods import sync_methods as sync_methods
from payments.errors import MethodInUse, MethodNotFound
from payments.models import Payment, PaymentMethod, ProviderCustomer
from payments.providers.base import SavesMethods
from payments.providers.errors import UnknownReference
from payments.providers.facts import SetupResult

log = logging.getLogger(__name__)

# Payments that still need their method: not sent yet, with their payer at the bank's page, or with a debit on its way.
NEEDING = (Payment.Status.CREATED, Payment.Status.REQUIRES_ACTION, Payment.Status.PROCESSING)


def begin_setup(*, tenant: Tenant, kind: str | None, key: str | None, now: datetime) -> SetupResult:
    """Begin to save a card or bank account (`kind`; None: whichever the payer chooses), to be finished in the payer's
    browser.

    `key` is the client's own: with the same one it is the same setup, for as long as the provider remembers (a day).
    Raises NotFound (no provider keeps methods), ProviderError.
    """
    provider = saver()
    customer = customer_for(tenant=tenant, provider=provider, now=now)
    try:
        return _begin(provider, customer, kind, key, now)
    except UnknownReference:
        customer = replace_customer(gone=customer, tenant=tenant, provider=provider, now=now)
        return _begin(provider, customer, kind, key, now)


def set_default(*, tenant: Tenant, method_ref: str, now: datetime) -> PaymentMethod:
    """Charge this method from now on while nobody is there to choose.

    Raises NotFound (no provider keeps methods), MethodNotFound, ProviderError.
    """
    _look_for(tenant, method_ref, now)
    with transaction.atomic():
        lock_tenant(tenant)
        method = make_default(_own(tenant, method_ref), now)
    log.info("payment method %s is the default of tenant %s", method_ref, tenant.id)
    return method


def remove_method(*, tenant: Tenant, method_ref: str, now: datetime) -> None:
    """Let the provider forget it, then mark our row. Done again after a crash in between it ends what was begun; what
    is removed does not exist.

    A payment that begins with it in just that moment is refused by the provider, and nothing moves.
    Raises NotFound (no provider keeps methods), MethodNotFound, MethodInUse, ProviderError.
    """
    _look_for(tenant, method_ref, now)
    with transaction.atomic():
        lock_tenant(tenant)
        method = _own(tenant, method_ref)
        if Payment.objects.filter(tenant=tenant, method_ref=method_ref, status__in=NEEDING).exists():
            raise MethodInUse
    _forget(tenant, method_ref, now)
    with transaction.atomic():
        lock_tenant(tenant)
        PaymentMethod.objects.filter(id=method.id, removed_at=None).update(removed_at=now, is_default=False)
    log.info("payment method %s of tenant %s was removed", method_ref, tenant.id)


def _look_for(tenant: Tenant, method_ref: str, now: datetime) -> None:
    """One that we don't know may have been saved a moment ago: then the provider is asked."""
    saver()
    if method_queries.method_of(tenant, method_ref) is None:
        sync_methods(tenant=tenant, now=now)


def _own(tenant: Tenant, method_ref: str) -> PaymentMethod:
    method = method_queries.method_of(tenant, method_ref)
    if method is None:
        raise MethodNotFound
    return method


def _forget(tenant: Tenant, method_ref: str, now: datetime) -> None:
    """What the provider does not know, or no longer as this customer's, is forgotten already."""
    provider = saver()
    customer = customer_of(tenant, provider)
    if customer is None:
        return
    try:
        call(
            "forget_method",
            lambda: provider.forget_method(customer_ref=customer.provider_ref, method_ref=method_ref),
            provider=provider,
            tenant_id=tenant.id,
            now=now,
        )
    except UnknownReference:
        log.info("payment method %s was gone at %s already", method_ref, provider.name)


def _begin(
    provider: SavesMethods, customer: ProviderCustomer, kind: str | None, key: str | None, now: datetime
) -> SetupResult:
    # Hashed: a client's key may be as long as a provider's. With the customer: for another one it is another request.
    text = f"{customer.tenant_id}:{customer.provider_ref}:{kind}:{key}" if key else str(uuid4())
    setup_key = f"setup:{hashlib.sha256(text.encode()).hexdigest()}"
    return call(
        "begin_setup",
        lambda: provider.begin_setup(
            customer_ref=customer.provider_ref,
            kind=kind,
            key=setup_key,
            metadata={"tenant_id": str(customer.tenant_id)},
        ),
        provider=provider,
        tenant_id=customer.tenant_id,
        now=now,
    )
