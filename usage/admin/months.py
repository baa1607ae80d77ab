"""Usage months: their totals, and how to close one after seeing what it bills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text, number_text, unit_price_text
from billing_portal.kit.display.dates import month_text, period_text
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from usage import queries
from usage.actions.closing import Closed
from usage.admin.outcomes import CLOSES, attempt, close_as_shown, lines_table, mark_of, outcomes_table, words_of
from usage.meters import METERS, RATE_CLASS_TITLES
from usage.models import UsageMonth
from usage.summary import month_so_far

CHANGED = "Something has changed meanwhile. This is what would be billed now."
TENANT = ("tenant", AutocompleteSelectFilter)


@admin.register(UsageMonth)
class UsageMonthAdmin(BooksAdmin):
    """Open until closed, once and for good."""

    list_display = ["named", "tenant", "days", "state", "invoice_named"]
    list_filter = ["label", ("closed_at", admin.EmptyFieldListFilter), TENANT]
    list_filter_submit = True
    list_select_related = ["tenant", "invoice"]
    search_fields = ["label", "tenant__name", "tenant__slug", "invoice__number"]
    ordering = ["-label", "tenant__name"]
    actions = ["close_chosen"]
    actions_detail = ["close_month"]
    fields = [("tenant_named", "state"), ("named", "days"), ("starts_at", "ends_at"), ("closed_at", "invoice_named")]

    def has_close_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("usage.close_month"))

    @display(description="Month", ordering="label")
    def named(self, month: UsageMonth) -> str:
        return month_text(month.label)

    @display(description="Days, in the tenant's zone", ordering="starts_at")
    def days(self, month: UsageMonth) -> str:
        with timezone.override(month.tenant.zone):
            return period_text(month.starts_at, month.ends_at)

    @display(description="State", ordering="closed_at")
    def state(self, month: UsageMonth) -> str:
        if month.closed_at:
            return "Closed"
        return "Ended, to be closed" if month.ends_at <= timezone.now() else "Running"

    @display(description="Invoice")
    def invoice_named(self, month: UsageMonth) -> SafeString | str:
        return link_to(month.invoice) if month.invoice else "—"

    @display(description="Tenant")
    def tenant_named(self, month: UsageMonth) -> SafeString:
        return link_to(month.tenant)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        month = self.get_object(request, str(object_id))
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if month is not None and month.closed_at is None else []

    @action(description="Close month", permissions=["close"], icon="event_available", variant=ActionVariant.PRIMARY)
    def close_month(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET shows what would be billed, POST bills it, if that is still so."""
        month: UsageMonth = self.found(request, object_id)
        changed = self._close(request, [month]) if request.method == "POST" else []
        if request.method == "POST" and not changed:
            return HttpResponseRedirect(self.detail_url(month.pk))
        return self.ask(request, self._asked(request, [month], changed=bool(changed)), month)

    @admin.action(description="Close the chosen months", permissions=["close"])
    def close_chosen(self, request: HttpRequest, queryset: QuerySet[UsageMonth]) -> HttpResponse | None:
        """Each in a transaction of its own, oldest first. Those that changed since they were shown are shown again."""
        months = list(queryset.select_related("tenant").order_by("label", "tenant__name"))
        confirmed = "confirmed" in request.POST
        changed = self._close(request, months) if confirmed else []
        if confirmed and not changed:
            return None
        months = changed or months
        ids = [(ACTION_CHECKBOX_NAME, str(month.pk)) for month in months]
        hidden = [("action", "close_chosen"), *ids]
        return self.ask(request, self._asked(request, months, hidden, changed=bool(changed)))

    def _asked(
        self,
        request: HttpRequest,
        months: Sequence[UsageMonth],
        hidden: Sequence[tuple[str, str]] = (),
        *,
        changed: bool = False,
    ) -> Confirmation:
        tried = [(month, attempt(request, month, dry_run=True)) for month in months]
        can = [month for month, closed in tried if isinstance(closed, Closed) and closed.closing in CLOSES]
        named = month_text(months[0].label) if len(months) == 1 else f"{len(months)} months"
        return Confirmation(
            title=f"Close {named}?",
            button="" if not can else "Close it" if len(months) == 1 else "Close them",
            notices=[
                *([Notice("warning", CHANGED)] if changed else []),
                Notice(
                    "info",
                    "Nothing is written yet. A closed month never opens again; what comes later goes on the next bill.",
                ),
            ],
            tables=[
                outcomes_table(tried),
                *(lines_table(closed) for _, closed in tried if isinstance(closed, Closed) and closed.lines),
            ],
            hidden=[*hidden, *(("shown", mark_of(month, closed)) for month, closed in tried)],
        )

    def _close(self, request: HttpRequest, months: Sequence[UsageMonth]) -> list[UsageMonth]:
        """Close what was shown, and say so; the months that would bill something else now are left and handed back."""
        shown, changed = set(request.POST.getlist("shown")), []
        for month in months:
            closed = close_as_shown(request, month, shown)
            if closed is None:
                changed.append(month)
                continue
            tell = messages.success if isinstance(closed, Closed) and closed.closing in CLOSES else messages.warning
            tell(request, f"{month.tenant}, {month_text(month.label)}: {words_of(closed)}")
        outbox.wake()
        return changed

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        month: UsageMonth = obj
        so_far = month_so_far(month.tenant, month, timezone.now())
        currency = so_far.currency
        rows = [
            (
                each.title,
                f"{number_text(each.used)} {each.unit}s",
                each.records,
                "without limit" if each.included is None else number_text(each.included),
                number_text(each.overage),
                unit_price_text(each.unit_amount, currency) if currency else "—",
                money_text(Money(each.amount, currency)) if currency else "—",
            )
            for each in so_far.classes
        ]
        together = so_far.money(so_far.overage_total)
        heads = (
            "Kind",
            Num("Charged for"),
            Num("Records"),
            Num("Included"),
            Num("Beyond"),
            Num("A unit"),
            Num("Amount"),
        )
        foot = [("Together", "", "", "", "", "", money_text(together))] if together and rows else []
        unbilled = queries.totals(month.tenant, month.label).get(None, {})
        uncovered = [
            (
                RATE_CLASS_TITLES.get(kind, kind),
                f"{number_text(METERS[meter].to_unit(used.quantity))} {METERS[meter].unit}s",
                used.records,
            )
            for (meter, kind), used in sorted(unbilled.items())
        ]
        found = [Table("Totals", heads, rows, foot, empty="Nothing was used.")]
        if uncovered:
            found.append(
                Table("Without a subscription: kept, not billed", ("Kind", Num("Used"), Num("Records")), uncovered)
            )
        return found
