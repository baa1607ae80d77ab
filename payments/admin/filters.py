"""Filters of the desk's lists over values that are known, where Django would look through all rows for them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from payments.naming import provider_name
from payments.providers import registry
from payments.providers.base import Provider


class OfKnownValues(admin.SimpleListFilter):
    """`parameter_name` is the field; a subclass names its values in `lookups`."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class OfProvider(OfKnownValues):
    """Of the providers that are on, manual money among them."""

    title = parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.name, provider_name(each.name)) for each in registry.able(Provider)]


class OfPaymentsProvider(OfProvider):
    parameter_name = "payment__provider"
