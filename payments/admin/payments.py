"""Payments at the desk: the list, the page of one, and what can be done with it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import date_text, moment_text
from payments import queries, refund_queries
from payments.admin.asking import AsksProviders, can_be_asked_about
from payments.admin.attempts import attempts_table
from payments.admin.booking import bookings_of
from payments.admin.cells import (
    amount,
    history_table,
    invoices_named,
    legs_table,
    method_words,
    payment_badge,
    payment_title,
)
from payments.admin.clearing import ClearsPayments
from payments.admin.clearing_words import IN_CLEARING
from payments.admin.confirming import OTHERS_WORK, is_for_another
from payments.admin.discrepancies import discrepancies_table
from payments.admin.disputes import disputes_table
from payments.admin.filters import OfProvider
from payments.admin.provider_fields import ProviderFields
from payments.admin.recording import RecordsPayments
from payments.admin.refund_preview import offers_of
from payments.admin.refund_words import refunds_table
from payments.admin.refunding import RefundsPayments
from payments.admin.verifying import WAITING, VerifiesPayments
from payments.models import Discrepancy, Payment

Status = Payment.Status
_ALWAYS = [("tenant_named", "state"), ("amount", "invoice_named")]
_OFFLINE = [
    ("method_named", "reference"),
    ("received_on", "created_at"),
    ("recorder", "verifier"),
    ("second_person", "succeeded_at"),
    ("description", "failure_message"),
]
_BY_PROVIDER = [
    ("method_named", "provider_named"),
    ("provider_reference", "mode"),
    ("created_at", "succeeded_at"),
    ("fee", "returned"),
    ("next_check", "payer_there"),
    ("failure_message", "failure_codes"),
    "description",
]
_LAST = ["id"]


@admin.register(Payment)
class PaymentAdmin(RecordsPayments, VerifiesPayments, ClearsPayments, RefundsPayments, AsksProviders, ProviderFields):
    """Read, but for the verbs."""

    list_display = [
        "words",
        "tenant",
        "amount",
        "state",
        "invoice_named",
        "provider_named",
        "received_on",
        "created_at",
    ]
    list_filter = ["status", "method", OfProvider, "outcome_unknown", ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant", "invoice"]
    search_fields = [
        "reference",
        "provider_ref",
        "invoice__remittance_code",
        "invoice__number",
        "shares__invoice__remittance_code",
        "shares__invoice__number",
        "tenant__name",
        "tenant__slug",
    ]
    search_help_text = "Reference, also the provider's, remittance code, invoice number or tenant"
    actions = ["verify_chosen", "reject_chosen", "clear_chosen"]
    actions_detail = ["verify", "reject", "cleared", "refund", "bounced", "ask_provider"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        rows = queries.with_refunded(super().get_queryset(request)).select_related("tenant", "invoice")
        return rows.prefetch_related("shares__invoice")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What people checked of an offline payment, what a provider said of any other."""
        is_offline = obj is None or obj.provider == "manual"
        return [(None, {"fields": [*_ALWAYS, *(_OFFLINE if is_offline else _BY_PROVIDER), *_LAST]})]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What can be done with it as things stand."""
        payment = self.get_object(request, str(object_id))
        if payment is None:
            return []
        offered = self.review_offered(request, payment) | self.clearing_offered(payment)
        offered |= {"refund"} if payment.status == Status.SUCCEEDED and offers_of(payment).most else set()
        offered |= {"ask_provider"} if can_be_asked_about(payment) else set()
        return [each for each in super().get_actions_detail(request, object_id) if each.path in offered]

    @display(description="Payment", ordering="method")
    def words(self, payment: Payment) -> str:
        return payment_title(payment)

    @display(description="Method")
    def method_named(self, payment: Payment) -> str:
        return method_words(payment)

    @display(description="Provider's fee")
    def fee(self, payment: Payment) -> SafeString | str:
        return amount(payment.fee_minor, payment.currency)

    @display(description="Taken back by a bank")
    def returned(self, payment: Payment) -> SafeString | str:
        return amount(payment.returned_minor or None, payment.currency)

    @display(description="Charged")
    def payer_there(self, payment: Payment) -> str:
        return "By us, without the payer" if payment.off_session else "By the payer"

    @display(description="Next check")
    def next_check(self, payment: Payment) -> str:
        return moment_text(payment.next_check_at) if payment.next_check_at else "—"

    @display(description="Provider's words")
    def failure_codes(self, payment: Payment) -> str:
        codes = dict.fromkeys((payment.failure_code, payment.decline_code))
        return ", ".join(code for code in codes if code) or "—"

    @display(description="Amount", ordering="amount_minor")
    def amount(self, payment: Payment) -> SafeString | str:
        return amount(payment.amount_minor, payment.currency)

    @display(description="Status", ordering="status")
    def state(self, payment: Payment) -> SafeString:
        return payment_badge(payment)

    @display(description="Invoice", ordering="invoice__number")
    def invoice_named(self, payment: Payment) -> SafeString | str:
        return invoices_named(payment)

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
        if payment.status == Status.SUCCEEDED and self.has_refund_permission(request):
            offers = offers_of(payment)
            return [] if offers.most else [Notice("info", f"No refund is possible. {offers.reason}")]
        if payment.outcome_unknown:
            when = f" Next at {moment_text(payment.next_check_at)}." if payment.next_check_at else ""
            return [Notice("warning", f"Nobody knows yet whether money moved: the provider is being asked.{when}")]
        if payment.status == Status.CLEARING:
            return [Notice("info", IN_CLEARING)]
        if payment.status != WAITING:
            return []
        booking = bookings_of([payment])[0]
        found = [Notice("info", f"Awaits review: nothing is booked yet. When verified: {booking.in_words}")]
        found += [Notice("warning", words) for words in booking.warnings]
        if is_for_another(payment, request):
            found.append(Notice("warning", OTHERS_WORK))
        elif payment.needs_second_person:
            found.append(Notice("info", "Its amount needs a second person: not whoever recorded it."))
        return found

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        payment: Payment = obj
        found = [self._allocations(payment)]
        if refunds := list(payment.refunds.order_by("created_at")):
            found.append(refunds_table(refunds))
        if disputes := list(payment.disputes.order_by("opened_at")):
            found.append(disputes_table(disputes))
        if open_ones := list(Discrepancy.objects.filter(payment=payment, closed_at=None).select_related("tenant")):
            found.append(discrepancies_table(open_ones, timezone.now(), title="Open discrepancies"))
        found.append(history_table("payment", payment.id))
        if payment.provider != "manual":
            found.append(attempts_table(payment.attempts.all()))
        legs = payment.legs.order_by("occurred_at", "entry_id", "-amount_minor")
        return [*found, legs_table(legs, "Nothing is booked of this payment.")]

    def _allocations(self, payment: Payment) -> Table:
        """All of it: what invoices had, what is or was credit, what a bank took back."""
        currency = payment.currency
        rows: list[tuple[Any, ...]] = [
            (link_to(part.invoice), date_text(part.created_at), amount(part.amount_minor, currency))
            for part in payment.allocations.select_related("invoice").order_by("created_at", "invoice__number_sequence")
        ]
        foot = []
        if payment.status in queries.ARRIVED:
            others = {
                "Credit that is left of it": queries.unallocated(payment),
                "Credit that was given back, or is about to be": refund_queries.credit_given_back(payment),
                "Taken back by a bank": payment.returned_minor,
            }
            rows += [(words, "", amount(minor, currency)) for words, minor in others.items() if minor]
            foot = [("Together", "", money_text(payment.amount))]
        return Table("Where the money went", ("Part", "When", Num("Amount")), rows, foot, empty="Nowhere yet.")
