"""The kit: money, periods, errors and the HTTP glue that every other app stands on. It knows no tenant."""

from django.apps import AppConfig
from django.urls import register_converter


class KitConfig(AppConfig):
    name = "billing_portal.kit"
    label = "kit"
    verbose_name = "Kit"

    def ready(self) -> None:
        from billing_portal.kit import converters, schema  # noqa: F401, PLC0415  schema: how our fields are described

        register_converter(converters.IdConverter, "id")
