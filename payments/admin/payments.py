"""Payments at the desk: the list, the page of one, and how to record, verify and reject."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import date_text
from billing_portal.kit.money import Money
from payments import queries
from payments.admin.booking import bookings_of
from payments.admin.cells import amount, history_table, legs_table, payment_badge
from payments.admin.confirming import OTHERS_WORK, is_for_another
from payments.admin.recording import RecordsPayments
from payments.admin.verifying import WAITING, VerifiesPayments
from payments.models import Payment


@admin.register(Payment)
class PaymentAdmin(RecordsPayments, VerifiesPayments):
    """Read, but for the verbs."""

    list_display = ["words", "tenant", "amount", "state", "invoice_named", "received_on", "created_at"]
    list_filter = ["status", "method", ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant", "invoice"]
    search_fields = ["reference", "invoice__remittance_code", "invoice__number", "tenant__name", "tenant__slug"]
    search_help_text = "Reference, remittance code, invoice number or tenant"
    date_hierarchy = "created_at"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("tenant_named", "state"),
                    ("amount", "invoice_named"),
                    ("method", "reference"),
                    ("received_on", "created_at"),
                    ("recorder", "verifier"),
                    ("second_person", "succeeded_at"),
                    ("description", "failure_message"),
                    "id",
                ]
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        return queries.with_refunded(super().get_queryset(request)).select_related("tenant", "invoice")

    @display(description="Payment", ordering="method")
    def words(self, payment: Payment) -> str:
        return f"{payment.get_method_display()} {payment.reference or ''}".strip()

    @display(description="Amount", ordering="amount_minor")
    def amount(self, payment: Payment) -> SafeString | str:
        return amount(payment.amount_minor, payment.currency)

    @display(description="Status", ordering="status")
    def state(self, payment: Payment) -> SafeString:
        return payment_badge(payment)

    @display(description="Invoice", ordering="invoice__number")
    def invoice_named(self, payment: Payment) -> SafeString | str:
        return link_to(payment.invoice) if payment.invoice else "—"

    @display(description="Tenant")
    def tenant_named(self, payment: Payment) -> SafeString:
        return link_to(payment.tenant)

    @display(description="Recorded by")
    def recorder(self, payment: Payment) -> str:
        who = payment.recorded_by.email if payment.recorded_by else "—"
        return f"{who}, of the tenant" if payment.declared_by_tenant else who

    @display(description="Verified by")
    def verifier(self, payment: Payment) -> str:
        return payment.verified_by.email if payment.verified_by else "—"

    @display(description="Second person")
    def second_person(self, payment: Payment) -> str:
        return "Needed, above the threshold" if payment.needs_second_person else "Not needed"

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        """What waits, for whom, and what verifying it will do."""
        payment: Payment = obj
        if payment.status != WAITING:
            return []
        found = [
            Notice("info", f"Awaits review: nothing is booked yet. When verified: {bookings_of([payment])[0].in_words}")
        ]
        if is_for_another(payment, request):
            found.append(Notice("warning", OTHERS_WORK))
        elif payment.needs_second_person:
            found.append(Notice("info", "Its amount needs a second person: not whoever recorded it."))
        return found

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        payment: Payment = obj
        found = [self._allocations(payment), history_table("payment", payment.id)]
        if refunds := list(payment.refunds.order_by("created_at")):
            rows = [
                (
                    date_text(each.created_at),
                    each.get_status_display(),
                    each.reason or "—",
                    amount(each.amount_minor, each.currency),
                )
                for each in refunds
            ]
            found.insert(1, Table("Refunds", ("When", "Status", "Why", Num("Amount")), rows))
        return [
            *found,
            legs_table(payment.legs.order_by("occurred_at", "-amount_minor"), "Nothing is booked of this payment."),
        ]

    def _allocations(self, payment: Payment) -> Table:
        rows = [
            (link_to(part.invoice), date_text(part.created_at), amount(part.amount_minor, payment.currency))
            for part in payment.allocations.select_related("invoice")
        ]
        foot = []
        if payment.status == Payment.Status.SUCCEEDED:
            left = Money(queries.unallocated(payment), payment.currency)
            foot = [("Credit that is left of it", "", money_text(left)), ("Together", "", money_text(payment.amount))]
        return Table(
            title="Where the money went",
            heads=("Invoice", "When", Num("Amount")),
            rows=rows,
            foot=foot,
            empty="All of it is credit." if foot else "Nowhere yet.",
        )
