"""The records behind an invoice's line: a page, its first rows for the invoice to load, and a CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from billing_portal.kit.display.amounts import number_text
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.fields import quantity_text
from billing_portal.tenants.pages.access import tenant_page
from payments.models import InvoiceLine
from usage import behind
from usage.meters import METERS
from usage.models import UsageRecord

ON_A_PAGE, FIRST_FEW = 50, 5
# A cell that begins with one of these is a formula to a spreadsheet: what a caller sent must stay a text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four full-width
_COLUMNS = ("started_at", "direction", "queue", "agent", "country", "campaign", "description", "event_id",
            "used", "charged", "billed")  # fmt: skip


@require_safe
@vary_on_headers("HX-Request")
@tenant_page("billing.read")
def usage_line(request: Any, line_id: UUID) -> HttpResponse:
    """GET /usage/lines/{id}: the calls of which something was billed, in the order in which they used the allowance."""
    line = _line(request, line_id)
    rows = behind.billed_records(line)
    is_part = bool(request.htmx)
    page = Paginator(rows, FIRST_FEW if is_part else ON_A_PAGE).get_page(request.GET.get("page"))
    facts = {
        "nav": "invoices",
        "line": line,
        "invoice": line.invoice,
        "page": page,
        "records": [_row(record) for record in page],
        "count": count_text(page.paginator.count, "call"),
        "of_all": count_text(int(line.derivation["records"]), "call"),
        "first_is_part": _first_is_part(page),
        "unit": "min" if line.unit == "minute" else line.unit,
    }
    return render(request, "usage/line_calls.html" if is_part else "usage/line.html", facts)


@require_safe
@tenant_page("billing.read")
def usage_line_csv(request: Any, line_id: UUID) -> StreamingHttpResponse:
    """GET /usage/lines/{id}.csv: every call that the line was reckoned from; its last column sums to the quantity."""
    line = _line(request, line_id)
    response = StreamingHttpResponse(_csv(line, request.tenant.zone), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{line.invoice.number}-line-{line.position + 1}.csv"'
    return response


def _line(request: Any, line_id: UUID) -> InvoiceLine:
    line = behind.metered_line(request.tenant, line_id)
    if line is None:
        raise Http404
    return line


def _row(record: UsageRecord) -> dict[str, Any]:
    charged, billed = record.charged, record.billed  # type: ignore[attr-defined]
    whole = charged == billed
    return {
        "started": record.occurred_at,
        "queue": record.dimensions.get("queue") or "",
        "agent": record.dimensions.get("agentId") or "",
        "seconds": int(record.quantity // 1000) if record.meter == "call_minutes" else None,
        "billed": number_text(billed) if whole else f"{number_text(billed)} of {number_text(charged)}",
    }


def _first_is_part(page: Any) -> str:
    """The sentence about the call that crossed the allowance, when it stands on this page."""
    first = page.object_list[0] if page.number == 1 and page.object_list else None
    if first is None or first.charged == first.billed:
        return ""
    included, whole = first.charged - first.billed, count_text(first.charged, "minute")
    were = "was" if included == 1 else "were"
    return f"The first crossed the allowance: {number_text(included)} of its {whole} {were} still included."


class _Echo:
    """A file that hands back what is written to it, for csv.writer."""

    def write(self, text: str) -> str:
        return text


def _csv(line: InvoiceLine, zone: Any) -> Iterator[str]:
    """Row by row; times in the tenant's zone with their offset, quantities in the meter's unit with a point."""
    meter = METERS[line.derivation["meter"]]
    writer = csv.writer(_Echo())
    names = [f"{name}_{meter.unit}s" if name in ("used", "charged", "billed") else name for name in _COLUMNS]
    yield writer.writerow(names)
    for record in behind.records_behind(line).iterator(chunk_size=2000):
        texts = [record.dimensions.get(name) for name in ("direction", "queue", "agentId", "country", "campaign")]
        quantities = (meter.to_unit(record.quantity), record.charged, record.billed)  # type: ignore[attr-defined]
        yield writer.writerow(
            [
                record.occurred_at.astimezone(zone).isoformat(timespec="seconds"),
                *(_text(text) for text in (*texts, record.description, record.event_id)),
                *(quantity_text(quantity) for quantity in quantities),
            ]
        )


def _text(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
