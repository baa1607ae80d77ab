"""How the API describes itself in OpenAPI 3.1: our fields exactly as they check, and a problem for each error.

Settings name `add_problems` last in SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"]. The classes below register themselves
with drf-spectacular when the app is ready.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from billing_portal.kit import fields
from billing_portal.kit.currencies import CURRENCIES
from billing_portal.kit.problems import CONTENT_TYPE
from billing_portal.kit.serializers import StrictSerializer

Schema = dict[str, Any]

PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong, after RFC 9457. `detail` is a sentence for people, `code` is for programs.",
    "properties": {
        "type": {"type": "string", "description": "A name for this kind of problem, as a URI."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "requestId": {"type": "string", "description": "Name it when you write to us: our log has it too."},
        "errors": {
            "type": "array",
            "description": "One entry for each field that was refused.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Path of the field, as in paymentMethod.type. Absent: the body as a whole.",
                    },
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["code", "message"],
            },
        },
        "paymentId": {"type": "string", "format": "uuid"},
        "clientSecret": {"type": "string"},
        "approvalUrl": {"type": "string", "format": "uri"},
        "retryable": {"type": "boolean"},
    },
    "required": ["type", "title", "status", "detail", "code", "requestId"],
}

ALWAYS = {"429": "Too often; Retry-After says when to come again.", "default": "Any other error."}
NOT_PUBLIC = {"401": "Nobody is logged in.", "403": "The role or key does not allow this."}
WITH_INPUT = {"400": "What was sent can't be taken; `errors` names the fields."}
WITH_BODY = {"413": "The body is too large.", "415": "The body is not JSON."}
WITH_PATH = {"404": "There is no such thing here."}
WITH_KEY = {
    "409": "The state does not allow it, or the Idempotency-Key is in use now.",
    "422": "The Idempotency-Key was used for another request.",
}
_METHODS = ("get", "post", "put", "patch", "delete")


def add_problems(result: Schema, generator: Any, request: Any, public: bool) -> Schema:  # noqa: ARG001, FBT001
    """Postprocessing hook: the Problem component, and the errors that each operation can answer.

    An operation's own description of a status is kept, and gets the problem document as its content when it names none.
    """
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    for path, operations in result.get("paths", {}).items():
        for method, operation in operations.items():
            if method in _METHODS:
                _describe(path, method, operation)
    return result


def _describe(path: str, method: str, operation: Schema) -> None:
    parameters = operation.get("parameters", [])
    expected = dict(ALWAYS)
    if operation.get("security", [{}]) and {} not in operation.get("security", [{}]):
        expected |= NOT_PUBLIC
    if parameters or "requestBody" in operation or method == "post":
        expected |= WITH_INPUT
    if "requestBody" in operation:
        expected |= WITH_BODY
    if "{" in path:
        expected |= WITH_PATH
    if any(parameter.get("name") == "Idempotency-Key" for parameter in parameters):
        expected |= WITH_KEY
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = operation.setdefault("responses", {})
    for status, description in expected.items():
        responses.setdefault(status, {"description": description, "content": content})
    for status, response in responses.items():
        if status.startswith(("4", "5")):
            response["content"] = content
            response["description"] = response.get("description") or expected.get(status, "An error.")


class _Field(OpenApiSerializerFieldExtension):
    """Base of what follows; drf-spectacular adds null, default, description and read-only by itself."""

    target_class: Any = "billing_portal.kit.fields._StrictText"  # abstract: no field is of this very class

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        return self.describe(self.target, direction)

    def describe(self, field: Any, direction: Direction) -> Schema:
        return {"type": "string"}


class WholeSchema(_Field):
    target_class: Any = fields.Whole

    def describe(self, field: fields.Whole, direction: Direction) -> Schema:
        if direction == "response":  # what a field takes is not always what was: a sum may be larger
            return {"type": "integer"}
        return {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}


class MinorAmountSchema(WholeSchema):
    target_class: Any = fields.MinorAmount


class QuantitySchema(_Field):
    target_class: Any = fields.Quantity

    def describe(self, field: fields.Quantity, direction: Direction) -> Schema:
        if direction == "response":
            return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["12.5"]}
        return {
            "description": "A number without exponent, or a decimal string; at most 6 places.",
            "examples": [120, "12.5"],
            "oneOf": [
                {"type": "number", "minimum": 0, "maximum": fields.MAX_QUANTITY, "multipleOf": 0.000001},
                {"type": "string", "pattern": fields.QUANTITY_PATTERN},
            ],
        }


class CurrencySchema(_Field):
    target_class: Any = fields.Currency

    def describe(self, field: fields.Currency, direction: Direction) -> Schema:
        return {"type": "string", "enum": sorted(CURRENCIES), "examples": ["usd"]}


class InstantSchema(_Field):
    target_class: Any = fields.Instant

    def describe(self, field: fields.Instant, direction: Direction) -> Schema:
        schema = {"type": "string", "format": "date-time", "examples": ["2026-10-31T22:10:00Z"]}
        return schema if direction == "response" else {**schema, "pattern": fields.INSTANT_PATTERN}


class DaySchema(_Field):
    target_class: Any = fields.Day

    def describe(self, field: fields.Day, direction: Direction) -> Schema:
        return {"type": "string", "format": "date", "pattern": fields.DAY_PATTERN, "examples": ["2026-10-31"]}


class IdentifierSchema(_Field):
    target_class: Any = fields.Identifier

    def describe(self, field: fields.Identifier, direction: Direction) -> Schema:
        return {"type": "string", "format": "uuid", "pattern": fields.UUID_PATTERN}


class FlagSchema(_Field):
    target_class: Any = fields.Flag

    def describe(self, field: fields.Flag, direction: Direction) -> Schema:
        return {"type": "boolean"}


class OneOfSchema(_Field):
    target_class: Any = fields.OneOf

    def describe(self, field: fields.OneOf, direction: Direction) -> Schema:
        return {"type": "string", "enum": list(field.choices)}


class TextSchema(_Field):
    target_class: Any = fields.Text

    def describe(self, field: fields.Text, direction: Direction) -> Schema:
        schema: Schema = {"type": "string"}
        if direction == "response":
            return schema
        if field.max_length is not None:
            schema["maxLength"] = field.max_length
        if field.min_length or not field.allow_blank:
            schema["minLength"] = field.min_length or 1
        if not field.allow_blank:
            schema["pattern"] = r"\S"
        return schema


class StrictSerializerSchema(OpenApiSerializerExtension):
    """A body with a field that isn't described is refused, and the description says so."""

    target_class: Any = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Schema:
        schema: Schema = auto_schema._map_serializer(  # noqa: SLF001 (as its docs do)
            self.target, direction, bypass_extensions=True
        )
        if direction == "request":
            schema["additionalProperties"] = False
        return schema
