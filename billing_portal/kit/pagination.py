"""Lists by page (count, next, previous) and by cursor (next, previous), newest first."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, cast

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, Q
from rest_framework.pagination import BasePagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from billing_portal.kit.errors import BadInput, NotFound

PAGE_SIZE, MAX_PAGE_SIZE = 25, 100
_PAGE_SIZE_SCHEMA = {
    "name": "pageSize",
    "required": False,
    "in": "query",
    "description": "How many results on a page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
}


def _count(request: Request, name: str, default: int, maximum: int | None = None) -> int:
    """A query parameter that counts from 1. Raises BadInput."""
    text = request.query_params.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
    if value < 1 or (maximum is not None and value > maximum):
        most = f"from 1 to {maximum}" if maximum else "of 1 or more"
        raise BadInput(
            f"Send {name} as a whole number {most}.", code=f"bad_{'page_size' if maximum else 'page'}", field=name
        )
    return value


class PortalPagination(PageNumberPagination):
    """`?page=1&pageSize=25` -> `{count, next, previous, results}`. A page past the last is 404."""

    page_size = PAGE_SIZE
    page_size_query_param = "pageSize"
    max_page_size = MAX_PAGE_SIZE
    invalid_page_message = "There is no page here."

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        """Raises BadInput, NotFound."""
        self.request = request
        size, number = self.get_page_size(request), _count(request, "page", 1)
        paginator = self.django_paginator_class(queryset, size)
        if number > paginator.num_pages:
            raise NotFound(f"There is no page {number}; the last one is {paginator.num_pages}.")
        self.page = paginator.page(number)
        return list(self.page)

    def get_page_size(self, request: Request) -> int:
        return _count(request, "pageSize", PAGE_SIZE, MAX_PAGE_SIZE)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        page = {"type": "integer", "minimum": 1, "maximum": 999_999_999, "default": 1}
        return [
            {"name": "page", "required": False, "in": "query", "description": "Which page, from 1.", "schema": page},
            _PAGE_SIZE_SCHEMA,
        ]


class CursorPages(BasePagination):
    """`?cursor=…&pageSize=25` -> `{next, previous, results}`: pages that stay right while rows are added.

    Rows are found by the values of `ordering` in the page's last row, not by counting, so a late page costs as much as
    the first. `ordering` names fields in one direction, and ends with one that makes rows unique; an index should have
    the same fields. A cursor holds only those values: it gives no access, the queryset says what may be seen.
    """

    ordering: tuple[str, ...] = ("-created_at", "-id")

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """Raises BadInput."""
        self.request = request
        self.ordering = tuple(getattr(view, "cursor_ordering", None) or self.ordering)
        self.names = [name.lstrip("-") for name in self.ordering]
        size = _count(request, "pageSize", PAGE_SIZE, MAX_PAGE_SIZE)
        backwards, values = self._read(queryset.model, request.query_params.get("cursor"))
        descending = self.ordering[0].startswith("-") != backwards
        found = queryset.order_by(*(f"{'-' if descending else ''}{name}" for name in self.names))
        if values:
            found = found.filter(_beyond(self.names, values, "lt" if descending else "gt"))
        rows = list(found[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()
        self.next = self._link(rows[-1], backwards=False) if rows and (more or backwards) else None
        self.previous = self._link(rows[0], backwards=True) if rows and values and (more or not backwards) else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        text = "Where to go on: taken from next or previous of an answer."
        cursor = {"name": "cursor", "required": False, "in": "query", "description": text, "schema": {"type": "string"}}
        return [cursor, _PAGE_SIZE_SCHEMA]

    def _link(self, row: Any, *, backwards: bool) -> str:
        values = [row[name] if isinstance(row, dict) else getattr(row, name) for name in self.names]
        raw = json.dumps(["p" if backwards else "n", *map(str, values)], separators=(",", ":")).encode()
        cursor = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        url = remove_query_param(self.request.build_absolute_uri(), "cursor")
        return replace_query_param(url, "cursor", cursor)

    def _read(self, model: type[Model], cursor: str | None) -> tuple[bool, list[Any]]:
        """Direction and values of a cursor. Raises BadInput for one that we did not make."""
        if cursor is None:
            return False, []
        try:
            way, *texts = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
            if way not in ("n", "p") or len(texts) != len(self.names):
                raise ValueError("not a cursor of this list")
            values = [_value(model, name, text) for name, text in zip(self.names, texts, strict=True)]
        except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError) as error:
            raise BadInput(
                "This cursor is not one of ours. Take it from next or previous, or begin without one.",
                code="bad_cursor",
                field="cursor",
            ) from error
        return way == "p", values


def _value(model: type[Model], name: str, text: Any) -> Any:
    if not isinstance(text, str) or "\x00" in text:
        raise ValueError("not text")
    try:
        return model._meta.get_field(name).to_python(text)  # type: ignore[union-attr]
    except FieldDoesNotExist:  # an annotation: the database reads it
        return text


def _beyond(names: list[str], values: list[Any], than: str) -> Q:
    """Rows after these values, as (a < x) or (a = x and (b < y or …)); with a <= x in front, which an index can use."""
    rest: Q | None = None
    for name, value in reversed(list(zip(names, values, strict=True))):
        here = Q(**{f"{name}__{than}": value})
        rest = here if rest is None else here | (Q(**{name: value}) & rest)
    return Q(**{f"{names[0]}__{than}e": values[0]}) & cast(Q, rest)
