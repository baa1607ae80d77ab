"""What payers' banks hold or took back, at the desk. It is answered in the provider's dashboard; here it is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Case, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import date_text
from billing_portal.kit.money import Money
from payments.admin.cells import amount, history_table, payment_title, state_badge
from payments.admin.filters import OfProvider
from payments.admin.provider_fields import ProviderFields
from payments.models import Dispute
from payments.naming import provider_name
from payments.refund_queries import HELD

FIRST_WHAT_IS_HELD = Case(When(status__in=HELD, then=Value(0)), default=Value(1))


def disputes_table(disputes: Iterable[Dispute]) -> Table:
    """A payment's."""
    rows = [
        (
            link_to(each, date_text(each.opened_at)),
            state_badge("dispute", each.status),
            reason_words(each),
            amount(each.withdrawn_minor, each.currency),
            amount(each.fee_minor, each.currency),
            amount(each.amount_minor, each.currency),
        )
        for each in disputes
    ]
    heads = ("Since", "Status", "Reason", Num("Held or taken"), Num("Fee"), Num("Disputed"))
    return Table("Disputes", heads, rows)


def reason_words(dispute: Dispute) -> str:
    return dispute.reason.replace("_", " ").capitalize() or "None told"


@admin.register(Dispute)
class DisputeAdmin(ProviderFields):
    """Read only: those that are not decided first."""

    list_display = ["titled", "tenant", "state", "reason_told", "opened_at", "closed_at", "withdrawn", "fee", "amount"]
    list_filter = ["status", OfProvider, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant", "payment"]
    search_fields = ["provider_ref", "payment__provider_ref", "reason", "tenant__name", "tenant__slug"]
    search_help_text = "The provider's reference, reason or tenant"
    date_hierarchy = "opened_at"
    ordering = [FIRST_WHAT_IS_HELD.asc(), "-opened_at", "-id"]
    fields = [
        ("payment_named", "state"),
        ("amount", "reason_told"),
        ("withdrawn", "fee"),
        ("opened_at", "closed_at"),
        ("tenant_named", "provider_reference"),
        "id",
    ]

    @display(description="Payment", ordering="payment__method")
    def titled(self, dispute: Dispute) -> str:
        return payment_title(dispute.payment)

    @display(description="Payment")
    def payment_named(self, dispute: Dispute) -> SafeString:
        return link_to(dispute.payment, payment_title(dispute.payment))

    @display(description="Tenant")
    def tenant_named(self, dispute: Dispute) -> SafeString:
        return link_to(dispute.tenant)

    @display(description="Status", ordering="status")
    def state(self, dispute: Dispute) -> SafeString | str:
        return state_badge("dispute", dispute.status)

    @display(description="Reason", ordering="reason")
    def reason_told(self, dispute: Dispute) -> str:
        return reason_words(dispute)

    @display(description="Disputed", ordering="amount_minor")
    def amount(self, dispute: Dispute) -> SafeString | str:
        return amount(dispute.amount_minor, dispute.currency)

    @display(description="Held or taken", ordering="withdrawn_minor")
    def withdrawn(self, dispute: Dispute) -> SafeString | str:
        return amount(dispute.withdrawn_minor, dispute.currency)

    @display(description="Fee", ordering="fee_minor")
    def fee(self, dispute: Dispute) -> SafeString | str:
        return amount(dispute.fee_minor, dispute.currency)

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        """What it means now."""
        dispute: Dispute = obj
        held = money_text(Money(dispute.withdrawn_minor, dispute.currency))
        where = f"{provider_name(dispute.provider)}'s dashboard"
        words = {
            Dispute.Status.INQUIRY: ("warning", f"The bank asks; no money has moved. Answer it in {where}."),
            Dispute.Status.OPEN: ("warning", f"The bank holds {held} until it decides. Answer it in {where}."),
            Dispute.Status.LOST: ("error", f"The bank kept {held}: what it had paid is open again."),
        }.get(Dispute.Status(dispute.status))
        return [Notice(*words)] if words else []

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        return [history_table("dispute", obj.id)]
