"""How facts of money look in the desk's lists and tables: amounts, badges, history, ledger legs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing_portal.kit.desk import Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import date_text, moment_text, period_text
from billing_portal.kit.display.states import STATES
from billing_portal.kit.money import Money
from billing_portal.kit.templatetags.billing import badge
from payments import queries, share_queries
from payments.models import Invoice, LedgerLeg, Payment
from payments.queries import InvoiceAmounts


def amount(minor: int | None, currency: str) -> SafeString | str:
    """Minor units as people read them, unbroken."""
    return "—" if minor is None else format_html('<span class="money">{}</span>', money_text(Money(minor, currency)))


def payment_badge(payment: Payment) -> SafeString:
    refunded = getattr(payment, "refunded_minor", None)
    if refunded is None:
        refunded = queries.amount_refunded(payment)
    return badge("payment", queries.shown_status(payment, refunded), desk=True)


def invoice_state(invoice: Invoice, amounts: InvoiceAmounts, now: datetime) -> str:
    """The word for an invoice: what is stored, or what its date and its payments make of an open one."""
    if invoice.is_overdue(now):
        return "overdue"
    if invoice.status == Invoice.Status.OPEN and amounts.allocated > 0:
        return "partly_paid"
    return invoice.status


def invoice_badge(invoice: Invoice, amounts: InvoiceAmounts, now: datetime) -> SafeString:
    return badge("invoice", invoice_state(invoice, amounts, now), desk=True)


def method_words(payment: Payment) -> str:
    """'Visa ending 4242', 'Bank account', 'Check': what it was paid with, and never more than the last four."""
    names = {Payment.Method.US_BANK_ACCOUNT: "Bank account", Payment.Method.PAYPAL: "PayPal"}
    name = names.get(Payment.Method(payment.method), payment.get_method_display())
    if payment.method_brand:
        is_card = payment.method == Payment.Method.CARD
        name = payment.method_brand.replace("_", " ").capitalize() if is_card else payment.method_brand
    return f"{name} ending {payment.method_last4}" if payment.method_last4 else name


def payment_words(payment: Payment) -> str:
    """'check 20984', 'wire' or 'Visa ending 4242'."""
    words = method_words(payment)
    return f"{words if payment.method_last4 else words.lower()} {payment.reference or ''}".strip()


def payment_title(payment: Payment) -> str:
    """'Check CHK-1': as sentences and cells begin. A reference keeps its letters as they were written."""
    words = payment_words(payment)
    return words[:1].upper() + words[1:]


def payment_named(payment: Payment) -> str:
    """'Check 20984 for $9,000.00': as messages begin."""
    return f"{payment_title(payment)} for {money_text(payment.amount)}"


def invoices_named(payment: Payment) -> SafeString | str:
    """The invoice that a payment names, or all that it is meant for."""
    named = share_queries.invoices_of(payment)
    return format_html_join(", ", "{}", ((link_to(each),) for each in named)) if named else "—"


def state_badge(subject: str, state: str | None) -> SafeString | str:
    """A badge for any subject; a state without a word of its own stands as it is."""
    if state is None:
        return "—"
    return badge(subject, state, desk=True) if state in STATES.get(subject, {}) else state.replace("_", " ")


def period_cell(row: Any) -> str:
    """The days of a row's `period_start` to its `period_end`; a dash where it has none."""
    if not row.period_start or not row.period_end:
        return "—"
    return period_text(row.period_start, row.period_end)


def copyable(value: str | None, what: str) -> SafeString | str:
    """An id as it is written, with a button that copies it where scripting works; `what` names it to a screen
    reader."""
    if not value:
        return "—"
    return format_html(
        '<span class="desk-copy"><span class="desk-code">{}</span><button class="desk-button desk-button-small" '
        'type="button" data-copy="{}" hidden><span aria-live="polite">Copy</span>'
        '<span class="desk-unseen"> {}</span></button></span>',
        value,
        value,
        what,
    )


def history_table(subject: str, subject_id: UUID) -> Table:
    """Every move, newest first: when, from what to what, who, and why."""
    return Table(
        title="History",
        heads=("When", "From", "To", "Who", "Why"),
        rows=[
            (
                moment_text(change.at),
                state_badge(subject, change.old),
                state_badge(subject, change.new),
                change.actor_label,
                change.reason or "—",
            )
            for change in queries.history(subject, subject_id).reverse()
        ],
    )


def legs_table(legs: Iterable[LedgerLeg], empty: str, *, most: int | None = None) -> Table:
    """Ledger legs as debit and credit, with their sums: a balanced set has two equal ones.

    Beyond `most` the rest is left out, and so are the sums: those of a part would be taken for the whole.
    """
    rows = list(legs)
    is_part = most is not None and len(rows) > most
    foot = []
    for currency in () if is_part else sorted({leg.currency for leg in rows}):
        mine = [leg.amount_minor for leg in rows if leg.currency == currency]
        debit, credit = sum(each for each in mine if each > 0), -sum(each for each in mine if each < 0)
        foot.append(("Together", "", "", amount(debit, currency), amount(credit, currency)))
    return Table(
        title="Ledger",
        heads=("When", "Entry", "Account", Num("Debit"), Num("Credit")),
        rows=[
            (date_text(leg.occurred_at), leg.memo, link_to(leg, leg.get_account_display()), *debit_credit(leg))
            for leg in rows[:most]
        ],
        foot=foot,
        empty=empty,
        note=f"The latest {most}; the ledger has all." if is_part else "",
    )


def debit_credit(leg: LedgerLeg) -> tuple[SafeString | str, SafeString | str]:
    """Two cells, one of them empty."""
    shown = amount(abs(leg.amount_minor), leg.currency)
    return (shown, "") if leg.amount_minor > 0 else ("", shown)
