"""Values that no amount and no quantity may take, as raw JSON text, for the tests of every door that takes one.

    @pytest.mark.parametrize("bad", BAD_AMOUNTS, ids=str)
    def test_a_bad_amount_is_refused(client, bad):
        body = raw_body({"amount": 2900, "currency": "usd"}, "amount", bad)
        response = client.post("/api/payments", body, content_type="application/json")
        assert_refused(response, "amount", bad)

Text and not values, since 1.0, 1e3 and NaN are about how a number was written.
"""

from __future__ import annotations

import json
from typing import Any

_NO_JSON = {"NaN", "Infinity", "-Infinity", "007", "+1", "1.", ".5", "0x10", "1_000", "0.1+0.2", "١٢", "--1"}


class RawJSON(str):
    """A piece of JSON text, or what pretends to be one."""

    __slots__ = ()

    @property
    def malformed(self) -> bool:
        """Whether the whole body stops being JSON, so that 400 `malformed` is the answer and no field can be named."""
        return str(self) in _NO_JSON


def _table(*texts: str) -> list[RawJSON]:
    return [RawJSON(text) for text in texts]


_NEVER_A_NUMBER = (
    '"NaN"', "NaN", "Infinity", "-Infinity", '"Infinity"', "true", "false", "null", "[]", "{}", "[1]", '""', '" "',
    '" 7 "', '"7 "', '"\\n7"', '"1_000"', "1_000", '"١٢"', "١٢", '"\uff11\uff12"', '"1,000"', '"0x10"', "0x10", '"1e3"',
    "1e3", "1E3", "1e400", "1e-7", '"-1"', "-1", "-0", "-0.0", "-1.5", "+1", '"+1"', "007", '"007"', "1.", ".5", '".5"',
    '"1."', "--1", '"²"', '"abc"', "0.1+0.2", '"1\\u0000"',
)  # fmt: skip

BAD_AMOUNTS: list[RawJSON] = _table(
    "0", "1.0", "1.5", '"1.0"', '"7"', "0.30000000000000004", "9007199254740992", "9007199254740993",
    "9223372036854775807", "9223372036854775808", "1" + "0" * 30, "1" + "0" * 5000, "-9223372036854775809",
    *_NEVER_A_NUMBER,
)  # fmt: skip

BAD_QUANTITIES: list[RawJSON] = _table(
    "0.1234567", '"0.1234567"', "1.0000000", "1000000000.000001", "1000000001", '"1000000001"', "1" + "0" * 30,
    "1" + "0" * 5000, '"1' + "0" * 5000 + '"', "0.30000000000000004", "9223372036854775808", *_NEVER_A_NUMBER,
)  # fmt: skip


def raw_body(fields: dict[str, Any], path: str, raw: str) -> bytes:
    """`fields` as JSON, with `raw` as it is in the place of the value at `path` ("paymentMethod.amount")."""
    mark = "\ue000here\ue000"
    whole: dict[str, Any] = json.loads(json.dumps(fields))
    *folders, name = path.split(".")
    inner = whole
    for folder in folders:
        inner = inner.setdefault(folder, {})
    inner[name] = mark
    return json.dumps(whole, ensure_ascii=False).replace(json.dumps(mark, ensure_ascii=False), raw).encode()


def assert_refused(response: Any, field: str, raw: RawJSON) -> None:
    """400 as a problem document that names the field; or `malformed`, when the body was not JSON at all."""
    assert response.status_code == 400, (response.status_code, response.content)
    assert response["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    if raw.malformed:
        assert problem["code"] == "malformed", problem
    else:
        assert field in {error["field"] for error in problem["errors"]}, problem
