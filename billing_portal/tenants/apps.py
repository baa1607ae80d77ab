"""Tells Django about the tenants app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "billing_portal.tenants"
    label = "tenants"
    verbose_name = "Tenants and people"

    def ready(self) -> None:
        from billing_portal.tenants import openapi  # noqa: F401, PLC0415  registers the ways of logging in
