"""Usage: what tenants did, counted as it happens and rated when the month ends."""

from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"
    verbose_name = "Usage"
