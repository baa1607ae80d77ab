"""Tells Django about the notices app, and finds everybody's outbox handlers."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class NoticesConfig(AppConfig):
    name = "billing_portal.notices"
    label = "notices"
    verbose_name = "Outbox and mails"

    def ready(self) -> None:
        # Apps above this one are loaded later but their modules can be imported now: models are ready for all.
        autodiscover_modules("event_handlers")
