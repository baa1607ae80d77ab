"""Calls to providers, at the desk: what each answered and how long it took. Codes are the provider's own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import Num, Table, link_to
from billing_portal.kit.display.amounts import number_text
from billing_portal.kit.display.dates import exact_text
from payments.admin.cells import copyable, payment_title, state_badge
from payments.admin.filters import OfKnownValues, OfProvider
from payments.admin.provider_fields import ProviderFields
from payments.models import Attempt

# As many as a record's page lists; beyond, the list of all attempts is the place.
MOST = 50
OPERATIONS = (
    *("charge", "begin", "capture", "cancel", "look_up", "find"),
    *("refund", "look_up_refund", "refunds_of", "disputes_of"),
    *("create_customer", "begin_setup", "saved_methods", "forget_method"),
    *("start_subscription", "look_up_subscription", "find_subscription", "cancel_subscription"),
    *("pause_subscription", "resume_subscription", "end_with_period", "charge_with"),
    *("preview_change", "change_subscription", "drop_change", "bills_of"),
    *("look_up_bill", "pay_bill", "stop_collecting", "collect_again", "paid_elsewhere"),
)


def operation_words(operation: str) -> str:
    """'look_up' is 'Look up'."""
    return operation.replace("_", " ").capitalize()


def attempts_table(attempts: QuerySet[Attempt]) -> Table:
    """Newest first."""
    rows = list(attempts.order_by("-at", "-id")[: MOST + 1])
    return Table(
        title="Calls to the provider",
        heads=("When", "Operation", "Outcome", "Code", "Decline code", "Provider's request", Num("ms")),
        rows=[
            (
                link_to(each, exact_text(each.at)),
                operation_words(each.operation),
                state_badge("attempt", each.outcome),
                each.code or "—",
                each.decline_code or "—",
                each.request_id or "—",
                number_text(each.milliseconds),
            )
            for each in rows[:MOST]
        ],
        empty="No provider was asked.",
        note=f"The latest {MOST}; the list of attempts has all." if len(rows) > MOST else "",
    )


class OfOperation(OfKnownValues):
    title = parameter_name = "operation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each, operation_words(each)) for each in OPERATIONS]


@admin.register(Attempt)
class AttemptAdmin(ProviderFields):
    """Read only, for whoever looks into what a provider said."""

    list_display = [
        "at",
        "tenant",
        "provider_named",
        "what",
        "state",
        "code",
        "decline_code",
        "request_id",
        "milliseconds",
    ]
    list_filter = ["outcome", OfProvider, OfOperation, ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["request_id", "code", "decline_code", "payment__provider_ref", "refund__provider_ref"]
    search_help_text = "The provider's request, a code, or the provider's reference of a payment or refund"
    date_hierarchy = "at"
    fields = [
        ("at", "state"),
        ("provider_named", "what"),
        ("code", "decline_code"),
        ("request_named", "milliseconds"),
        ("payment_named", "refund_named"),
        ("tenant", "id"),
    ]

    @display(description="Operation", ordering="operation")
    def what(self, attempt: Attempt) -> str:
        return operation_words(attempt.operation)

    @display(description="Outcome", ordering="outcome")
    def state(self, attempt: Attempt) -> SafeString | str:
        return state_badge("attempt", attempt.outcome)

    @display(description="Provider's request")
    def request_named(self, attempt: Attempt) -> SafeString | str:
        return copyable(attempt.request_id, "the provider's request")

    @display(description="Payment")
    def payment_named(self, attempt: Attempt) -> SafeString | str:
        return link_to(attempt.payment, payment_title(attempt.payment)) if attempt.payment else "—"

    @display(description="Refund")
    def refund_named(self, attempt: Attempt) -> SafeString | str:
        return link_to(attempt.refund) if attempt.refund else "—"
