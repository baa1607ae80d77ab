"""The books behind payments and invoices, read only: ledger legs, credit, notes, moves of state, number series."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import BooksAdmin, Num, Table, link_to
from billing_portal.kit.display.dates import date_text
from payments.admin.cells import amount, debit_credit, legs_table, payment_title, state_badge
from payments.models import (
    CreditBalance,
    CreditNote,
    Dispute,
    Invoice,
    LedgerLeg,
    NumberSeries,
    Payment,
    Refund,
    StatusChange,
)

TENANT = ("tenant", AutocompleteSelectFilter)
# As many legs as a balance's page lists; beyond, the ledger itself is the place.
MOST_LEGS = 200


@admin.register(LedgerLeg)
class LedgerLegAdmin(BooksAdmin):
    """Each leg, newest first; its page shows the whole entry."""

    list_display = ["occurred_at", "tenant", "memo", "account", "debit", "credit"]
    list_display_links = ["memo"]
    list_filter = ["account", "currency", TENANT]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["memo", "invoice__number", "payment__reference", "tenant__name", "tenant__slug"]
    date_hierarchy = "occurred_at"
    fields = [
        "occurred_at",
        "tenant",
        "memo",
        "account",
        "debit",
        "credit",
        "invoice_named",
        "payment_named",
        "entry_id",
    ]

    @display(description="Debit", ordering="amount_minor")
    def debit(self, leg: LedgerLeg) -> SafeString | str:
        return debit_credit(leg)[0] or "—"

    @display(description="Credit", ordering="-amount_minor")
    def credit(self, leg: LedgerLeg) -> SafeString | str:
        return debit_credit(leg)[1] or "—"

    @display(description="Invoice")
    def invoice_named(self, leg: LedgerLeg) -> SafeString | str:
        return link_to(leg.invoice) if leg.invoice else "—"

    @display(description="Payment")
    def payment_named(self, leg: LedgerLeg) -> SafeString | str:
        return link_to(leg.payment, payment_title(leg.payment)) if leg.payment else "—"

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        return [legs_table(LedgerLeg.objects.filter(entry_id=obj.entry_id).order_by("-amount_minor"), "")]


@admin.register(CreditBalance)
class CreditBalanceAdmin(BooksAdmin):
    """What each tenant holds with us; its page shows how it came about."""

    list_display = ["tenant", "amount", "currency"]
    list_filter = ["currency", TENANT]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["tenant__name", "tenant__slug"]
    fields = ["tenant", "amount", "currency"]

    @display(description="Credit", ordering="amount_minor")
    def amount(self, row: CreditBalance) -> SafeString | str:
        return amount(row.amount_minor, row.currency)

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        legs = LedgerLeg.objects.filter(tenant=obj.tenant_id, currency=obj.currency, account="customer_credit")
        return [legs_table(legs[: MOST_LEGS + 1], "Nothing yet.", most=MOST_LEGS)]


@admin.register(CreditNote)
class CreditNoteAdmin(BooksAdmin):
    """Issued from an invoice's page; here they are read."""

    list_display = ["number", "tenant", "invoice", "effect", "amount", "issued_at"]
    list_filter = ["effect", "currency", TENANT]
    list_filter_submit = True
    list_select_related = ["tenant", "invoice"]
    search_fields = ["number", "invoice__number", "reason", "tenant__name", "tenant__slug"]
    fields = ["number", "tenant", "invoice_named", "effect", "amount", "tax", "reason", "issued_at"]

    @display(description="Amount", ordering="amount_minor")
    def amount(self, note: CreditNote) -> SafeString | str:
        return amount(note.amount_minor, note.currency)

    @display(description="Tax in it")
    def tax(self, note: CreditNote) -> SafeString | str:
        return amount(note.tax_minor, note.currency)

    @display(description="Invoice")
    def invoice_named(self, note: CreditNote) -> SafeString:
        return link_to(note.invoice)

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        rows = [
            (link_to(part.invoice), date_text(part.created_at), amount(part.amount_minor, obj.currency))
            for part in obj.allocations.select_related("invoice")
        ]
        return [Table("Invoices it paid", ("Invoice", "When", Num("Amount")), rows, empty="None.")]


@admin.register(StatusChange)
class StatusChangeAdmin(BooksAdmin):
    """Who moved what, when and why."""

    list_display = ["at", "tenant", "subject", "was", "became", "actor_label", "reason"]
    list_display_links = ["at"]
    list_filter = ["subject", "new", "actor_kind", TENANT]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["actor_label", "reason", "cause"]
    date_hierarchy = "at"
    ordering = ["-id"]
    fields = ["at", "tenant", "subject_named", "was", "became", "actor_label", "actor_kind", "reason", "cause"]

    @display(description="From", ordering="old")
    def was(self, change: StatusChange) -> SafeString | str:
        return state_badge(change.subject, change.old)

    @display(description="To", ordering="new")
    def became(self, change: StatusChange) -> SafeString | str:
        return state_badge(change.subject, change.new)

    @display(description="Of")
    def subject_named(self, change: StatusChange) -> SafeString | str:
        found = _subject(change.subject, change.subject_id)
        return link_to(found) if found else f"{change.get_subject_display()} {change.subject_id}"


def _subject(kind: str, subject_id: UUID) -> Model | None:
    """What of this app the move was of; other apps' things are named by their id."""
    found: dict[str, QuerySet[Any]] = {
        "payment": Payment.objects.all(),
        "invoice": Invoice.objects.all(),
        "refund": Refund.objects.all(),
        "dispute": Dispute.objects.all(),
    }
    return found[kind].filter(pk=subject_id).first() if kind in found else None


@admin.register(NumberSeries)
class NumberSeriesAdmin(BooksAdmin):
    """Gapless: the last number given, and when."""

    list_display = ["document", "year", "last", "last_at", "issuer"]
    list_filter = ["document", "year"]
