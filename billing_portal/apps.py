"""The composition root as an app: what must be wired once every other app is there."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    """Last in INSTALLED_APPS, so its post_migrate handler finds everybody's permissions."""

    name = "billing_portal"
    verbose_name = "Billing portal"

    def ready(self) -> None:
        """Connect start-up checks, the context that travels with tasks, and the staff groups."""
        from billing_portal import carrying, checks  # noqa: F401, PLC0415 (they register themselves)

        post_migrate.connect(_sync_groups, sender=self, dispatch_uid="billing_portal.groups")


def _sync_groups(using: str, **_: Any) -> None:
    """After every migrate, and not in a data migration: those vanish at the first flush of a test, which comes by
    here."""
    from billing_portal.groups import sync_groups  # noqa: PLC0415 (models are there by now)

    sync_groups(using)
