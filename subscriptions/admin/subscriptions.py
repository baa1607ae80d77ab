"""Subscriptions at the desk: what each tenant is on, what it was billed for, what comes next; start one."""

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

from billing_portal.kit.desk import Confirmation, Notice, Num, SearchSelect, Table, link_to
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import date_text, moment_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.templatetags.billing import badge
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.staff import staff_actor
from payments import queries as money
from payments.admin.cells import amount, invoice_badge, period_cell
from payments.admin.provider_fields import ProviderFields
from payments.naming import provider_name
from subscriptions import queries
from subscriptions.actions.subscribing import start_subscription
from subscriptions.admin.plans import seat_price
from subscriptions.models import PlanPrice, Subscription, SubscriptionTerms
from subscriptions.models.subscription import LIVE, Engine


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
class SubscriptionAdmin(ProviderFields):
    """What each tenant is on, with its terms from the first to those in force, and what it was billed for."""

    list_display = ["tenant", "plan", "state", "charged_by", "seats", "currency_named", "started_at"]
    list_filter = ["status", "engine", ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["tenant__name", "tenant__slug", "provider_ref"]
    search_help_text = "Tenant, or the provider's reference"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("tenant_named", "state"),
                    ("plan", "seats"),
                    ("charged_by", "currency_named"),
                    ("period", "billed"),
                    ("coming", "coupon_named"),
                ]
            },
        ),
        (
            "Its life",
            {
                "fields": [
                    ("started_at", "came_alive_at"),
                    ("trial_end", "anchor_at"),
                    ("paused_at", "ended_at"),
                    "cancel_reason",
                ]
            },
        ),
        ("At its provider", {"fields": [("provider_reference", "mode"), "ends_there_since"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Our own invoices have no provider."""
        found = list(super().get_fieldsets(request, obj))
        return found[:-1] if obj is not None and obj.engine == Engine.INVOICE else found

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
        return link_to(_terms_now(subscription).price.version)

    @display(description="Seats")
    def seats(self, subscription: Subscription) -> int:
        return _terms_now(subscription).seats

    @display(description="Status", ordering="status")
    def state(self, subscription: Subscription) -> SafeString:
        ends = subscription.period_end if subscription.cancel_at_period_end else None
        return badge("subscription", subscription.status, desk=True, ends=ends)

    @display(description="Tenant")
    def tenant_named(self, subscription: Subscription) -> SafeString:
        return link_to(subscription.tenant)

    @display(description="Charged by", ordering="engine")
    def charged_by(self, subscription: Subscription) -> str:
        return "Our invoices" if subscription.engine == Engine.INVOICE else provider_name(subscription.engine)

    @display(description="Currency", ordering="currency")
    def currency_named(self, subscription: Subscription) -> str:
        return subscription.currency.upper()

    @display(description="Period")
    def period(self, subscription: Subscription) -> str:
        return period_cell(subscription)

    @display(description="Billed until")
    def billed(self, subscription: Subscription) -> str:
        """By our own invoices, which may be a period ahead; a provider's bills end with the period. A trial is none."""
        until = subscription.billed_until or subscription.period_end
        return moment_text(until) if until and subscription.status != Subscription.Status.TRIALING else "—"

    @display(description="What comes next")
    def coming(self, subscription: Subscription) -> str:
        price, at, end = subscription.pending_price, subscription.pending_at, subscription.period_end
        if subscription.status not in LIVE or end is None:
            return "—"
        if subscription.cancel_at_period_end:
            return f"It ends on {moment_text(end)}"
        if price and at:
            seats = count_text(subscription.pending_seats or 0, "seat")
            return f"{price.version.plan.name}, {price.billing_cycle}, {seats}, from {moment_text(at)}"
        return f"It goes on as it is on {moment_text(end)}"

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
                seat_price(each.price),
            )
            for each in terms
        ]
        moves = [
            (moment_text(each.at), each.old or "—", each.new, each.actor_label, each.reason or "—")
            for each in money.history("subscription", obj.id).reverse()
        ]
        return [
            Table("Terms", ("From", "Plan", "Cycle", Num("Seats"), Num("A seat")), rows),
            _invoices_table(obj),
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
    return f"{price.version}, {price.billing_cycle}, {seat_price(price)} a seat ({price.currency.upper()})"


def _terms_now(subscription: Subscription) -> SubscriptionTerms:
    """Read once for a row."""
    found: SubscriptionTerms | None = getattr(subscription, "terms_now", None)
    if found is None:
        found = queries.current_terms(subscription, timezone.now())
        subscription.terms_now = found  # type: ignore[attr-defined]
    return found


def _invoices_table(subscription: Subscription) -> Table:
    """Of the subscription itself, newest first; what was used beyond it is billed by the month."""
    invoices = list(queries.invoices(subscription))
    amounts, now = money.amounts_of(invoices), timezone.now()
    rows = [
        (
            link_to(invoice),
            invoice.get_billing_reason_display(),
            period_cell(invoice),
            date_text(invoice.issued_at) if invoice.issued_at else "—",
            invoice_badge(invoice, amounts[invoice.id], now),
            amount(invoice.total_minor, invoice.currency),
        )
        for invoice in invoices
    ]
    heads = ("Invoice", "For", "Period", "Issued", "Status", Num("Total"))
    return Table("Invoices", heads, rows, empty="It has not been billed yet.")
