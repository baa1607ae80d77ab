"""Coupons at the desk: make one, see who has redeemed it, close it. Its terms are never edited."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from billing_portal.kit import periods
from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice, SearchSelect, Table, link_to
from billing_portal.kit.display.dates import moment_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.kit.templatetags.billing import badge
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from billing_portal.tenants.models import Tenant
from subscriptions import coupon_queries
from subscriptions.actions.couponing import close_coupon, make_coupon
from subscriptions.coupon_words import what_off
from subscriptions.models import Coupon, PlanPrice
from subscriptions.models.coupon import MOST_CYCLES, MOST_REDEMPTIONS

# What a form's field is called that an error of the verb is about.
_FIELDS = {"percentOff": "percent_off", "maxRedemptions": "max_redemptions", "redeemBy": "last_day"}
# A calendar's last year has no day after its last one.
LAST_YEAR = 2100


class CouponForm(forms.Form):
    """`money` and `until` are there once it is valid."""

    code = forms.CharField(max_length=32, help_text="What a customer types. Small letters count as capitals.")
    percent_off = forms.DecimalField(label="Percentage", required=False, max_digits=5, decimal_places=2)
    amount_off = forms.CharField(label="Or an amount", required=False, max_length=20)
    currency = forms.ChoiceField(required=False, help_text="Of the amount: only prices in it are reduced.")
    cycles = forms.IntegerField(
        label="Periods",
        required=False,
        min_value=1,
        max_value=MOST_CYCLES,
        help_text="The first so many that are billed. Empty: every one.",
    )
    last_day = forms.DateField(
        label="Last day",
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="On which it can be redeemed. Empty: until it is closed.",
    )
    max_redemptions = forms.IntegerField(
        label="How often",
        required=False,
        min_value=1,
        max_value=MOST_REDEMPTIONS,
        help_text="Once for each tenant. Empty: for any number of them.",
    )
    tenant = forms.ModelChoiceField(
        Tenant.objects.filter(closed_at=None),
        required=False,
        widget=SearchSelect(Coupon._meta.get_field("tenant"), admin.site),
        help_text="For this one alone. Empty: for everybody who has the code.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        sold = sorted(set(PlanPrice.objects.values_list("currency", flat=True)))
        self.fields["currency"].choices = [("", "—"), *((each, each.upper()) for each in sold)]  # type: ignore[attr-defined]
        self.fields["currency"].widget.attrs["class"] = "desk-input desk-select"
        for name in ("code", "percent_off", "amount_off", "cycles", "last_day", "max_redemptions"):
            self.fields[name].widget.attrs["class"] = "desk-input desk-amount"
        self.money: Money | None = None
        self.until: datetime | None = None

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        amount, currency = found.get("amount_off"), found.get("currency")
        if amount and not currency:
            self.add_error("currency", "Choose the currency of the amount.")
        elif amount:
            try:
                self.money = amount_from_text(amount, str(currency))
            except BadAmount as error:
                self.add_error("amount_off", str(error))
        if (last := found.get("last_day")) and last.year > LAST_YEAR:
            self.add_error("last_day", f"Choose a day until {LAST_YEAR}, or none.")
        elif last:
            self.until = periods.midnight(last + timedelta(days=1), settings.ISSUER_TIME_ZONE)
        return found


@admin.register(Coupon)
class CouponAdmin(BooksAdmin):
    """What each takes off, for how long, and who has redeemed it."""

    list_display = ["code", "off", "periods", "state", "redeemed", "tenant", "redeem_by", "created_at"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["code", "tenant__name", "tenant__slug"]
    actions_detail = ["close"]
    fields = [("code", "state"), ("off", "periods"), ("redeemed", "tenant"), "redeem_by", ("created_at", "closed_at")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("subscriptions.add_coupon"))

    def has_close_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("subscriptions.change_coupon"))

    @display(description="Takes off")
    def off(self, coupon: Coupon) -> str:
        return what_off(coupon)

    @display(description="Periods", ordering="cycles")
    def periods(self, coupon: Coupon) -> str:
        return "every one" if coupon.cycles is None else f"the first {coupon.cycles}"

    @display(description="Status", ordering="closed_at")
    def state(self, coupon: Coupon) -> str:
        if coupon.closed_at:
            return "Closed"
        if coupon.redeem_by and coupon.redeem_by <= timezone.now():
            return "Over"
        most = coupon.max_redemptions
        return "Used up" if most is not None and coupon_queries.redemptions(coupon).count() >= most else "Open"

    @display(description="Redeemed")
    def redeemed(self, coupon: Coupon) -> str:
        count = coupon_queries.redemptions(coupon).count()
        return str(count) if coupon.max_redemptions is None else f"{count} of {coupon.max_redemptions}"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make one by the verb."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = CouponForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and (made := _make(form)):
            messages.success(request, f"{made.code} can be redeemed from now on.")
            return HttpResponseRedirect(self.detail_url(made.pk))
        text = "Its terms can't be changed later. One that was made wrong is closed, and another made by another code."
        asked = Confirmation(title="Make a coupon", button="Make it", notices=[Notice("info", text)], form=form)
        return self.ask(request, asked)

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        found = coupon_queries.redemptions(obj).select_related("tenant").order_by("-started_at")
        rows = [
            (link_to(each.tenant), link_to(each, moment_text(each.started_at)), _state(each), each.engine)
            for each in found
        ]
        return [Table("Redeemed by", ("Tenant", "Subscription since", "Status", "Charged by"), rows, empty="Nobody.")]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        coupon = self.get_object(request, str(object_id))
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if coupon is not None and coupon.closed_at is None else []

    @action(
        description="Close coupon",
        permissions=["close"],
        icon="block",
        variant=ActionVariant.DANGER,
        url_path="close",
    )
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks, POST closes it."""
        coupon: Coupon = self.found(request, object_id)
        if coupon.closed_at is None and request.method != "POST":
            text = "Nobody can redeem it from then on. Who has redeemed it keeps what it takes off."
            asked = Confirmation(
                title=f"Close {coupon.code}?", button="Close coupon", notices=[Notice("warning", text)], danger=True
            )
            return self.ask(request, asked, coupon)
        if coupon.closed_at is None:
            close_coupon(coupon_id=coupon.id, now=timezone.now())
            messages.success(request, f"{coupon.code} is closed.")
        else:
            messages.info(request, "It was closed already. Nothing was changed.")
        return HttpResponseRedirect(self.detail_url(coupon.pk))


def _make(form: CouponForm) -> Coupon | None:
    """None with the form's errors told."""
    wanted = form.cleaned_data
    try:
        return make_coupon(
            code=wanted["code"],
            percent_off=wanted["percent_off"],
            amount_off=form.money,
            cycles=wanted["cycles"],
            redeem_by=form.until,
            max_redemptions=wanted["max_redemptions"],
            tenant=wanted["tenant"],
            now=timezone.now(),
        )
    except BillingError as error:
        names = [_FIELDS.get(each.field, each.field) for each in error.errors]
        form.add_error(next((each for each in names if each in form.fields), None), error.detail)
        return None


def _state(subscription: Any) -> SafeString:
    return badge("subscription", subscription.status, desk=True)
