"""Plans at the desk: read. A plan's terms are a new version, never an edit."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing_portal.kit.desk import BooksAdmin, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text, number_text, unit_price_text
from billing_portal.kit.display.dates import moment_text
from billing_portal.kit.money import Money
from subscriptions.models import Plan, PlanPrice, PlanVersion


@admin.register(Plan)
class PlanAdmin(BooksAdmin):
    """A plan and its versions, newest first."""

    list_display = ["name", "code", "position"]
    search_fields = ["name", "code"]
    fields = ["name", "code", "position"]

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        rows = [
            (link_to(version, f"Version {version.version}"), moment_text(version.created_at), version.trial_days)
            for version in obj.versions.all()
        ]
        return [Table("Versions", ("Version", "Since", Num("Trial days")), rows)]


@admin.register(PlanVersion)
class PlanVersionAdmin(BooksAdmin):
    """Terms that never change: prices, allowances, overage."""

    list_display = ["__str__", "version", "created_at", "trial_days", "by_invoice"]
    list_filter = ["plan"]
    list_select_related = ["plan"]
    search_fields = ["plan__name", "plan__code"]
    fields = [
        "plan",
        "version",
        "created_at",
        "trial_days",
        "bills_trial_usage",
        "by_invoice",
        "initial_seconds",
        "increment_seconds",
        "free_below_seconds",
    ]

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        prices = [
            (price.get_billing_cycle_display(), price.currency.upper(), price.minimum_seats, seat_price(price))
            for price in obj.prices.order_by("currency", "billing_cycle")
        ]
        allowances = [
            (each.meter, each.rate_class, "without limit" if each.per_seat is None else number_text(each.per_seat))
            for each in obj.allowances.order_by("meter", "rate_class")
        ]
        overage = [
            (each.meter, each.rate_class, each.currency.upper(), unit_price_text(each.unit_amount, each.currency))
            for each in obj.overage_prices.order_by("meter", "rate_class", "currency")
        ]
        return [
            Table("Prices", ("Cycle", "Currency", Num("Seats at least"), Num("A seat")), prices),
            Table("Included each month", ("Meter", "Kind", Num("A seat")), allowances, empty="Nothing is included."),
            Table(
                "Beyond that", ("Meter", "Kind", "Currency", Num("A unit")), overage, empty="Nothing is charged beyond."
            ),
        ]


def seat_price(price: PlanPrice) -> str:
    return money_text(Money(price.per_seat_minor, price.currency))
