"""The base of every serializer that reads a request: it refuses what it doesn't know, and hands on plain attributes."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.settings import api_settings


class Parsed(SimpleNamespace):
    """A request that passed: an attribute for each field (by its `source`), None for what was not sent."""

    given: frozenset[str]

    def sent(self, name: str) -> bool:
        """Whether the client sent this field (or it has a default); tells null from absent."""
        return name in self.given


class StrictSerializer(serializers.Serializer):
    """Declare camelCase fields with `source="snake_case"`; a field that isn't declared is an error, `unknown_field`."""

    default_error_messages = {
        "not_an_object": "Send a JSON object, in braces.",
        "unknown_field": "We don't know this field here. Leave it out, or check its spelling.",
    }

    @classmethod
    def parse(cls, request: Request) -> Parsed:
        """The request's body, checked. Raises ValidationError, Malformed and what else reading a body raises."""
        serializer = cls(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return serializer.parsed()

    @classmethod
    def parse_query(cls, request: Request) -> Parsed:
        """The declared fields from the query string; other parameters are left to filters and pagination.

        All values are text there: use fields that read strings. Raises ValidationError, also for one given twice.
        """
        query, names = request.query_params, list(cls().fields.keys())
        twice = {name: ["Give this once."] for name in names if len(query.getlist(name)) > 1}
        if twice:
            raise serializers.ValidationError(twice, code="given_twice")
        serializer = cls(data={name: query[name] for name in names if name in query}, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return serializer.parsed()

    def parsed(self) -> Parsed:
        """What `validated_data` holds, as attributes. Only after `is_valid`."""
        return _parsed(self, self.validated_data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            sentence = ErrorDetail(str(self.error_messages["not_an_object"]), code="not_an_object")
            raise serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [sentence]})
        unknown = [name for name in data if name not in self.fields or self.fields[name].read_only]
        errors: dict[str, Any] = {
            str(name): [ErrorDetail(str(self.error_messages["unknown_field"]), code="unknown_field")]
            for name in unknown
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**cast(dict[str, Any], error.detail), **errors}) from error
        if errors:
            raise serializers.ValidationError(errors)
        return value


def _parsed(serializer: serializers.BaseSerializer, values: Mapping[str, Any]) -> Parsed:
    found: dict[str, Any] = {}
    for field in getattr(serializer, "fields", {}).values():
        if field.read_only:
            continue
        value = values.get(field.source)
        if isinstance(field, serializers.Serializer) and isinstance(value, Mapping):
            value = _parsed(field, value)
        elif (
            isinstance(field, serializers.ListSerializer) and isinstance(field.child, serializers.Serializer) and value
        ):
            value = [_parsed(field.child, item) for item in value]
        found[field.source] = value
    # What validate() added under a name of its own is handed on too.
    found.update({name: value for name, value in values.items() if name not in found})
    return Parsed(**found, given=frozenset(values))
