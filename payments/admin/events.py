"""What providers told us, at the desk: each event as it came, what became of it, and another round of tries."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice
from billing_portal.masking import mask_value
from billing_portal.notices.waking import wake
from payments.admin.cells import state_badge
from payments.inbox import handling, store
from payments.models import ProviderEvent
from payments.naming import provider_name
from payments.providers import registry as providers
from payments.providers.base import SendsEvents
from payments.providers.facts import Topic


class _OfKnownValues(admin.SimpleListFilter):
    """Django would look through all events for the values there are, each time the list is opened."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProviderEvent]) -> QuerySet[ProviderEvent]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class OfProvider(_OfKnownValues):
    title = parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.name, provider_name(each.name)) for each in providers.able(SendsEvents)]


class AboutTopic(_OfKnownValues):
    title = parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each.value, each.value.capitalize()) for each in Topic]


@admin.register(ProviderEvent)
class ProviderEventAdmin(BooksAdmin):
    """Read only: an event is a fact. What was set aside may be handled again."""

    list_display = ["kind", "provider", "object_ref", "state", "note", "attempts", "received_at"]
    list_filter = ["status", OfProvider, AboutTopic, "livemode"]
    list_filter_submit = True
    search_fields = ["event_id", "object_ref", "kind", "note"]
    search_help_text = "Event, object, kind or note"
    date_hierarchy = "received_at"
    actions = ["handle_chosen_again"]
    actions_detail = ["handle_again"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("kind", "state"),
                    ("provider", "object_ref"),
                    ("event_id", "topic"),
                    ("occurred_at", "received_at"),
                    ("settled_at", "available_at"),
                    ("attempts", "mirrored_at"),
                    ("livemode", "api_version"),
                    "note",
                    "content",
                    "id",
                ]
            },
        ),
    ]

    def has_retry_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.retry_event"))

    @display(description="Status", ordering="status")
    def state(self, event: ProviderEvent) -> SafeString | str:
        return state_badge("event", event.status)

    @display(description="As it came")
    def content(self, event: ProviderEvent) -> SafeString:
        shown = json.dumps(mask_value(event.payload), indent=2, sort_keys=True, ensure_ascii=False)
        return format_html('<pre class="desk-json">{}</pre>', shown)

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        if obj.status == ProviderEvent.Status.PARKED:
            return [Notice("error", f"Parked after its last try: {obj.note}")]
        if obj.status in store.SET_ASIDE:
            return [Notice("info", f"Nothing was done about it: {obj.note}")]
        return []

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        event = self.get_object(request, str(object_id))
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if event is not None and event.status in store.SET_ASIDE else []

    @action(description="Handle again", permissions=["retry"], icon="refresh")
    def handle_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks, POST gives the event another round of tries."""
        event: ProviderEvent = self.found(request, object_id)
        if event.status not in store.SET_ASIDE:
            messages.info(request, "This event is not set aside, so there is nothing to handle again.")
            return HttpResponseRedirect(self.detail_url(event.pk))
        if request.method == "POST":
            self._take_up(request, [event])
            return HttpResponseRedirect(self.detail_url(event.pk))
        text = f"{event.object_ref} is read again from {event.provider}, and what is found there is booked."
        asked = Confirmation(title="Handle this event again?", button="Handle it again", notices=[Notice("info", text)])
        return self.ask(request, asked, event)

    @admin.action(description="Handle again what was set aside", permissions=["retry"])
    def handle_chosen_again(self, request: HttpRequest, queryset: QuerySet[ProviderEvent]) -> None:
        """Another round of tries for each that may have one."""
        self._take_up(request, queryset)

    def _take_up(self, request: HttpRequest, chosen: Any) -> None:
        events = list(chosen)
        count = sum(store.take_up_again(event_id=event.id, now=timezone.now()) for event in events)
        wake(handling.TASK)
        if count:
            messages.info(request, f"To be handled again: {count}.")
        if left := len(events) - count:
            messages.warning(
                request, f"Left as they are: {left}. Nobody here handles these, or they are handled already."
            )
