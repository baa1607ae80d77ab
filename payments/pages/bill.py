"""One bill: its lines with their sums, totals down to what is still due, its story, and how to pay it."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing_portal.kit.display.counting import count_text
from billing_portal.kit.money import Money
from billing_portal.tenants.pages.access import tenant_page
from payments import history_queries, hold_queries, queries, share_queries
from payments.explaining import explain
from payments.models import Allocation, CreditNote, Invoice, Payment
from payments.pages.at_paypal import page_of
from payments.pages.hold_words import hold_text, hold_title
from payments.pages.invoice_story import InvoiceFacts, invoice_story
from payments.pages.onward import pay_url
from payments.pages.paying import may_pay, takes_payments
from payments.pages.payment_notice import waiting_notice
from payments.pages.standing import apart, days_between, standing
from payments.pages.words import Reader, in_sentence
from payments.share_queries import Coming


@require_safe
@tenant_page("billing.read")
def invoice_page(request: Any, invoice_id: UUID) -> HttpResponse:
    """GET /invoices/{id}."""
    invoice = (
        queries.invoices(request.tenant)
        .prefetch_related("lines", "tax_lines", "credit_notes")
        .filter(id=invoice_id)
        .first()
    )
    if invoice is None:
        raise Http404
    now = timezone.now()
    amounts = queries.amounts(invoice)
    parts = queries.allocations_of([invoice]).get(invoice.id, [])
    seen = list(queries.payments_of(invoice).select_related("verified_by").prefetch_related("shares"))
    notes = list(invoice.credit_notes.all())
    coming, waiting = apart(share_queries.open_payments_for([invoice])[invoice.id])
    changes = list(queries.history("invoice", invoice.id))
    payment_changes = history_queries.histories("payment", [payment.id for payment in seen])
    hold = hold_queries.hold_of(invoice, now)
    stands = standing(invoice, amounts, coming, parts, now, waiting=waiting, hold=hold)
    story = invoice_story(
        InvoiceFacts(
            invoice=invoice,
            open_minor=amounts.open,
            to_send_minor=stands.to_send,
            changes=changes,
            payments=seen,
            coming=coming,
            payment_changes=payment_changes,
            parts=parts,
            notes=notes,
            holds=hold_queries.ever_of(invoice, now),
            mail=history_queries.invoice_mail(invoice),
            now=now,
            reader=Reader(request.actor.label, history_queries.people([*changes, *chain(*payment_changes.values())])),
        )
    )
    is_open = invoice.status == Invoice.Status.OPEN
    facts = {
        "nav": "invoices",
        "invoice": invoice,
        "issuer": settings.ISSUER_NAME,
        "standing": stands,
        "late_by": _late_by(invoice, now),
        "lines": [{"line": line, "how": explain(line, invoice.currency)} for line in invoice.lines.all()],
        "taxes": list(invoice.tax_lines.all()),
        "rows": _rows(invoice, parts, notes),
        "still_due": Money(amounts.open if is_open else 0, invoice.currency),
        "is_open": is_open and amounts.open > 0,
        "to_send": Money(stands.to_send, invoice.currency),
        "coming": [_coming(each) for each in coming] if is_open else [],
        "may_pay": may_pay(request),
        "to_hurry": Money(stands.to_hurry, invoice.currency),
        "pay_url": pay_url(invoice.id)
        if (stands.to_send or stands.to_hurry) and may_pay(request) and takes_payments(invoice.currency)
        else "",
        "waiting": _waiting(waiting[0]) if is_open and waiting else None,
        "hold": {"title": hold_title(hold), "text": hold_text(hold)} if hold else None,
        "story": story,
    }
    return render(request, "payments/invoice.html", facts)


def _coming(coming: Coming) -> dict[str, Any]:
    """A payment that is on its way: its name in a sentence, what the invoice may have of it, and whether we are
    checking it."""
    return {
        "name": in_sentence(coming.payment),
        "amount": Money(coming.minor, coming.payment.currency),
        "is_checked": coming.payment.status == Payment.Status.AWAITING_REVIEW,
    }


def _waiting(payment: Payment) -> dict[str, Any]:
    """One that waits for its payer: what is said of it, and whether PayPal's page is where it goes on."""
    return {"id": payment.id, "notice": waiting_notice(payment), "at_paypal": bool(page_of(payment))}


def _late_by(invoice: Invoice, now: datetime) -> str:
    if not invoice.due_at or not invoice.is_overdue(now):
        return ""
    return count_text(max(1, days_between(invoice.due_at, now)), "day")


def _rows(invoice: Invoice, parts: list[Allocation], notes: list[CreditNote]) -> list[dict[str, Any]]:
    """What came off the total, in order of time: payments, credit used, credit notes that lessen it."""
    rows: list[dict[str, Any]] = []
    for part in parts:
        source = in_sentence(part.payment) if part.payment else str(part.credit_note)
        settled = part.payment.succeeded_at if part.payment else None
        is_credit = part.payment is None or (settled is not None and part.created_at > settled)
        taken_back = part.amount_minor < 0
        rows.append(
            {
                "label": "Taken back" if taken_back else ("Your credit" if is_credit else f"Paid by {source}"),
                "note": f"from {source}" if is_credit or taken_back else "",
                "at": part.created_at,
                "amount": Money(-part.amount_minor, invoice.currency),
                "payment_id": part.payment_id,
            }
        )
    rows += [
        {
            "label": f"Credit note {note.number}",
            "note": note.reason,
            "at": note.issued_at,
            "amount": Money(-note.amount_minor, invoice.currency),
        }
        for note in notes
        if note.effect == CreditNote.Effect.REDUCES_DUE
    ]
    return sorted(rows, key=lambda row: row["at"])
