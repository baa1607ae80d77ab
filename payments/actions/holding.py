"""Hold collecting back until a day: a payer has promised to pay an invoice, or a tenant is to be left alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from billing_portal.kit import periods
from billing_portal.kit.errors import BadInput
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant, User
from payments import hold_queries
from payments.errors import CollectedElsewhere, HoldRuns, InvoiceNotOpen
from payments.models import CollectionHold, Invoice

Kind = CollectionHold.Kind


@transaction.atomic
def promise(
    *, invoice_id: UUID, last_day: date, note: str, by: User, now: datetime, instead_of: UUID | None = None
) -> CollectionHold:
    """Somebody has promised to pay an open invoice by `last_day`, on the tenant's calendar: until that day is over it
    is not charged by the clock, nobody is reminded of it, and it takes no access away. For staff with
    `payments.hold_collection`.

    Recorded before with the same day: as it is. One with another day is lifted and this one takes its place, but only
    where `instead_of` names it: whoever records has seen it. Under the tenant's lock, so of two at once the second
    finds the first. A charge that was begun before goes on.
    Raises InvoiceNotOpen, CollectedElsewhere (a provider charges it), HoldRuns, BadInput (`until` or `note`).
    """
    tenant = _locked(Invoice.objects.values_list("tenant_id", flat=True).get(id=invoice_id))
    invoice = Invoice.objects.get(id=invoice_id)
    if invoice.status != Invoice.Status.OPEN:
        raise InvoiceNotOpen("This invoice is not open, so there is nothing to promise.")
    if invoice.provider is not None:
        raise CollectedElsewhere
    return _hold(tenant, invoice, last_day, note, by, now, hold_queries.promise(invoice, now), instead_of)


@transaction.atomic
def exempt(
    *, tenant_id: UUID, last_day: date, note: str, by: User, now: datetime, instead_of: UUID | None = None
) -> CollectionHold:
    """Leave a tenant alone until `last_day` is over on its calendar: as a promise of each of its invoices, those to
    come too, and none of them makes its subscription past due. For staff with `payments.hold_collection`.

    Said before with the same day, or with another: as `promise`. What a provider charges by itself it goes on charging.
    Raises HoldRuns, BadInput (`until` or `note`).
    """
    tenant = _locked(tenant_id)
    return _hold(tenant, None, last_day, note, by, now, hold_queries.exemption(tenant, now), instead_of)


@transaction.atomic
def lift(*, hold_id: UUID, by: User, now: datetime) -> CollectionHold:
    """It is over before its day. Lifted before, or run out: as it is. For staff with `payments.hold_collection`."""
    tenant = _locked(CollectionHold.objects.values_list("tenant_id", flat=True).get(id=hold_id))
    hold = CollectionHold.objects.select_related("tenant", "invoice").get(id=hold_id)
    if hold.runs(now):
        _lift(hold, by, now)
        _tell(tenant, hold, now)
    return hold


def until_of(tenant: Tenant, last_day: date) -> datetime:
    """The first instant after that day where the tenant is."""
    return periods.midnight(last_day + timedelta(days=1), tenant.zone)


def bounds(tenant: Tenant, now: datetime) -> tuple[date, date]:
    """The first and the last day that may be named: today, and so many days from it as the installation allows."""
    today = periods.local_date(now, tenant.zone)
    return today, today + timedelta(days=settings.HOLD_MOST_DAYS)


def _hold(
    tenant: Tenant,
    invoice: Invoice | None,
    last_day: date,
    note: str,
    by: User,
    now: datetime,
    runs: CollectionHold | None,
    instead_of: UUID | None,
) -> CollectionHold:
    first, most = bounds(tenant, now)
    if last_day < first:
        raise BadInput("This day is over already.", code="in_the_past", field="until")
    if last_day > most:
        days = settings.HOLD_MOST_DAYS
        raise BadInput(f"This is more than {days} days ahead: {most} is the last day.", code="too_far", field="until")
    if not note.strip():
        raise BadInput("Say why.", code="required", field="note")
    until = until_of(tenant, last_day)
    if runs is not None:
        if runs.until == until:
            return runs
        if runs.id != instead_of:
            raise HoldRuns(by=runs.created_by.email)
        _lift(runs, by, now)
    hold = CollectionHold.objects.create(
        tenant=tenant,
        invoice=invoice,
        kind=Kind.PROMISE if invoice else Kind.EXEMPTION,
        until=until,
        note=note.strip(),
        created_by=by,
        created_at=now,
    )
    _tell(tenant, hold, now)
    return hold


def _lift(hold: CollectionHold, by: User, now: datetime) -> None:
    hold.lifted_at, hold.lifted_by = now, by
    hold.save(update_fields=["lifted_at", "lifted_by"])


def _tell(tenant: Tenant, hold: CollectionHold, now: datetime) -> None:
    """Whether the tenant's subscription is in order shows at once."""
    outbox.write(
        topic="collection.held",
        payload={"tenantId": str(tenant.id)},
        tenant=tenant,
        now=now,
        dedupe_key=f"collection.held:{hold.id}:{'lifted' if hold.lifted_at else 'made'}",
    )


def _locked(tenant_id: UUID) -> Tenant:
    return Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)
