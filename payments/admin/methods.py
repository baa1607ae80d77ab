"""Saved cards and bank accounts, and how tenants are known to providers. Read only: never more than the last four."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from billing_portal.kit.desk import Table, link_to
from billing_portal.kit.display.dates import date_text
from payments.admin.filters import OfProvider
from payments.admin.provider_fields import ProviderFields
from payments.models import PaymentMethod, ProviderCustomer

TENANT = ("tenant", AutocompleteSelectFilter)


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ProviderFields):
    """Tenants add and remove them; here they are read."""

    list_display = ["titled", "tenant", "type", "is_default", "expires", "provider_named", "created_at", "removed_at"]
    list_filter = ["type", "is_default", ("removed_at", admin.EmptyFieldListFilter), OfProvider, TENANT]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["provider_ref", "last4", "tenant__name", "tenant__slug"]
    search_help_text = "The provider's reference, the last four digits or the tenant"
    fields = [
        ("titled", "tenant_named"),
        ("type", "expires"),
        ("is_default", "provider_named"),
        ("provider_reference", "mode"),
        ("created_at", "removed_at"),
        "id",
    ]

    @display(description="Method", ordering="type")
    def titled(self, method: PaymentMethod) -> str:
        return str(method)

    @display(description="Tenant")
    def tenant_named(self, method: PaymentMethod) -> SafeString:
        return link_to(method.tenant)

    @display(description="Expires", ordering="exp_year")
    def expires(self, method: PaymentMethod) -> str:
        return f"{method.exp_month:02}/{method.exp_year}" if method.exp_month and method.exp_year else "—"


@admin.register(ProviderCustomer)
class ProviderCustomerAdmin(ProviderFields):
    """One for each tenant, provider and mode."""

    list_display = ["tenant", "provider_named", "provider_ref", "mode", "created_at"]
    list_filter = [OfProvider, "livemode", TENANT]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["provider_ref", "tenant__name", "tenant__slug"]
    search_help_text = "The provider's reference or the tenant"
    ordering = ["-created_at", "-id"]
    fields = [("tenant_named", "provider_named"), ("provider_reference", "mode"), "created_at"]

    @display(description="Tenant")
    def tenant_named(self, customer: ProviderCustomer) -> SafeString:
        return link_to(customer.tenant)

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        customer: ProviderCustomer = obj
        methods = PaymentMethod.objects.filter(
            tenant=customer.tenant, provider=customer.provider, livemode=customer.livemode
        )
        rows = [
            (
                link_to(each),
                each.get_type_display(),
                "Yes" if each.is_default else "—",
                date_text(each.created_at),
                date_text(each.removed_at) if each.removed_at else "—",
            )
            for each in methods
        ]
        return [Table("Saved methods", ("Method", "Kind", "Default", "Saved", "Removed"), rows, empty="None is saved.")]
