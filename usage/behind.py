"""The records behind a line of an invoice, each with its part beyond the allowance: they sum to the line's quantity."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import DecimalField, F, Q, QuerySet, Sum, Value, Window
from django.db.models.functions import Greatest, Round

from billing_portal.tenants.models import Tenant
from payments.models import Invoice, InvoiceLine
from usage.meters import METERS
from usage.models import UsageMonth, UsageRecord, UsageRollup

METERED = ("overage", "adjustment")
_QUANTITY = DecimalField(max_digits=30, decimal_places=6)


def metered_line(tenant: Tenant, line_id: UUID) -> InvoiceLine | None:
    """A line of the tenant's that was made from usage, with its invoice."""
    lines = InvoiceLine.objects.filter(tenant=tenant, id=line_id, derivation__kind__in=METERED)
    return lines.exclude(invoice__status=Invoice.Status.DRAFT).select_related("invoice").first()


def records_behind(line: InvoiceLine) -> QuerySet[UsageRecord]:
    """All records that the line was reckoned from, in the order in which they used the allowance up.

    Each has `charged` (minutes after the plan's rounding) and `billed` (its part beyond the allowance), in shown units.
    `billed` is the growth of the overage by that record, each total rounded to six places: so the parts sum to the
    line's quantity exactly, also where one record alone is not a whole number of millionths. An adjustment goes on
    where the month stood when it was closed.
    """
    how = line.derivation
    included, base = Decimal(how["included"]), METERS[how["meter"]].base_per_unit
    month = UsageMonth.objects.get(tenant_id=line.tenant_id, label=how["month"])
    terms_since = datetime.fromisoformat(how["termsSince"])
    same = {
        "tenant_id": line.tenant_id,
        "meter": how["meter"],
        "rate_class": how["rateClass"],
        "usage_month": how["month"],
        "segment_start": terms_since,
    }
    billed_in = line.invoice.usage_month
    earlier = UsageRollup.objects.filter(**same, billed_in__lt=billed_in).aggregate(sum=Sum("billable_quantity"))["sum"]
    order = [F("occurred_at").asc(), F("event_key").asc()]

    def beyond(total: object) -> Greatest:
        units = Round(total / Value(base, output_field=_QUANTITY), 6, output_field=_QUANTITY)  # type: ignore[operator]
        return Greatest(units - Value(included, output_field=_QUANTITY), Value(Decimal(0)), output_field=_QUANTITY)

    rows = UsageRecord.objects.filter(
        **same, billed_in=billed_in, occurred_at__gte=month.starts_at, occurred_at__lt=month.ends_at
    )
    running = Window(Sum("billable_quantity"), order_by=order, output_field=_QUANTITY) + Value(
        earlier or Decimal(0), output_field=_QUANTITY
    )
    return rows.annotate(
        charged=Round(F("billable_quantity") / Value(base, output_field=_QUANTITY), 6, output_field=_QUANTITY),
        billed=beyond(running) - beyond(running - F("billable_quantity")),
    ).order_by("occurred_at", "event_key")


def billed_records(line: InvoiceLine) -> QuerySet[UsageRecord]:
    """Only those of which something was billed."""
    return records_behind(line).filter(Q(("billed__gt", 0)))  # an annotation, which the type checker does not know
