"""The list of bills: what is overdue, due, on its way and left as credit; tabs, table, pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import day_text
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.pages.access import tenant_page
from payments import documents, hold_queries, queries
from payments.models import CollectionHold, CreditNote, Invoice
from payments.pages.paying import may_pay, takes_payments
from payments.pages.standing import Standing, days_between, standings
from payments.pages.words import in_sentence, what_for

ON_A_PAGE = 20
_NOT_LATE = {False: "nothing is late", True: "nothing else is late"}  # by whether something late has more time
TABS = {"all": "All", "unpaid": "Unpaid", "on_its_way": "On its way", "paid": "Paid", "credit_notes": "Credit notes"}


@require_safe
@tenant_page("billing.read")
def invoices_page(request: Any) -> HttpResponse:
    """GET /invoices?tab=unpaid&page=2."""
    tab = request.GET.get("tab", "all")
    if tab not in TABS:
        raise Http404
    now = timezone.now()
    page = Paginator(documents.documents(request.tenant, tab), ON_A_PAGE).get_page(request.GET.get("page"))
    counts = documents.counts(request.tenant)
    facts = {
        "nav": "invoices",
        "page": page,
        "rows": _rows(documents.load(list(page)), now),
        "tabs": [
            {"name": name, "word": word, "count": counts[name], "chosen": name == tab} for name, word in TABS.items()
        ],
        "tab": tab,
        "is_new": not counts["all"],
        "may_pay": may_pay(request),
        "tiles": _tiles(request.tenant, now) if counts["all"] or request.tenant.currency else [],
    }
    return render(request, "payments/invoices.html", facts)


def _rows(listed: list[Invoice | CreditNote], now: datetime) -> list[dict[str, Any]]:
    """`to_pay` asks for money: by the same test as the invoice's own page."""
    found = standings((each for each in listed if isinstance(each, Invoice)), now)
    rows: list[dict[str, Any]] = []
    for each in listed:
        if isinstance(each, CreditNote):
            rows.append(
                {
                    "id": each.invoice_id,
                    "number": each.number,
                    "what_for": f"Credit for {each.invoice.number}",
                    "at": each.issued_at,
                    "standing": Standing("credit_note", each.reason),
                    "amount": Money(-each.amount_minor, each.currency),
                    "due": None,
                }
            )
            continue
        standing, amounts = found[each.id]
        is_open = each.status == Invoice.Status.OPEN
        rows.append(
            {
                "id": each.id,
                "number": each.number,
                "what_for": what_for(each),
                "at": each.issued_at,
                "standing": standing,
                "amount": each.total,
                "due": Money(amounts.open, each.currency) if is_open else None,
                "is_late": standing.state == "overdue",
                "to_pay": standing.to_send > 0,
                "is_taken_here": takes_payments(each.currency),
            }
        )
    return rows


def _tiles(tenant: Tenant, now: datetime) -> list[dict[str, Any]]:
    """Each with its amounts, one per currency, and a note."""
    late: list[tuple[Invoice, int]] = []
    soon: list[tuple[Invoice, int]] = []
    held: list[tuple[Invoice, int]] = []
    found = list(queries.open_amounts(tenant))
    holds = hold_queries.holds_of([invoice for invoice, _ in found if invoice.is_overdue(now)], now)
    for invoice, minor in found:
        is_late = invoice.is_overdue(now)
        (held if is_late and invoice.id in holds else late if is_late else soon).append((invoice, minor))
    coming = list(queries.coming_payments(tenant))
    currency = tenant.currency
    return [
        {
            "title": "Overdue",
            "amounts": _sums(late, currency),
            "note": f"{count_text(len(late), 'invoice')}, {_since(late, now)}" if late else _NOT_LATE[bool(held)],
            "is_bad": bool(late),
        },
        {
            "title": "Due",
            "amounts": _sums([*held, *soon], currency),
            "note": _due(held, soon, holds),
        },
        {
            "title": "On its way",
            "amounts": _sums([(each, each.amount_minor) for each in coming], currency),
            "note": (in_sentence(coming[0]) if len(coming) == 1 else f"{len(coming)} payments")
            if coming
            else "no payment",
        },
        {
            "title": "Your credit",
            "amounts": queries.credit_balances(tenant) or _sums([], currency),
            "note": "used for your next invoice" if queries.credit_balances(tenant) else "none to use up",
        },
    ]


def _sums(rows: list[tuple[Any, int]], currency: str | None) -> list[Money]:
    """One per currency, and a zero of the tenant's own when there is none: never added up over currencies."""
    sums: dict[str, int] = {}
    for row, minor in rows:
        sums[row.currency] = sums.get(row.currency, 0) + minor
    if not sums and currency:
        sums[currency] = 0
    return [Money(minor, code) for code, minor in sorted(sums.items())]


def _since(rows: list[tuple[Invoice, int]], now: datetime) -> str:
    oldest = rows[0][0].due_at
    assert oldest
    days = count_text(max(1, days_between(oldest, now)), "day")
    return days if len(rows) == 1 else f"the oldest {days}"


def _due(held: list[tuple[Invoice, int]], soon: list[tuple[Invoice, int]], holds: Mapping[UUID, CollectionHold]) -> str:
    """What was late and is held back is due when that ends."""
    if not held:
        return f"{count_text(len(soon), 'invoice')}, {_until(soon)}" if soon else "nothing is open"
    first = min(holds[invoice.id].last_moment for invoice, _ in held)
    day = f"by {day_text(first)}" if len(held) == 1 else f"the first by {day_text(first)}"
    told = f"{count_text(len(held), 'invoice')} with more time, {day}"
    return f"{told}; {count_text(len(soon), 'other')} {_until(soon)}" if soon else told


def _until(rows: list[tuple[Invoice, int]]) -> str:
    first = rows[0][0].due_at
    assert first
    return f"by {day_text(first)}" if len(rows) == 1 else f"the first by {day_text(first)}"
