"""What the books and a provider do not agree on: open ones first, with the amount at stake, closed with a note."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from billing_portal.kit.desk import Confirmation, Notice, Num, Table, link_to
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import date_text
from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.staff import staff_user
from payments.actions.discrepancies import close_discrepancy
from payments.admin.cells import amount, payment_title, state_badge
from payments.admin.filters import OfProvider
from payments.admin.forms import PlainText
from payments.admin.provider_fields import ProviderFields
from payments.models import Discrepancy

NOBODYS = "Nobody knows whose"


class CloseForm(forms.Form):
    """What was done about it."""

    note = PlainText(max_length=500, required=True, help_text="What was found and done. For staff.")


def age_text(since: datetime, until: datetime) -> str:
    """'today', '1 day', '12 days'."""
    days = (until - since).days
    return count_text(days, "day") if days > 0 else "today"


def discrepancies_table(rows: Iterable[Discrepancy], now: datetime, *, title: str = "Discrepancies") -> Table:
    """What is at stake, longest open first as they come."""
    heads = ("What", Num("At stake"), "Tenant", "Since", "Age")
    cells = [
        (
            link_to(each, each.get_kind_display()),
            amount(each.amount_minor, each.currency),
            each.tenant or NOBODYS,
            date_text(each.opened_at),
            age_text(each.opened_at, each.closed_at or now),
        )
        for each in rows
    ]
    return Table(title, heads, cells, empty="Our books and the providers' agree.")


@admin.register(Discrepancy)
class DiscrepancyAdmin(ProviderFields):
    """Read, and closed by somebody who has seen to it. Nothing is booked by closing one."""

    list_display = ["what", "whose", "state", "opened_at", "age", "provider_named", "amount"]
    list_filter = [
        ("closed_at", admin.EmptyFieldListFilter),
        "kind",
        OfProvider,
        "currency",
        ("tenant", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["tenant", "payment"]
    search_fields = ["provider_ref", "detail", "note", "payment__provider_ref", "tenant__name", "tenant__slug"]
    search_help_text = "The provider's reference, what was found, or the tenant"
    date_hierarchy = "opened_at"
    ordering = [F("closed_at").desc(nulls_first=True), "opened_at", "id"]
    actions = ["close_chosen"]
    actions_detail = ["close"]
    fields = [
        ("what", "state"),
        ("amount", "age"),
        "detail",
        ("tenant_named", "payment_named"),
        ("provider_named", "provider_reference"),
        ("opened_at", "seen_at"),
        ("closed_at", "closer"),
        "note",
        "id",
    ]

    def has_close_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.close_discrepancy"))

    @display(description="What", ordering="kind")
    def what(self, row: Discrepancy) -> str:
        return row.get_kind_display()

    @display(description="Tenant", ordering="tenant__name")
    def whose(self, row: Discrepancy) -> str:
        return str(row.tenant) if row.tenant else NOBODYS

    @display(description="Tenant")
    def tenant_named(self, row: Discrepancy) -> SafeString | str:
        return link_to(row.tenant) if row.tenant else NOBODYS

    @display(description="Payment")
    def payment_named(self, row: Discrepancy) -> SafeString | str:
        return link_to(row.payment, payment_title(row.payment)) if row.payment else "None of ours"

    @display(description="Status", ordering="closed_at")
    def state(self, row: Discrepancy) -> SafeString | str:
        return state_badge("discrepancy", "closed" if row.closed_at else "open")

    @display(description="At stake", ordering="amount_minor")
    def amount(self, row: Discrepancy) -> SafeString | str:
        return amount(row.amount_minor, row.currency)

    @display(description="Age", ordering="opened_at")
    def age(self, row: Discrepancy) -> str:
        return age_text(row.opened_at, row.closed_at or timezone.now())

    @display(description="Closed by")
    def closer(self, row: Discrepancy) -> str:
        if row.closed_by:
            return row.closed_by.email
        return "Came right by itself" if row.closed_at else "—"

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        row: Discrepancy = obj
        return [] if row.closed_at else [Notice("warning", f"{row.get_kind_display()}. {row.detail}")]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if row is not None and row.closed_at is None else []

    @action(
        description="Close with a note",
        permissions=["close"],
        icon="check",
        variant=ActionVariant.PRIMARY,
        url_path="close",
    )
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks what was done, POST closes it."""
        row: Discrepancy = self.found(request, object_id)
        if row.closed_at is not None:
            messages.info(request, "This was closed already. Nothing was changed.")
            return HttpResponseRedirect(self.detail_url(row.pk))
        form = CloseForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._close(request, [row], form.cleaned_data["note"])
            return HttpResponseRedirect(self.detail_url(row.pk))
        return self.ask(request, _closing([row], form), row)

    @admin.action(description="Close the chosen discrepancies", permissions=["close"])
    def close_chosen(self, request: HttpRequest, queryset: QuerySet[Discrepancy]) -> HttpResponse | None:
        """Several at once, with one note."""
        chosen = list(queryset.select_related("tenant").order_by("opened_at", "id"))
        rows = [each for each in chosen if each.closed_at is None]
        form = CloseForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._close(request, rows, form.cleaned_data["note"])
            return None
        hidden = [("action", "close_chosen"), *((ACTION_CHECKBOX_NAME, str(each.pk)) for each in rows)]
        return self.ask(request, _closing(rows, form, hidden))

    def _close(self, request: HttpRequest, rows: Sequence[Discrepancy], note: str) -> None:
        for row in rows:
            try:
                close_discrepancy(discrepancy_id=row.id, note=note, closed_by=staff_user(request), now=timezone.now())
            except BillingError as error:
                messages.error(request, f"{row}: {error.detail}")
            else:
                messages.success(request, f"Closed: {row}.")
        outbox.wake()


def _closing(rows: Sequence[Discrepancy], form: CloseForm, hidden: Sequence[tuple[str, str]] = ()) -> Confirmation:
    if not rows:
        return Confirmation(title="Nothing to close", notices=[Notice("info", "These were closed already.")])
    them = "it" if len(rows) == 1 else "them"
    text = "Nothing is booked by this: it says that somebody has seen to it. It stays closed for this amount."
    return Confirmation(
        title="Close this discrepancy?" if len(rows) == 1 else f"Close {len(rows)} discrepancies?",
        button=f"Close {them}",
        notices=[Notice("info", text)],
        tables=[discrepancies_table(rows, timezone.now(), title="What is closed")],
        form=form,
        hidden=hidden,
    )
