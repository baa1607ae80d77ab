"""The tables of an invoice's page: its lines down to what is still due, what pays it, its credit notes."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing_portal.kit.desk import Num, Table, link_to
from billing_portal.kit.display.amounts import number_text, unit_price_text
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import date_text
from payments import queries
from payments.admin.cells import amount, payment_badge, payment_title
from payments.explaining import facts_of
from payments.models import Invoice, InvoiceLine


def amounts_of_shown(invoice: Invoice) -> queries.InvoiceAmounts:
    """As the list fetched them, else fetched now."""
    return getattr(invoice, "amounts", None) or queries.amounts(invoice)


def lines_table(invoice: Invoice) -> Table:
    """Lines, then tax, down to what is still due."""
    currency, amounts = invoice.currency, amounts_of_shown(invoice)
    foot: list[tuple[Any, ...]] = [("Subtotal", "", "", amount(invoice.subtotal_minor, currency))]
    foot += [(str(tax), "", "", amount(tax.amount_minor, currency)) for tax in invoice.tax_lines.all()]
    foot.append(("Total", "", "", amount(invoice.total_minor, currency)))
    if amounts.allocated:
        foot.append(("Paid", "", "", amount(-amounts.allocated, currency)))
    if amounts.credited:
        foot.append(("Credited", "", "", amount(-amounts.credited, currency)))
    if invoice.status == Invoice.Status.OPEN:
        foot.append(("Still due", "", "", amount(amounts.open, currency)))
    rows = [
        (
            _line_title(line, currency),
            count_text(line.quantity, line.unit) if line.unit else number_text(line.quantity),
            unit_price_text(line.unit_amount, currency),
            amount(line.amount_minor, currency),
        )
        for line in invoice.lines.all()
    ]
    return Table("Lines", ("Line", Num("Quantity"), Num("Price"), Num("Amount")), rows, foot)


def _line_title(line: InvoiceLine, currency: str) -> SafeString | str:
    """The title, which opens to the facts the amount was made from."""
    if not line.derivation:
        return line.title
    listed = format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", facts_of(line, currency))
    return format_html(
        '<details class="desk-why"><summary>{} <span>How this was computed</span></summary>'
        '<dl class="desk-facts">{}</dl></details>',
        line.title,
        listed,
    )


def payments_table(invoice: Invoice) -> Table:
    """What was allocated, and payments that named the invoice and are under way or came to nothing."""
    parts: dict[Any, int] = {}
    for part in invoice.allocations.filter(payment__isnull=False):
        parts[part.payment_id] = parts.get(part.payment_id, 0) + part.amount_minor
    rows: list[tuple[Any, ...]] = [
        (
            link_to(payment, payment_title(payment)),
            payment_badge(payment),
            date_text(payment.received_on or payment.created_at),
            amount(payment.amount_minor, payment.currency),
            amount(parts.get(payment.id), payment.currency),
        )
        for payment in queries.payments_of(invoice)
    ]
    rows += [
        (
            link_to(part.credit_note),
            "Credit",
            date_text(part.created_at),
            amount(part.credit_note.amount_minor, invoice.currency),
            amount(part.amount_minor, invoice.currency),
        )
        for part in invoice.allocations.filter(credit_note__isnull=False).select_related("credit_note")
        if part.credit_note
    ]
    heads = ("Payment", "Status", "Received", Num("Amount"), Num("To this invoice"))
    return Table("What pays it", heads, rows, empty="No payment has named it.")


def notes_table(invoice: Invoice) -> Table:
    rows = [
        (
            link_to(note),
            date_text(note.issued_at),
            note.get_effect_display(),
            note.reason,
            amount(note.amount_minor, note.currency),
        )
        for note in invoice.credit_notes.all()
    ]
    return Table("Credit notes", ("Number", "Issued", "Effect", "Why", Num("Amount")), rows, empty="None.")
