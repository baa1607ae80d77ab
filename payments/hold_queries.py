"""Reads of what holds collecting back: which invoices it covers now, and when it ended. A hold ends by its date alone,
so every read compares that with `now`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from billing_portal.tenants.models import Tenant
from payments.models import CollectionHold, Invoice

Kind = CollectionHold.Kind


def running(now: datetime) -> QuerySet[CollectionHold]:
    """In force at `now`, those that end first before the others."""
    rows = CollectionHold.objects.filter(created_at__lte=now, until__gt=now)
    return rows.filter(Q(lifted_at=None) | Q(lifted_at__gt=now)).order_by("until", "id")


def exemption(tenant: Tenant, now: datetime) -> CollectionHold | None:
    """By which the tenant is left alone at `now`."""
    return running(now).filter(tenant=tenant, kind=Kind.EXEMPTION).first()


def promise(invoice: Invoice, now: datetime) -> CollectionHold | None:
    """Of this invoice, at `now`."""
    return running(now).filter(invoice=invoice, kind=Kind.PROMISE).first()


def held(now: datetime) -> Exists:
    """Of a query of invoices: those that are held back at `now`, one by one or with all of their tenant's."""
    mine = Q(invoice=OuterRef("pk")) | Q(tenant=OuterRef("tenant"), invoice=None)
    return Exists(running(now).order_by().filter(mine))


def holds_of(invoices: Iterable[Invoice], now: datetime) -> dict[UUID, CollectionHold]:
    """What holds each back at `now`, by invoice id, in one query; of two, the one that ends later. What a provider
    charges by itself is held back by nobody here."""
    found: dict[UUID, CollectionHold] = {}
    for invoice, holds in _of(invoices, running(now)):
        if invoice.status == Invoice.Status.OPEN and invoice.provider is None:
            found[invoice.id] = max(holds, key=lambda hold: hold.ends_at)
    return found


def hold_of(invoice: Invoice, now: datetime) -> CollectionHold | None:
    """What holds it back at `now`; of two, the one that ends later."""
    return holds_of([invoice], now).get(invoice.id)


def ever_of(invoice: Invoice, now: datetime) -> list[CollectionHold]:
    """All that held it back, or does, oldest first. One that ended as it began held nothing."""
    rows = CollectionHold.objects.filter(created_at__lte=now).exclude(lifted_at=F("created_at")).order_by("created_at")
    is_open_until = invoice.paid_at or now
    found = [each for _, holds in _of([invoice], rows) for each in holds if each.created_at <= is_open_until]
    return sorted(found, key=lambda hold: hold.created_at) if invoice.provider is None else []


def ended(invoices: Iterable[Invoice], now: datetime) -> dict[UUID, CollectionHold]:
    """By invoice id, the hold of each that ended last, in one query. One that ended as it began held nothing."""
    over = CollectionHold.objects.filter(Q(until__lte=now) | Q(lifted_at__lte=now))
    over = over.exclude(lifted_at=F("created_at"))
    return {invoice.id: max(holds, key=lambda hold: hold.ends_at) for invoice, holds in _of(invoices, over)}


def _of(invoices: Iterable[Invoice], holds: QuerySet[CollectionHold]) -> list[tuple[Invoice, list[CollectionHold]]]:
    """Those that have any, each with its own and with those of its tenant that it came under."""
    rows = list(invoices)
    mine: dict[UUID | None, list[CollectionHold]] = defaultdict(list)
    everybodys: dict[UUID, list[CollectionHold]] = defaultdict(list)
    wanted = Q(invoice__in=[each.id for each in rows]) | Q(invoice=None, tenant__in={each.tenant_id for each in rows})
    for hold in holds.filter(wanted) if rows else ():
        if hold.invoice_id:
            mine[hold.invoice_id].append(hold)
        else:
            everybodys[hold.tenant_id].append(hold)
    found = []
    for invoice in rows:
        issued = invoice.issued_at
        came_under = [each for each in everybodys[invoice.tenant_id] if issued and each.ends_at > issued]
        if holds_it := [*mine[invoice.id], *came_under]:
            found.append((invoice, holds_it))
    return found
