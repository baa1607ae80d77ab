"""The list of a tenant's bills: invoices and credit notes in one order, by tab, each tab with its count."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Count, Exists, F, OuterRef, Q, QuerySet, Value

from billing_portal.tenants.models import Tenant
from payments import queries
from payments.models import CreditNote, Invoice, Payment, PaymentShare

TABS = ("all", "unpaid", "on_its_way", "paid", "credit_notes")


def documents(tenant: Tenant, tab: str) -> QuerySet[Any]:
    """`{"id", "at", "is_note"}` of what stands on the tab, newest first."""
    notes = queries.credit_notes(tenant).order_by()
    notes_listed = notes.values("id", at=F("issued_at"), is_note=Value(value=True, output_field=BooleanField()))
    if tab == "credit_notes":
        return notes_listed.order_by("-at", "-id")
    bills = queries.invoices(tenant).order_by()
    if tab in _FILTERS:
        bills = _with_coming(bills).filter(_FILTERS[tab])
    listed = bills.values("id", at=F("created_at"), is_note=Value(value=False, output_field=BooleanField()))
    if tab == "all":
        return listed.union(notes_listed, all=True).order_by("-at", "-id")
    return listed.order_by("-at", "-id")


def counts(tenant: Tenant) -> dict[str, int]:
    """How many documents stand on each tab, in two queries."""
    bills = _with_coming(queries.invoices(tenant).order_by())
    found = bills.aggregate(
        bills=Count("id"), **{tab: Count("id", filter=condition) for tab, condition in _FILTERS.items()}
    )
    notes = queries.credit_notes(tenant).count()
    return {"all": found.pop("bills") + notes, **found, "credit_notes": notes}


def load(rows: list[dict[str, Any]]) -> list[Invoice | CreditNote]:
    """The documents behind rows of `documents`, in their order."""
    notes = CreditNote.objects.select_related("invoice").in_bulk([row["id"] for row in rows if row["is_note"]])
    bills = Invoice.objects.prefetch_related("lines").in_bulk([row["id"] for row in rows if not row["is_note"]])
    found: dict[UUID, Invoice | CreditNote] = {**notes, **bills}
    return [found[row["id"]] for row in rows]


def _with_coming(bills: QuerySet[Invoice]) -> QuerySet[Invoice]:
    named = Payment.objects.filter(invoice=OuterRef("pk"), status__in=queries.ON_THEIR_WAY)
    meant = PaymentShare.objects.filter(invoice=OuterRef("pk"), payment__status__in=queries.ON_THEIR_WAY)
    return bills.annotate(has_coming=Exists(named) | Exists(meant))


_FILTERS = {
    "unpaid": Q(status=Invoice.Status.OPEN),
    "on_its_way": Q(status=Invoice.Status.OPEN, has_coming=True),
    "paid": Q(status=Invoice.Status.PAID),
}
