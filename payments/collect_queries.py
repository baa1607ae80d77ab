"""Reads of what is collected: what waits beside an invoice because it was too small to be charged alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q

from billing_portal.kit.money import Money
from payments import hold_queries, queries
from payments.models import CollectionHold, Invoice, Payment
from payments.providers.base import TakesPayments

# A client's own key is plain ASCII: no client can take the place of this one.
_KEY = "\N{SECTION SIGN}collect:"
# A hold that began so soon after the issue may have kept the first charge back: its message may have been late.
FIRST_TRY_WITHIN = timedelta(days=1)


def key_of(invoice: Invoice, number: int) -> str:
    """Of the first try to collect it (0), the second (1), …"""
    return f"{_KEY}{invoice.id}" + (f":{number}" if number else "")


def tries(invoice: Invoice) -> list[Payment]:
    """The charges by which it was to be collected, oldest first. What never reached its provider has no key any
    more."""
    mine = queries.payments(invoice.tenant).filter(client_key__startswith=f"{_KEY}{invoice.id}")
    return list(mine.order_by("created_at", "id"))


def failed_invoices(tenant_id: UUID | None = None) -> list[Invoice]:
    """Open ones that were to be collected and could not be, oldest first; of one tenant, or of all."""
    failed = Payment.objects.filter(
        invoice=OuterRef("pk"), status=Payment.Status.FAILED, off_session=True, client_key__startswith=_KEY
    )
    open_ones = Invoice.objects.filter(Exists(failed), status=Invoice.Status.OPEN, kind=Invoice.Kind.OVERAGE)
    if tenant_id:
        open_ones = open_ones.filter(tenant_id=tenant_id)
    return list(open_ones.select_related("tenant").order_by("issued_at", "id"))


def withheld_invoices(now: datetime) -> list[Invoice]:
    """Open ones that were to be collected at their issue and were held back then, and are not any more: nobody has
    tried them yet. Oldest first."""
    mine = Q(invoice=OuterRef("pk")) | Q(tenant=OuterRef("tenant"), invoice=None)
    at_issue = Q(created_at__lt=OuterRef("issued_at") + FIRST_TRY_WITHIN, until__gt=OuterRef("issued_at"))
    lifted_later = Q(lifted_at__gt=OuterRef("issued_at")) & Q(lifted_at__gt=F("created_at"))
    tried = Payment.objects.filter(invoice=OuterRef("pk"), off_session=True, client_key__startswith=_KEY)
    rows = Invoice.objects.filter(
        ~hold_queries.held(now),
        ~Exists(tried),
        Exists(CollectionHold.objects.filter(mine, at_issue, Q(lifted_at=None) | lifted_later)),
        status=Invoice.Status.OPEN,
        kind=Invoice.Kind.OVERAGE,
    )
    return list(rows.select_related("tenant").order_by("issued_at", "id"))


def waiting_beside(invoice: Invoice, provider: TakesPayments, unheld_at: datetime | None = None) -> Money:
    """What is due of the tenant's other overage invoices of which less is open than the provider takes; nothing while
    an earlier payment is bringing it. `unheld_at`: without those that are held back then."""
    none = Money.zero(invoice.currency)
    limits = provider.limits(invoice.currency)
    underway = queries.payments(invoice.tenant).filter(spreads=True, status__in=queries.UNDER_WAY)
    if limits is None or underway.exists():
        return none
    others = queries.invoices(invoice.tenant).filter(
        status=Invoice.Status.OPEN, kind=Invoice.Kind.OVERAGE, currency=invoice.currency
    )
    if unheld_at:
        others = others.filter(~hold_queries.held(unheld_at))
    amounts = queries.amounts_of(others.exclude(id=invoice.id))
    small = (each.payable for each in amounts.values() if 0 < each.open < limits.least.minor)
    return sum((Money(max(0, minor), invoice.currency) for minor in small), none)
