"""A body is read as it is written, or refused as `malformed`; nothing in it may bring the process down."""

from __future__ import annotations

import io
import json
from contextlib import suppress

import pytest
from django.core.exceptions import RequestDataTooBig
from hypothesis import given
from hypothesis import strategies as st

from billing_portal.kit.strict_json import MAX_DEPTH, Malformed, NumberToken, StrictJSONParser, loads

MALFORMED = {
    "empty": b"",
    "blank": b"   ",
    "no JSON": b"amount=2900",
    "one quote": b'{"amount": "',
    "single quotes": b"{'amount': 1}",
    "a comment": b'{"amount": 1} // one',
    "junk behind": b'{"amount": 1}}',
    "two documents": b'{"amount": 1}{"amount": 2}',
    "a comma at the end": b'{"amount": 1,}',
    "NaN": b'{"amount": NaN}',
    "Infinity": b'{"amount": Infinity}',
    "minus Infinity": b'{"amount": [-Infinity]}',
    "a leading zero": b'{"amount": 007}',
    "a plus": b'{"amount": +1}',
    "Arabic digits": '{"amount": ١٢}'.encode(),
    "a control character in a string": b'{"description": "a\x00b"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"amount": 1}'.encode("utf-16"),
    "Latin-1": '{"description": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "half a surrogate pair": b'{"description": "\\ud800"}',
    "half a surrogate pair as a name": b'{"\\udfff": 1}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a name twice": b'{"amount": 1, "amount": 2}',
    "a name twice deep inside": b'{"a": [{"b": {"c": 1, "d": 2, "c": 3}}]}',
    "a name twice, once escaped": b'{"amount": 1, "\\u0061mount": 2}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "one level too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_plain_json_is_malformed(raw):
    with pytest.raises(Malformed) as caught:
        loads(raw)
    assert caught.value.status == 400
    assert caught.value.code == "malformed"
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(
    "text", ["1.0", "1e3", "1E3", "-0", "-0.0", "0.1", "1e400", "1" + "0" * 30, "1" + "0" * 5000, "-1.5"]
)
def test_a_number_that_is_no_plain_integer_keeps_its_text(text):
    assert loads(f'{{"amount": {text}}}'.encode()) == {"amount": NumberToken(text)}


def test_plain_integers_are_integers():
    assert loads(b"[0, 2900, -1, 9007199254740993, -9223372036854775808]") == [0, 2900, -1, 2**53 + 1, -(2**63)]


def test_as_deep_as_allowed_is_read():
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_a_whole_surrogate_pair_is_text():
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_a_body_over_the_limit_is_not_read_to_its_end(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    stream = io.BytesIO(b'"' + b"x" * 100_000 + b'"')
    with pytest.raises(RequestDataTooBig):
        StrictJSONParser().parse(stream)
    assert stream.tell() == 1001


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(raw):
    with suppress(Malformed):
        loads(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_what_another_writes_is_read_back(value):
    assert loads(json.dumps(value).encode()) == value
