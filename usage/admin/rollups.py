"""The sums that bills are made from, read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import BooksAdmin
from billing_portal.kit.display.amounts import number_text
from usage.meters import METERS
from usage.models import UsageRollup

TENANT = ("tenant", AutocompleteSelectFilter)


@admin.register(UsageRollup)
class UsageRollupAdmin(BooksAdmin):
    """Sums that the bills are made from, kept in the transaction that stores each record."""

    list_display = ["tenant", "usage_month", "meter", "rate_class", "used", "charged", "records", "billed_in"]
    list_display_links = ["usage_month"]
    list_filter = ["usage_month", "rate_class", ("segment_start", admin.EmptyFieldListFilter), TENANT]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["tenant__name", "tenant__slug"]
    ordering = ["-usage_month", "tenant", "rate_class"]
    fields = [
        "tenant",
        "usage_month",
        "billed_in",
        "meter",
        "rate_class",
        "segment_start",
        "used",
        "charged",
        "records",
    ]

    @display(description="Used", ordering="quantity")
    def used(self, rollup: UsageRollup) -> str:
        return _in_units(rollup.meter, rollup.quantity)

    @display(description="Charged for", ordering="billable_quantity")
    def charged(self, rollup: UsageRollup) -> str:
        return _in_units(rollup.meter, rollup.billable_quantity)


def _in_units(meter: str, base: Any) -> str:
    return f"{number_text(METERS[meter].to_unit(base))} {METERS[meter].unit}s" if meter in METERS else number_text(base)
