"""What the finance desk's pages share: books that are read and never edited, tables, confirmations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin


class Num(str):
    """The head of a column of numbers: it and its cells stand right."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a record. `rows` and `foot` hold as many cells as `heads`; without rows, `empty` is said instead."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    foot: Sequence[Sequence[Any]] = ()
    empty: str = "Nothing yet."
    note: str = ""

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Each head, and whether its column holds numbers."""
        return [(head, isinstance(head, Num)) for head in self.heads]

    @property
    def body(self) -> list[list[tuple[Any, bool]]]:
        return self._cells(self.rows)

    @property
    def sums(self) -> list[list[tuple[Any, bool]]]:
        return self._cells(self.foot)

    def _cells(self, rows: Sequence[Sequence[Any]]) -> list[list[tuple[Any, bool]]]:
        return [[(cell, isinstance(head, Num)) for head, cell in zip(self.heads, row, strict=True)] for row in rows]


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence above a record: `tone` is info, success, warning or error."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is about to happen, before it happens. Without `button` nothing can be done and the page says why.

    `hidden` are fields that come back with the POST; `danger` makes the button red.
    """

    title: str
    button: str = ""
    notices: Sequence[Notice] = ()
    tables: Sequence[Table] = ()
    form: forms.Form | None = None
    hidden: Iterable[tuple[str, str]] = field(default_factory=tuple)
    danger: bool = False
    back: str = ""


class BooksAdmin(ModelAdmin):
    """Books are read: no form adds, changes or deletes them, for a superuser neither. Verbs do, by buttons."""

    change_form_before_template = "admin/desk/notices.html"
    change_form_after_template = "admin/desk/tables.html"
    list_after_template = "admin/desk/zone.html"
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        """What belongs to the record, below it."""
        return []

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        """What a reader must know first."""
        return []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The record with its notices and tables, in the zone of the tenant it belongs to."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None or not self.has_view_permission(request, obj):
            return super().change_view(request, object_id, form_url, extra_context)
        zone = getattr(getattr(obj, "tenant", None), "zone", UTC)
        with timezone.override(zone):
            shown = {
                "zone": zone,
                "tables": self.tables(request, obj),
                "notices": self.notices(request, obj),
                "show_history": False,  # Django's own log knows nothing of books; they carry their history
                **(extra_context or {}),
            }
            response = super().change_view(request, object_id, form_url, shown)
            if isinstance(response, TemplateResponse):
                response.render()
        return response

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The record a button belongs to. Raises Http404, or PermissionDenied to those who may not see it."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        return obj

    def detail_url(self, pk: UUID | str | int) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])

    def list_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def ask(self, request: HttpRequest, asked: Confirmation, obj: Any = None) -> TemplateResponse:
        """Show a confirmation. Its form posts to the address it was opened at."""
        return TemplateResponse(
            request,
            "admin/desk/confirm.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": obj,
                "title": asked.title,
                "asked": asked,
                "back": asked.back or (self.detail_url(obj.pk) if obj else self.list_url()),
            },
        )


class SearchSelect(AutocompleteSelect):
    """A choice that is searched for. What is no id is no choice: Django's own widget fails on it while it is shown."""

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        return super().optgroups(name, [each for each in value if not each or _is_uuid(each)], attrs)


def _is_uuid(text: Any) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True


def link_to(obj: Any, text: str = "") -> SafeString:
    """A link to a record's page at the desk, named by the record itself unless `text` is given."""
    url = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])
    return format_html('<a class="desk-link" href="{}">{}</a>', url, text or str(obj))
