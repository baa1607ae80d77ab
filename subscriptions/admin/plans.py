"""Plans and subscriptions at the desk: read, and start one. A plan's terms are a new version, never an edit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice, Num, SearchSelect, Table, link_to
from billing_portal.kit.display.amounts import money_text, number_text, unit_price_text
from billing_portal.kit.display.dates import moment_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.kit.templatetags.billing import badge
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.staff import staff_actor
from payments import queries as money
from subscriptions import queries
from subscriptions.actions.subscribing import start_subscription
from subscriptions.models import Plan, PlanPrice, PlanVersion, Subscription


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
            (price.get_billing_cycle_display(), price.currency.upper(), price.minimum_seats, _seat_price(price))
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


class StartForm(forms.Form):
    """A tenant, a price of a plan's newest version, and how many seats."""

    tenant = forms.ModelChoiceField(
        Tenant.objects.filter(closed_at=None),
        widget=SearchSelect(Subscription._meta.get_field("tenant"), admin.site),
    )
    price = forms.ChoiceField(label="Plan")
    seats = forms.IntegerField(min_value=1, max_value=1_000_000, initial=1)
    coupon = forms.CharField(required=False, max_length=64, help_text="The code of one, where there is one.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.prices = {str(price.id): price for price in _newest_prices()}
        self.fields["price"].choices = [  # type: ignore[attr-defined]
            ("", "Choose a plan"),
            *((key, _price_words(each)) for key, each in self.prices.items()),
        ]
        self.fields["price"].widget.attrs["class"] = "desk-input desk-select"
        for name in ("seats", "coupon"):
            self.fields[name].widget.attrs["class"] = "desk-input desk-amount"

    def clean_price(self) -> PlanPrice:
        return self.prices[self.cleaned_data["price"]]


@admin.register(Subscription)
class SubscriptionAdmin(BooksAdmin):
    """What each tenant is on, with its terms from the first to those in force."""

    list_display = ["tenant", "plan", "state", "engine", "seats", "currency", "started_at"]
    list_filter = ["status", "engine", ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["tenant__name", "tenant__slug"]
    fields = [
        "tenant_named",
        "state",
        "plan",
        "seats",
        "engine",
        "currency",
        "started_at",
        "anchor_at",
        "trial_end",
        "ended_at",
        "coupon_named",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("subscriptions.add_subscription"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Start a subscription by the verb."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = StartForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and (started := _start(request, form)):
            messages.success(request, f"{started.tenant} is on {form.cleaned_data['price'].version} from now on.")
            return HttpResponseRedirect(self.detail_url(started.pk))
        text = (
            "It is active at once and collected by invoice. The first subscription sets the tenant's billing currency."
        )
        asked = Confirmation(title="Start a subscription", button="Start it", notices=[Notice("info", text)], form=form)
        return self.ask(request, asked)

    @display(description="Plan")
    def plan(self, subscription: Subscription) -> SafeString:
        return link_to(queries.current_terms(subscription, timezone.now()).price.version)

    @display(description="Seats")
    def seats(self, subscription: Subscription) -> int:
        return queries.current_terms(subscription, timezone.now()).seats

    @display(description="Status", ordering="status")
    def state(self, subscription: Subscription) -> SafeString:
        return badge("subscription", subscription.status, desk=True)

    @display(description="Tenant")
    def tenant_named(self, subscription: Subscription) -> SafeString:
        return link_to(subscription.tenant)

    @display(description="Coupon")
    def coupon_named(self, subscription: Subscription) -> SafeString | str:
        if subscription.coupon is None:
            return "None"
        return link_to(subscription.coupon)

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        terms = obj.terms.select_related("price__version__plan").order_by("-effective_from")
        rows = [
            (
                moment_text(each.effective_from),
                link_to(each.price.version),
                each.price.get_billing_cycle_display(),
                each.seats,
                _seat_price(each.price),
            )
            for each in terms
        ]
        moves = [
            (moment_text(each.at), each.old or "—", each.new, each.actor_label, each.reason or "—")
            for each in money.history("subscription", obj.id).reverse()
        ]
        return [
            Table("Terms", ("From", "Plan", "Cycle", Num("Seats"), Num("A seat")), rows),
            Table("History", ("When", "From", "To", "Who", "Why"), moves),
        ]


def _start(request: HttpRequest, form: StartForm) -> Subscription | None:
    """None with the form's errors told."""
    wanted = form.cleaned_data
    try:
        return start_subscription(
            tenant=wanted["tenant"],
            price=wanted["price"],
            seats=wanted["seats"],
            coupon=wanted["coupon"] or None,
            actor=staff_actor(request),
            now=timezone.now(),
        )
    except BillingError as error:
        known = [each.field for each in error.errors if each.field in form.fields]
        form.add_error(known[0] if known else None, error.detail)
        return None


def _newest_prices() -> list[PlanPrice]:
    """Of each plan's newest version: older ones are for who is on them."""
    prices = PlanPrice.objects.select_related("version__plan").filter(version__by_invoice=True)
    newest: dict[Any, int] = {}
    for price in prices:
        newest[price.version.plan_id] = max(price.version.version, newest.get(price.version.plan_id, 0))
    found = [price for price in prices if price.version.version == newest[price.version.plan_id]]
    return sorted(
        found, key=lambda each: (each.version.plan.position, each.version.plan.name, each.currency, each.billing_cycle)
    )


def _price_words(price: PlanPrice) -> str:
    return f"{price.version}, {price.billing_cycle}, {_seat_price(price)} a seat ({price.currency.upper()})"


def _seat_price(price: PlanPrice) -> str:
    return money_text(Money(price.per_seat_minor, price.currency))
