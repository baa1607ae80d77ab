"""What no rule can mend is written down for staff, once for each object, with the amount at stake."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.errors import Conflict
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from payments.models import Discrepancy, Payment


@transaction.atomic
def report_discrepancy(
    *,
    kind: str,
    provider: str,
    provider_ref: str,
    amount: Money,
    detail: str,
    now: datetime,
    tenant: Tenant | None = None,
    payment: Payment | None = None,
    has_moved: bool = False,
) -> None:
    """Open one, or note that an open one of the same kind and object was seen again. What somebody has closed stays
    closed while it is about the same amount: they have seen it. `has_moved` says that they have not, because the object
    has moved since then, and wants somebody anew. `detail` is a sentence or two for staff."""
    same = Discrepancy.objects.filter(kind=kind, provider=provider, provider_ref=provider_ref)
    seen_to = same.filter(closed_by__isnull=False, amount_minor=amount.minor, currency=amount.currency)
    if not has_moved and seen_to.exists():
        return
    facts = {
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "detail": detail[:500],
        "seen_at": now,
    }
    row = Discrepancy(
        kind=kind,
        provider=provider,
        provider_ref=provider_ref,
        tenant=tenant or (payment.tenant if payment else None),
        payment=payment,
        opened_at=now,
        **facts,
    )
    # ON CONFLICT DO NOTHING: two who find the same thing at once are no error.
    Discrepancy.objects.bulk_create([row], ignore_conflicts=True)
    open_one = Discrepancy.objects.filter(kind=kind, provider=provider, provider_ref=provider_ref, closed_at=None)
    open_one.update(**facts)


@transaction.atomic
def close_discrepancy(*, discrepancy_id: UUID, note: str, closed_by: User, now: datetime) -> Discrepancy:
    """Somebody has seen to it, and says how. Raises Conflict when it was closed before."""
    row = Discrepancy.objects.select_for_update(of=("self",)).get(id=discrepancy_id)
    if row.closed_at is not None:
        raise Conflict("This was closed already.", code="already_closed")
    row.closed_at, row.closed_by, row.note = now, closed_by, note
    row.save(update_fields=["closed_at", "closed_by", "note"])
    return row


def settle_discrepancy(*, kind: str, provider: str, provider_ref: str, note: str, now: datetime) -> None:
    """What was open has come right by itself: close it, in nobody's name."""
    Discrepancy.objects.filter(kind=kind, provider=provider, provider_ref=provider_ref, closed_at=None).update(
        closed_at=now, note=note[:500]
    )
