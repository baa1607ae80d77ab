"""The desk's view of the outbox: what waits, what failed, and another try for what was parked."""

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
from billing_portal.notices import outbox
from billing_portal.notices.models import OutboxMessage


@admin.register(OutboxMessage)
class OutboxAdmin(BooksAdmin):
    """Read only: a message is a fact that a verb wrote. What was parked may be tried again."""

    list_display = ["topic", "tenant", "state", "attempts", "created_at", "done_at", "parked_at"]
    list_filter = ["topic", ("done_at", admin.EmptyFieldListFilter), ("parked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["tenant"]
    search_fields = ["id", "dedupe_key"]
    date_hierarchy = "created_at"
    actions = ["try_again"]
    actions_detail = ["try_this_again"]
    fields = [
        "topic",
        "tenant",
        "state",
        "error",
        "attempts",
        "created_at",
        "available_at",
        "claimed_until",
        "done_at",
        "parked_at",
        "content",
        "cause",
        "dedupe_key",
        "id",
    ]

    def has_unpark_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change a message as far as Django is concerned; the form itself is closed to all."""
        return bool(request.user.has_perm("notices.change_outboxmessage"))

    @display(description="State")
    def state(self, message: OutboxMessage) -> str:
        if message.done_at:
            return "Delivered"
        if message.parked_at:
            return "Parked"
        return "Waits for another try" if message.attempts else "Waits"

    @display(description="Last error")
    def error(self, message: OutboxMessage) -> str:
        return message.last_error or "—"

    @display(description="Content")
    def content(self, message: OutboxMessage) -> SafeString:
        return _json(message.payload)

    @display(description="Caused by")
    def cause(self, message: OutboxMessage) -> SafeString:
        return _json(message.context)

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        return [Notice("warning", f"Parked after its last try: {obj.last_error}")] if obj.parked_at else []

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        message = self.get_object(request, str(object_id))
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if message is not None and message.parked_at else []

    @action(description="Try again", permissions=["unpark"], icon="refresh")
    def try_this_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks, POST gives the parked message another round of tries."""
        message: OutboxMessage = self.found(request, object_id)
        if message.parked_at is None:
            messages.info(request, "This message isn't parked, so there is nothing to try again.")
            return HttpResponseRedirect(self.detail_url(message.pk))
        if request.method == "POST":
            self._unpark(request, [message])
            return HttpResponseRedirect(self.detail_url(message.pk))
        text = f"It failed {outbox.MAX_ATTEMPTS} times, last with: {message.last_error}"
        asked = Confirmation(title="Try this message again?", button="Try it again", notices=[Notice("info", text)])
        return self.ask(request, asked, message)

    @admin.action(description="Try parked messages again", permissions=["unpark"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Another round of tries for each that is parked."""
        self._unpark(request, queryset)

    def _unpark(self, request: HttpRequest, chosen: Any) -> None:
        count = sum(outbox.unpark(message_id=message.id, now=timezone.now()) for message in chosen)
        outbox.wake()
        messages.info(request, f"To be tried again: {count}.")


def _json(value: Any) -> SafeString:
    return format_html('<pre class="desk-json">{}</pre>', json.dumps(value, indent=2, sort_keys=True, default=str))
