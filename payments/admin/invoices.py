"""Invoices at the desk: what was billed and how it came about, what paid it, and credit notes on it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display
from unfold.views import ChangeList

from billing_portal.kit.desk import Confirmation, Notice, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.tenants.staff import staff_actor
from payments import queries
from payments.actions.crediting import issue_credit_note
from payments.admin.cells import amount, history_table, invoice_badge, legs_table, period_cell
from payments.admin.forms import CreditNoteForm
from payments.admin.invoice_tables import amounts_of_shown, lines_table, notes_table, payments_table
from payments.admin.promising import TakesPromises, can_be_promised, holds_table
from payments.models import Invoice

CREDITABLE = (Invoice.Status.OPEN, Invoice.Status.PAID)


class WithAmounts(ChangeList):
    """The page's invoices with what has paid them: a few queries for all of them."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        amounts = queries.amounts_of(self.result_list)
        for invoice in self.result_list:
            invoice.amounts = amounts[invoice.id]


@admin.register(Invoice)
class InvoiceAdmin(TakesPromises):
    """Read only: what is wrong with an invoice is mended by a credit note."""

    list_display = ["__str__", "tenant", "kind", "total", "due", "state", "issued_at", "due_at"]
    list_filter = ["status", "kind", "currency", ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["number", "remittance_code", "usage_month", "tenant__name", "tenant__slug"]
    search_help_text = "Number, remittance code, month or tenant"
    date_hierarchy = "created_at"
    actions_detail = ["record_payment", "credit", "promise", "leave_alone"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("tenant_named", "state"),
                    ("total", "due"),
                    ("kind", "period"),
                    ("issued_at", "due_at"),
                    ("remittance_code", "paid_at"),
                    ("address", "id"),
                ]
            },
        ),
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WithAmounts

    # By method, not by dotted name: those unfold looks up in the database when checks run, also before a migrate.
    def has_record_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.record_payment"))

    def has_credit_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.add_creditnote"))

    @display(description="Total", ordering="total_minor")
    def total(self, invoice: Invoice) -> SafeString | str:
        return amount(invoice.total_minor, invoice.currency)

    @display(description="Still due")
    def due(self, invoice: Invoice) -> SafeString | str:
        is_open = invoice.status == Invoice.Status.OPEN
        return amount(amounts_of_shown(invoice).open if is_open else 0, invoice.currency)

    @display(description="Status", ordering="status")
    def state(self, invoice: Invoice) -> SafeString:
        return invoice_badge(invoice, amounts_of_shown(invoice), timezone.now())

    @display(description="Tenant")
    def tenant_named(self, invoice: Invoice) -> SafeString:
        return link_to(invoice.tenant)

    @display(description="Period")
    def period(self, invoice: Invoice) -> str:
        return period_cell(invoice)

    @display(description="Billed to")
    def address(self, invoice: Invoice) -> SafeString:
        billed = invoice.billed_to
        lines = [
            billed.get("name"),
            *billed.get("addressLines", []),
            billed.get("country"),
            billed.get("taxId"),
            billed.get("email"),
        ]
        return format_html_join("", "{}<br>", [(line,) for line in lines if line])

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """A payment for what is open, and more time for it; a credit note for what is open or paid."""
        invoice = self.get_object(request, str(object_id))
        offered = {
            "record_payment": invoice is not None and invoice.status == Invoice.Status.OPEN,
            "credit": invoice is not None and invoice.status in CREDITABLE,
            "promise": invoice is not None and can_be_promised(invoice),
            "leave_alone": invoice is not None and can_be_promised(invoice),
        }
        return [each for each in super().get_actions_detail(request, object_id) if offered[each.path]]

    @action(description="Record a payment", permissions=["record"], icon="add", url_path="record_payment")
    def record_payment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form, with this invoice chosen."""
        invoice: Invoice = self.found(request, object_id)
        url = reverse("admin:payments_payment_add", query={"tenant": invoice.tenant_id, "invoice": invoice.id})
        return HttpResponseRedirect(url)

    @action(description="Issue credit note", permissions=["credit"], icon="contract", url_path="credit")
    def credit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks how much and why, POST issues the note."""
        invoice: Invoice = self.found(request, object_id)
        if invoice.status not in CREDITABLE:
            messages.info(request, "Only an invoice that is open or paid can be credited.")
            return HttpResponseRedirect(self.detail_url(invoice.pk))
        seen = invoice.credit_notes.count()
        sent = request.POST if request.method == "POST" else None
        form = CreditNoteForm(sent, currency=invoice.currency, initial={"seen": seen})
        if form.is_valid() and self._issue(request, invoice, form):
            return HttpResponseRedirect(self.detail_url(invoice.pk))
        return self.ask(request, _crediting(invoice, form), invoice)

    def _issue(self, request: HttpRequest, invoice: Invoice, form: CreditNoteForm) -> bool:
        """False with the form's errors told. Under the invoice's lock: a second click finds the first one's note."""
        wanted = form.cleaned_data
        try:
            with transaction.atomic():
                Invoice.objects.select_for_update().get(id=invoice.id)
                if invoice.credit_notes.count() != wanted["seen"]:
                    messages.warning(request, "This invoice was credited meanwhile: nothing more was done.")
                    return True
                note = issue_credit_note(
                    invoice_id=invoice.id,
                    amount=wanted["amount"],
                    reason=wanted["reason"],
                    actor=staff_actor(request),
                    now=timezone.now(),
                )
        except BillingError as error:
            form.add_error("amount" if error.errors else None, error.detail)
            return False
        went = "lessens what is due" if note.effect == note.Effect.REDUCES_DUE else "is credit of the tenant now"
        messages.success(request, f"{note} for {money_text(wanted['amount'])} is issued: it {went}.")
        return True

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        invoice: Invoice = obj
        return [
            lines_table(invoice),
            payments_table(invoice),
            notes_table(invoice),
            holds_table(invoice),
            history_table("invoice", invoice.id),
            legs_table(
                invoice.legs.order_by("occurred_at", "entry_id", "-amount_minor"), "Nothing is booked of this invoice."
            ),
        ]


def _crediting(invoice: Invoice, form: CreditNoteForm) -> Confirmation:
    if invoice.status == Invoice.Status.OPEN:
        due = money_text(Money(queries.amounts(invoice).open, invoice.currency))
        text = f"{due} is still due. The note lessens it; when nothing is left, the invoice is paid."
    else:
        text = "This invoice is paid: the note becomes credit of the tenant, which its next invoice uses."
    return Confirmation(
        title=f"Credit {invoice}", button="Issue the credit note", notices=[Notice("info", text)], form=form
    )
