"""Fields take what the contract says and nothing near it; S1's table goes through parser and field together."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db.models import TextChoices
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from billing_portal.kit import fields
from billing_portal.kit.field_errors import flatten
from billing_portal.kit.strict_json import Malformed, loads
from billing_portal.kit.testing_tables import BAD_AMOUNTS, BAD_QUANTITIES, RawJSON, raw_body


def read(field, raw: str):
    """The way of a value through parser and field."""
    return field.run_validation(loads(raw.encode()))


def refused(field, raw: str) -> str:
    with pytest.raises(ValidationError) as caught:
        read(field, raw)
    return flatten(caught.value.detail)[0].code


@pytest.mark.parametrize("bad", BAD_AMOUNTS, ids=lambda raw: str(raw)[:40])
def test_a_bad_amount_is_refused(bad):
    with pytest.raises(Malformed if bad.malformed else ValidationError):
        read(fields.MinorAmount(), bad)


@pytest.mark.parametrize("bad", BAD_QUANTITIES, ids=lambda raw: str(raw)[:40])
def test_a_bad_quantity_is_refused(bad):
    with pytest.raises(Malformed if bad.malformed else ValidationError):
        read(fields.Quantity(), bad)


@pytest.mark.parametrize("raw", ["1", "2900", "9007199254740991"])
def test_a_good_amount_is_an_integer(raw):
    assert read(fields.MinorAmount(), raw) == int(raw)


@pytest.mark.parametrize(
    "raw", ["0", "120", "1.5", '"1.5"', "0.000001", '"0.000001"', "1000000000", '"1000000000.000000"', "1.0"]
)
def test_a_good_quantity_is_an_exact_decimal(raw):
    quantity = read(fields.Quantity(), raw)
    assert isinstance(quantity, Decimal)
    assert quantity == Decimal(raw.strip('"'))


@given(st.decimals(0, 10**9, places=6, allow_nan=False))
def test_a_quantity_survives_being_shown_and_read(quantity):
    text = fields.Quantity().to_representation(quantity)
    assert fields.Quantity().run_validation(text) == quantity
    assert not text.endswith(".") and "E" not in text


def test_a_quantity_says_what_is_wrong():
    assert refused(fields.Quantity(), "0.1234567") == "too_many_places"
    assert refused(fields.Quantity(), "1000000001") == "too_large"
    assert refused(fields.Quantity(), "1" + "0" * 30) == "too_large"
    assert refused(fields.Quantity(), "1e3") == "not_decimal"
    assert refused(fields.Quantity(), "null") == "null"


def test_an_amount_says_what_is_wrong():
    assert refused(fields.MinorAmount(), "0") == "too_small"
    assert refused(fields.MinorAmount(), "9007199254740992") == "too_large"
    assert refused(fields.MinorAmount(), "1" + "0" * 30) == "too_large"
    assert refused(fields.MinorAmount(), "1.0") == "not_whole"
    assert refused(fields.MinorAmount(), "true") == "not_whole"
    assert read(fields.MinorAmount(minimum=0), "0") == 0


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ('"USD"', "upper_case"),
        ('"Usd"', "upper_case"),
        ('"xyz"', "unknown_currency"),
        ('""', "unknown_currency"),
        ('"usd "', "unknown_currency"),
        ('"\\uff35\\uff33\\uff24"', "unknown_currency"),
        ("1", "not_text"),
        ("true", "not_text"),
        ("[]", "not_text"),
    ],
)
def test_a_currency_is_a_known_code_in_lower_case(raw, code):
    assert refused(fields.Currency(), raw) == code
    assert read(fields.Currency(), '"jpy"') == "jpy"


@pytest.mark.parametrize(
    ("raw", "instant"),
    [
        ("2026-10-31T22:10:00Z", datetime(2026, 10, 31, 22, 10, tzinfo=UTC)),
        ("2026-10-31t22:10:00z", datetime(2026, 10, 31, 22, 10, tzinfo=UTC)),
        ("2026-10-31T22:10:00+02:00", datetime(2026, 10, 31, 20, 10, tzinfo=UTC)),
        ("2026-10-31T22:10:00.5-04:30", datetime(2026, 11, 1, 2, 40, 0, 500000, tzinfo=UTC)),
        ("2026-10-31T22:10:00.123456789Z", datetime(2026, 10, 31, 22, 10, 0, 123456, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_utc(raw, instant):
    found = read(fields.Instant(), f'"{raw}"')
    assert found == instant
    assert found.utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    "raw",
    [
        '"2026-10-31T22:10:00"',
        '"2026-10-31"',
        '"2026-10-31 22:10:00Z"',
        '"2026-02-30T00:00:00Z"',
        '"2026-10-31T24:00:00Z"',
        '"2026-10-31T23:59:60Z"',
        '"2026-10-31T22:10Z"',
        '"20261031T221000Z"',
        '"٢٠٢٦-10-31T22:10:00Z"',
        '"2026-W44-6T00:00:00Z"',
        '"0001-01-01T00:00:00+01:00"',
        '"9999-12-31T23:59:59-01:00"',
        '"2026-10-31T22:10:00+25:00"',
        '"2026-10-31T22:10:00Z\\n"',
        "1793484600",
        "1793484600.5",
        "null",
        "true",
        "[]",
        "{}",
        '""',
    ],
)
def test_a_time_without_a_zone_or_one_that_does_not_exist_is_refused(raw):
    refused(fields.Instant(), raw)


def test_an_instant_is_shown_in_utc():
    assert fields.Instant().to_representation(datetime(2026, 10, 31, 22, tzinfo=UTC)) == "2026-10-31T22:00:00Z"
    with pytest.raises(ValueError, match="time zone"):
        fields.rfc3339(datetime(2026, 10, 31))  # noqa: DTZ001


@pytest.mark.parametrize(
    "raw", ["7", "1.5", "true", "null", "[]", "{}", '""', '"  "', '"a\\u0000b"', '"' + "x" * 11 + '"']
)
def test_text_is_a_string_and_holds_something(raw):
    refused(fields.Text(max_length=10), raw)


def test_text_is_kept_as_it_is():
    assert read(fields.Text(max_length=10), '" Ünïx 1 "') == " Ünïx 1 "
    assert read(fields.Text(allow_blank=True), '""') == ""
    assert read(fields.Text(allow_null=True), "null") is None


class Kind(TextChoices):
    CHECK = "check", "Check"
    WIRE = "wire", "Wire"


@pytest.mark.parametrize("choices", [Kind, Kind.choices, ["check", "wire"]])
def test_a_choice_is_one_of_the_words(choices):
    field = fields.OneOf(choices)
    assert read(field, '"wire"') == "wire"
    for raw in ('"cash"', '"Wire"', "1", "true", "null", "[]", '["wire"]', "{}", '""'):
        refused(field, raw)


@pytest.mark.parametrize("raw", ['"true"', "1", "0", "1.0", "null", '"yes"', "[]"])
def test_a_flag_is_true_or_false(raw):
    refused(fields.Flag(), raw)
    assert read(fields.Flag(), "true") is True
    assert read(fields.Flag(), "false") is False


@pytest.mark.parametrize(
    "raw",
    [
        '"1"',
        "1",
        '"{0199d5a0-7c1e-7a44-9d3f-2f1c5b7e8a90}"',
        '"0199d5a07c1e7a449d3f2f1c5b7e8a90"',
        '"urn:uuid:0199d5a0-7c1e-7a44-9d3f-2f1c5b7e8a90"',
        "null",
        "[]",
    ],
)
def test_an_id_has_its_usual_form(raw):
    refused(fields.Identifier(), raw)
    known = "0199d5a0-7c1e-7a44-9d3f-2f1c5b7e8a90"
    assert read(fields.Identifier(), f'"{known}"') == UUID(known)


@pytest.mark.parametrize(
    "raw", ['"2026-02-30"', '"2026-W01-1"', '"20261031"', '"2026-10-31T00:00:00Z"', "20261031", "null", '""']
)
def test_a_day_is_one_that_exists(raw):
    refused(fields.Day(), raw)
    assert read(fields.Day(), '"2026-10-31"') == date(2026, 10, 31)


@pytest.mark.parametrize("raw", ["1.0", "1e3", '"7"', "true", "-1", "101", "1" + "0" * 30, "null", "[]"])
def test_a_whole_number_is_in_its_range(raw):
    refused(fields.Whole(maximum=100), raw)
    assert read(fields.Whole(maximum=100), "100") == 100


def test_no_sentence_scolds():
    for field in vars(fields).values():
        for sentence in getattr(field, "default_error_messages", {}).values():
            assert not any(word in str(sentence).lower() for word in ("oops", "please", "invalid", "!")), sentence


def test_a_raw_value_is_set_into_a_body_as_it_is():
    assert raw_body({"a": {"b": 1}, "c": "é"}, "a.b", RawJSON("1e3")) == '{"a": {"b": 1e3}, "c": "é"}'.encode()
