"""The mirror at the desk: Stripe's objects to read, under one name, in place of dj-stripe's own pages.

Amounts come from what Stripe said, never from dj-stripe's columns: those divide by a hundred in every currency.
"""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from djstripe import models
from unfold.decorators import display

from billing_portal.kit.desk import BooksAdmin, link_to
from billing_portal.kit.display.amounts import NONE, money_text
from payments.providers.errors import ProviderRejected
from payments.providers.stripe.amounts import from_stripe

# What a payment meets on its way; the other kinds are kept as they come, and looked at in Stripe's own dashboard.
# Each kind with its columns, between id and time.
SHOWN: dict[type[Any], tuple[str, ...]] = {
    models.Event: ("type",),
    models.Customer: ("tenant", "email"),
    models.PaymentMethod: ("type", "customer"),
    models.SetupIntent: ("state", "customer"),
    models.PaymentIntent: ("amount_as_told", "state", "customer"),
    models.Charge: ("amount_as_told", "state", "customer"),
    models.Refund: ("amount_as_told", "state", "charge"),
    models.Dispute: ("amount_as_told", "state", "charge"),
    models.BalanceTransaction: ("amount_as_told", "state", "type"),
    models.Product: ("name", "active"),
    models.Price: ("lookup_key", "active"),
    models.Subscription: ("state", "customer"),
    models.Invoice: ("amount_as_told", "state", "customer"),
}
# A customer is shown by its tenant's name.
_READ_WITH = {"tenant": "subscriber", "customer": "customer__subscriber", "charge": "charge"}
_SEARCHED = {models.Customer: ("id", "email", "subscriber__name", "subscriber__slug"), models.Event: ("id", "type")}


class MirrorAdmin(BooksAdmin):
    """One object as Stripe told it. To act on it is what our own pages, or Stripe's dashboard, are for."""

    list_filter = ["livemode"]
    ordering = ["-created"]

    def __init__(self, model: type[Any], site: admin.AdminSite) -> None:
        columns = SHOWN[model]
        self.list_display = ["id", *columns, "created"]
        self.list_select_related = [_READ_WITH[each] for each in columns if each in _READ_WITH]
        self.search_fields = _SEARCHED.get(model, ("id",))
        self.fields = ["id", *columns, "created", "mode", "read_at", "as_told"]
        super().__init__(model, site)

    @display(description="Amount")
    def amount_as_told(self, obj: Any) -> str:
        """An invoice has a total, the others an amount."""
        told = obj.stripe_data
        counted = told.get("amount", told.get("total"))
        if not isinstance(counted, int) or not isinstance(told.get("currency"), str):
            return NONE
        try:
            return money_text(from_stripe(counted, told["currency"]))
        except ProviderRejected:  # in a currency that we don't know: the number is in what Stripe said
            return NONE

    @display(description="Status")
    def state(self, obj: Any) -> str:
        return str(obj.stripe_data.get("status") or NONE).replace("_", " ")

    @display(description="Mode")
    def mode(self, obj: Any) -> str:
        return {True: "Live", False: "Test"}.get(obj.livemode, NONE)

    @display(description="Read from Stripe")
    def read_at(self, obj: Any) -> Any:
        return obj.djstripe_updated

    @display(description="As Stripe told it")
    def as_told(self, obj: Any) -> SafeString:
        told = obj.data if isinstance(obj, models.Event) else obj.stripe_data
        return format_html('<pre class="desk-json">{}</pre>', json.dumps(told, indent=2, sort_keys=True))

    @display(description="Tenant")
    def tenant(self, obj: Any) -> Any:
        return link_to(obj.subscriber) if obj.subscriber else NONE


def register() -> None:
    """Replace dj-stripe's pages: they add, change, cancel and delete at Stripe, past all our rules.

    Its objects are named by kind and id here, since the names that it makes up tell amounts by its own columns.
    """
    for model in apps.get_app_config("djstripe").get_models():
        if admin.site.is_registered(model):
            admin.site.unregister(model)
    for model in SHOWN:
        if model is not models.Customer:
            model.__str__ = _named  # type: ignore[assignment]  # mypy takes a method for its bound twin
        admin.site.register(model, MirrorAdmin)


def _named(self: Any) -> str:
    return f"{self._meta.verbose_name} {self.id}"
