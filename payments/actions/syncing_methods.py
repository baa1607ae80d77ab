"""Our rows of saved methods, made to agree with what the provider keeps; and which of them is charged.

A default is changed by people alone. A method that is newly saved becomes it where there is none. One that is gone
leaves none behind, however many others there are: to charge another than the one that was chosen is not ours to decide.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from payments import collect_queries, method_queries
from payments.actions.calling import call
from payments.actions.customers import customer_of, saver
from payments.models import PaymentMethod, ProviderCustomer
from payments.providers.base import SavesMethods
from payments.providers.errors import ProviderError, UnknownReference
from payments.providers.facts import MethodFacts

log = logging.getLogger(__name__)


def sync_methods(*, tenant: Tenant, now: datetime) -> list[PaymentMethod]:
    """Make our rows agree with what the provider keeps for the tenant; the methods that are there, newest first.

    What was saved in the browser gets a row, a card that its bank renewed its new date, what is gone is marked so. Two
    that run at once do each other no harm, whichever answer is the older: only a row that was there before the provider
    was asked can be found gone, and what is gone never comes back. A method of another tenant's is never moved, only
    said in the log. Source: Stripe API, "Detach a PaymentMethod".
    Raises NotFound (no provider keeps methods), ProviderError.
    """
    provider = saver()
    customer = customer_of(tenant, provider)
    if customer is not None:
        before = {row.provider_ref: row for row in _rows(tenant, provider)}
        kept = {each.ref: each for each in _kept(provider, customer, now) if each.type in PaymentMethod.Type.values}
        _agree(tenant, provider, before, kept, now)
    return list(method_queries.saved_methods(tenant))


def known_methods(*, tenant: Tenant, now: datetime) -> list[PaymentMethod]:
    """For a list that somebody looks at: as `sync_methods`; while the provider does not answer, as we last knew them.

    Raises NotFound (no provider keeps methods).
    """
    try:
        return sync_methods(tenant=tenant, now=now)
    except ProviderError as error:
        log.warning("methods are listed as we last knew them: %s", error)
        return list(method_queries.saved_methods(tenant))


def lock_tenant(tenant: Tenant) -> None:
    """One at a time decides what is the default. In the caller's transaction."""
    Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)


def make_default(method: PaymentMethod, now: datetime) -> PaymentMethod:
    """This one, and no other of the tenant's, whatever its mode; what could not be charged to the one before is tried
    again at once. In the caller's transaction, under the tenant's lock."""
    others = PaymentMethod.objects.filter(tenant=method.tenant_id, is_default=True).exclude(id=method.id)
    others.update(is_default=False)
    if method.is_default:
        return method
    method.is_default = True
    method.save(update_fields=["is_default"])
    outbox.write(
        topic="method.chosen",
        payload={"tenantId": str(method.tenant_id), "methodRef": method.provider_ref, "provider": method.provider},
        tenant=method.tenant,
        now=now,
        dedupe_key=f"method.chosen:{method.id}:{now.isoformat()}",
    )
    for invoice in collect_queries.failed_invoices(method.tenant_id):
        outbox.write(
            topic="invoice.collect",
            payload={"invoiceId": str(invoice.id)},
            tenant=method.tenant,
            now=now,
            dedupe_key=f"invoice.collect:{invoice.id}:by:{method.id}",
        )
    return method


def _rows(tenant: Tenant, provider: SavesMethods) -> QuerySet[PaymentMethod]:
    return PaymentMethod.objects.filter(tenant=tenant, provider=provider.name, livemode=provider.livemode)


def _kept(provider: SavesMethods, customer: ProviderCustomer, now: datetime) -> list[MethodFacts]:
    try:
        return call(
            "saved_methods",
            lambda: provider.saved_methods(customer.provider_ref),
            provider=provider,
            tenant_id=customer.tenant_id,
            now=now,
        )
    except UnknownReference:  # deleted in the provider's dashboard, with all that it had saved
        log.warning("customer %s is gone at %s", customer.provider_ref, provider.name)
        return []


def _agree(
    tenant: Tenant,
    provider: SavesMethods,
    before: Mapping[str, PaymentMethod],
    kept: Mapping[str, MethodFacts],
    now: datetime,
) -> None:
    there = [row for row in before.values() if row.removed_at is None]
    changed = [row for row in there if row.provider_ref in kept and _shows_anew(row, kept[row.provider_ref])]
    gone = [row.id for row in there if row.provider_ref not in kept]
    new = [each for ref, each in kept.items() if ref not in before]
    if not (changed or gone or new):
        return  # most often: nobody is locked for a look at a list
    with transaction.atomic():
        lock_tenant(tenant)
        PaymentMethod.objects.filter(id__in=gone, removed_at=None).update(removed_at=now, is_default=False)
        PaymentMethod.objects.bulk_update(changed, ["brand", "last4", "exp_month", "exp_year", "bank_name"])
        if new:
            _take_in(tenant, provider, new, now)


def _take_in(tenant: Tenant, provider: SavesMethods, new: Sequence[MethodFacts], now: datetime) -> None:
    rows = []
    for each in new:
        row = PaymentMethod(
            tenant=tenant,
            provider=provider.name,
            livemode=provider.livemode,
            provider_ref=each.ref,
            type=each.type,
            created_at=each.created_at or now,
        )
        _shows_anew(row, each)
        rows.append(row)
    # ON CONFLICT DO NOTHING: another sync was quicker, or the method is another tenant's.
    PaymentMethod.objects.bulk_create(rows, ignore_conflicts=True)
    refs = {each.ref for each in new}
    mine = list(_rows(tenant, provider).filter(provider_ref__in=refs).order_by("created_at", "id"))
    if foreign := refs - {row.provider_ref for row in mine}:
        log.error("methods %s are kept for tenant %s and belong to another", sorted(foreign), tenant.id)
    first = next((row for row in mine if row.removed_at is None), None)
    if first is not None and method_queries.default_method(tenant) is None:
        make_default(first, now)


def _shows_anew(row: PaymentMethod, facts: MethodFacts) -> bool:
    """Write down what may be shown of it; whether that differs from what the row said."""
    month, year = facts.expires or (None, None)
    shown = {
        "brand": facts.brand and facts.brand[:100],
        "last4": facts.last4 and facts.last4[:4],
        "exp_month": month,
        "exp_year": year,
        "bank_name": facts.bank_name and facts.bank_name[:100],
    }
    differs = any(getattr(row, name) != value for name, value in shown.items())
    for name, value in shown.items():
        setattr(row, name, value)
    return differs
