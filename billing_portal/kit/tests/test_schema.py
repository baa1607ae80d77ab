"""The description says what the fields check, exactly, and that errors are problem documents."""

from __future__ import annotations

import json
import re

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.test import override_settings
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit import fields
from billing_portal.kit.errors import BadInput, FieldError
from billing_portal.kit.idempotency import idempotent
from billing_portal.kit.problems import document, handler404  # noqa: F401 (Django looks for it in the URLs)
from billing_portal.kit.schema import add_problems
from billing_portal.kit.serializers import StrictSerializer
from billing_portal.kit.strict_json import loads
from billing_portal.kit.testing_tables import BAD_AMOUNTS, BAD_QUANTITIES


class InnerIn(StrictSerializer):
    type = fields.OneOf(["manual", "card"])


class ThingIn(StrictSerializer):
    amount = fields.MinorAmount(help_text="How much.")
    seats = fields.Whole(minimum=1, maximum=500, required=False)
    quantity = fields.Quantity(required=False, allow_null=True)
    currency = fields.Currency(required=False)
    at = fields.Instant(required=False)
    day = fields.Day(required=False)
    invoiceId = fields.Identifier(source="invoice_id", required=False)
    flag = fields.Flag(required=False, default=False)
    text = fields.Text(required=False, max_length=10)
    inner = InnerIn(required=False)


class Things(APIView):
    authentication_classes = []
    permission_classes = []

    @idempotent
    @extend_schema(request=ThingIn, responses={201: ThingIn}, summary="Make a thing")
    def post(self, request):
        return Response({})


class Thing(APIView):
    @extend_schema(responses={200: ThingIn})
    def get(self, request, thing_id):
        return Response({})


urlpatterns = [path("api/things", Things.as_view()), path("api/things/<uuid:thing_id>", Thing.as_view())]


@pytest.fixture(scope="module")
def schema():
    with override_settings(ROOT_URLCONF=__name__):
        found = SchemaGenerator(urlconf=__name__).get_schema(request=None, public=True)
    return add_problems(found, None, None, True)


@pytest.fixture
def described(schema):
    component = schema["components"]["schemas"]["ThingInRequest"]
    return {**component, "components": schema["components"]}


def properties(schema, name="ThingInRequest"):
    return schema["components"]["schemas"][name]["properties"]


def test_fields_are_described_as_they_check(schema):
    found = properties(schema)
    assert found["amount"] == {"type": "integer", "minimum": 1, "maximum": 2**53 - 1, "description": "How much."}
    assert (found["seats"]["minimum"], found["seats"]["maximum"]) == (1, 500)
    assert found["at"]["format"] == "date-time"
    assert found["day"]["format"] == "date"
    assert found["invoiceId"]["format"] == "uuid"
    assert found["flag"] == {"type": "boolean", "default": False}
    assert (found["text"]["minLength"], found["text"]["maxLength"]) == (1, 10)
    assert schema["components"]["schemas"]["ThingInRequest"]["additionalProperties"] is False
    assert schema["components"]["schemas"]["InnerInRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in schema["components"]["schemas"]["ThingIn"]


VALUES = [
    *((("amount", raw)) for raw in BAD_AMOUNTS if not raw.malformed),
    *((("quantity", raw)) for raw in BAD_QUANTITIES if not raw.malformed),
    ("amount", "1"), ("amount", "9007199254740991"), ("quantity", "0"), ("quantity", '"12.5"'), ("quantity", "null"),
    ("quantity", "12.5"), ("quantity", "1000000000"), ("currency", '"usd"'), ("currency", '"USD"'), ("currency", "1"),
    ("at", '"2026-10-31T22:10:00Z"'), ("at", '"2026-10-31T22:10:00"'), ("day", '"2026-10-31"'), ("day", '"31.10.2026"'),
    ("text", '""'), ("text", '"  "'), ("text", '"' + "x" * 11 + '"'), ("text", "7"), ("text", '"é"'), ("flag", "1"),
    ("flag", "true"), ("seats", "0"), ("seats", "500"), ("inner", '{"type": "card"}'), ("inner", '{"type": "cash"}'),
    ("inner", '{"type": "card", "cvc": 1}'), ("nonsense", "1"), ("invoiceId", '"7"'),
]  # fmt: skip
# JSON Schema sees numbers, not how they were written: what we refuse for their text alone passes there.
TEXT_ONLY = re.compile(r"-?[0-9.]*[.eE][0-9-]*|-0")
# A JSON Schema pattern can bound a decimal string's form, not its size.
SIZE_ONLY = {'"1000000001"', '"1\\u0000"'}


# More digits than Python's own reader takes from anybody.
UNREADABLE = 4300
TOLD_APART = [
    (name, raw)
    for name, raw in VALUES
    if not TEXT_ONLY.fullmatch(raw) and raw not in SIZE_ONLY and not (raw.isdigit() and len(raw) > UNREADABLE)
]


@pytest.mark.parametrize(("name", "raw"), TOLD_APART, ids=lambda value: str(value)[:40])
def test_described_and_checked_agree(described, name, raw):
    body = f'{{"amount": 1, "{name}": {raw}}}' if name != "amount" else f'{{"amount": {raw}}}'
    value = json.loads(body)  # Python's own reading, as a client's library would
    taken = ThingIn(data=loads(body.encode())).is_valid()
    assert jsonschema.Draft202012Validator(described).is_valid(value) == taken


def test_each_operation_names_its_errors(schema):
    post = schema["paths"]["/api/things"]["post"]
    assert set(post["responses"]) == {"201", "400", "409", "413", "415", "422", "429", "default"}
    get = schema["paths"]["/api/things/{thing_id}"]["get"]
    assert {"200", "401", "403", "404", "default"} <= set(get["responses"])
    for operation in (post, get):
        for status, response in operation["responses"].items():
            if status not in ("200", "201"):
                assert response["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
                assert response["description"]


def test_the_key_is_described_and_the_views_own_words_are_kept(schema):
    post = schema["paths"]["/api/things"]["post"]
    assert post["summary"] == "Make a thing"
    key = next(parameter for parameter in post["parameters"] if parameter["name"] == "Idempotency-Key")
    assert (key["in"], key["schema"]["maxLength"]) == ("header", 255)


def test_a_real_problem_fits_its_description(schema, client):
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["billing_portal.middleware.RequestContext"]):
        found = client.get("/api/nowhere").json()
    jsonschema.validate(found, schema["components"]["schemas"]["Problem"])


def test_a_problem_of_the_whole_body_fits_its_description(schema):
    found = document(BadInput.of([FieldError("", "invalid", "Send one of the two."), FieldError("a", "b", "C.")]))
    assert [error.get("field") for error in found["errors"]] == [None, "a"]
    jsonschema.validate(found, schema["components"]["schemas"]["Problem"])
