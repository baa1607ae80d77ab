"""Refunds at the desk: those that wait for a second person first, each with where it is taken from and what came of
it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import Notice, Num, Table, link_to
from payments.actions import posting, posting_refunds
from payments.admin.approving import WAITING, ApprovesRefunds, is_for_another
from payments.admin.attempts import attempts_table
from payments.admin.cells import amount, history_table, legs_table, payment_title, state_badge
from payments.admin.filters import OfPaymentsProvider
from payments.admin.provider_fields import ProviderFields
from payments.admin.refund_preview import parts_of
from payments.admin.refund_words import goes_to, notices_of, parts_table
from payments.models import LedgerLeg, Refund

FIRST_WHAT_WAITS = Case(When(status=WAITING, then=Value(0)), default=Value(1))


@admin.register(Refund)
class RefundAdmin(ApprovesRefunds, ProviderFields):
    """Read, but for the second person's word. Refunds are made from a payment's page."""

    list_display = ["payment_titled", "tenant", "state", "where_to", "reason", "requested_by", "created_at", "amount"]
    list_filter = ["status", "destination", OfPaymentsProvider, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant", "payment", "requested_by"]
    search_fields = ["provider_ref", "reason", "payment__provider_ref", "tenant__name", "tenant__slug"]
    search_help_text = "The provider's reference, reason or tenant"
    date_hierarchy = "created_at"
    ordering = [FIRST_WHAT_WAITS.asc(), "-created_at", "-id"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("payment_named", "state"),
                    ("amount", "to"),
                    ("tenant_named", "reason"),
                    ("requester", "approver"),
                    ("second_person", "next_check_at"),
                    ("created_at", "settled_at"),
                    ("provider_reference", "reference"),
                    "failure_code",
                    "id",
                ]
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        return super().get_queryset(request).select_related("tenant", "payment__tenant", "requested_by", "approved_by")

    @display(description="Payment", ordering="payment__method")
    def payment_titled(self, refund: Refund) -> str:
        return payment_title(refund.payment)

    @display(description="Payment")
    def payment_named(self, refund: Refund) -> SafeString:
        return link_to(refund.payment, payment_title(refund.payment))

    @display(description="Tenant")
    def tenant_named(self, refund: Refund) -> SafeString:
        return link_to(refund.tenant)

    @display(description="Amount", ordering="amount_minor")
    def amount(self, refund: Refund) -> SafeString | str:
        return amount(refund.amount_minor, refund.currency)

    @display(description="Status", ordering="status")
    def state(self, refund: Refund) -> SafeString | str:
        return state_badge("refund", refund.status)

    @display(description="To", ordering="destination")
    def where_to(self, refund: Refund) -> str:
        return "Credit" if refund.destination == "credit" else "Back to the source"

    @display(description="To")
    def to(self, refund: Refund) -> str:
        words = goes_to(refund.payment, refund.destination)
        return words[:1].upper() + words[1:]

    @display(description="Requested by")
    def requester(self, refund: Refund) -> str:
        if refund.requested_by:
            return refund.requested_by.email
        return "Nobody: it followed by itself" if refund.client_key else "Made in the provider's dashboard"

    @display(description="Approved by")
    def approver(self, refund: Refund) -> str:
        return refund.approved_by.email if refund.approved_by else "—"

    @display(description="Second person")
    def second_person(self, refund: Refund) -> str:
        return "Needed, above the threshold" if refund.needs_second_person else "Not needed"

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        return notices_of(obj, is_mine=is_for_another(obj, request))

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        refund: Refund = obj
        notes = [
            (link_to(note), link_to(note.invoice), note.get_effect_display(), amount(note.amount_minor, note.currency))
            for note in refund.credit_notes.select_related("invoice")
        ]
        return [
            parts_table(parts_of(refund), refund.destination, "Where it is taken from"),
            Table("Credit notes", ("Number", "Invoice", "Effect", Num("Amount")), notes, empty="None."),
            history_table("refund", refund.id),
            attempts_table(refund.attempts.all()),
            legs_table(_legs_of(refund), "Nothing is booked of this refund."),
        ]


def _legs_of(refund: Refund) -> QuerySet[LedgerLeg]:
    """Of the entries that the refund and its credit notes made, newest first."""
    notes = refund.credit_notes.values_list("id", flat=True)
    entries = [
        *posting_refunds.entries_of(refund.id),
        *(posting.entry_id("credit_note_issued", each) for each in notes),
    ]
    return LedgerLeg.objects.filter(entry_id__in=entries).order_by("occurred_at", "entry_id", "-amount_minor")
