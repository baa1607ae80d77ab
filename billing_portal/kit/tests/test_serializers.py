"""A request's body becomes plain attributes; what isn't declared is named and refused."""

from __future__ import annotations

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from billing_portal.kit import fields
from billing_portal.kit.field_errors import flatten
from billing_portal.kit.serializers import StrictSerializer
from billing_portal.kit.strict_json import StrictJSONParser


class MethodIn(StrictSerializer):
    type = fields.OneOf(["manual", "card"])
    stripePaymentMethodId = fields.Text(source="stripe_ref", required=False)


class PaymentIn(StrictSerializer):
    amount = fields.MinorAmount()
    paymentMethod = MethodIn(source="method")
    description = fields.Text(required=False, allow_null=True)
    parts = MethodIn(many=True, required=False)
    id = serializers.CharField(read_only=True)


def request(raw: bytes) -> Request:
    plain = APIRequestFactory().post("/api/x", raw, content_type="application/json")
    return Request(plain, parsers=[StrictJSONParser()])


def errors(raw: bytes) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        PaymentIn.parse(request(raw))
    return sorted((error.field, error.code) for error in flatten(caught.value.detail))


def test_fields_come_by_the_names_of_python():
    wanted = PaymentIn.parse(
        request(b'{"amount": 1, "paymentMethod": {"type": "card", "stripePaymentMethodId": "pm_1"}}')
    )
    assert (wanted.amount, wanted.method.type, wanted.method.stripe_ref) == (1, "card", "pm_1")
    assert wanted.description is None and wanted.parts is None


def test_null_and_absent_can_be_told_apart():
    body = b'{"amount": 1, "paymentMethod": {"type": "card"}%s}'
    assert not PaymentIn.parse(request(body % b"")).sent("description")
    assert PaymentIn.parse(request(body % b', "description": null')).sent("description")


def test_unknown_fields_are_named_beside_the_other_errors_at_every_depth():
    raw = (
        b'{"amount": 0, "tenant_id": 1, "id": "x", "paymentMethod": {"type": "x", "cvc": "123"},'
        b' "parts": [{"type": "card"}, {"x": 1}]}'
    )
    assert errors(raw) == [
        ("amount", "too_small"),
        ("id", "unknown_field"),
        ("parts.1.type", "required"),
        ("parts.1.x", "unknown_field"),
        ("paymentMethod.cvc", "unknown_field"),
        ("paymentMethod.type", "unknown_choice"),
        ("tenant_id", "unknown_field"),
    ]


@pytest.mark.parametrize("raw", [b"[]", b"5", b'"x"', b"true", b"1.5"])
def test_a_body_that_is_no_object_is_refused(raw):
    assert errors(raw) == [("", "not_an_object")]


def test_null_is_no_body():
    assert errors(b"null") == [("", "null")]


@pytest.mark.parametrize("inner", [b"[]", b"5", b'"x"'])
def test_a_value_that_should_be_an_object_is_refused_by_its_path(inner):
    assert errors(b'{"amount": 1, "paymentMethod": %s}' % inner) == [("paymentMethod", "not_an_object")]


class UsageQuery(StrictSerializer):
    vars()["from"] = fields.Instant(source="start", required=False)
    groupBy = fields.OneOf(["day", "month"], source="group_by", required=False)


def query(text: str) -> Request:
    return Request(APIRequestFactory().get("/api/x?" + text))


def test_a_query_is_read_by_its_declared_names():
    wanted = UsageQuery.parse_query(query("from=2026-10-01T00:00:00Z&groupBy=day&page=2"))
    assert (wanted.start.isoformat(), wanted.group_by) == ("2026-10-01T00:00:00+00:00", "day")
    assert UsageQuery.parse_query(query("page=2")).start is None


@pytest.mark.parametrize("text", ["from=yesterday", "groupBy=year", "groupBy=day&groupBy=month", "from="])
def test_a_query_that_says_nonsense_is_refused(text):
    with pytest.raises(ValidationError):
        UsageQuery.parse_query(query(text))
