"""Hold requests and answers against PayPal's OpenAPI files: a transport for httpx that checks what passes through it.

The files (https://github.com/paypal/paypal-rest-api-specifications) are not part of this repository: a folder with them
is named by PAYPAL_SPECS_DIR. jsonschema comes with the development tools.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft4Validator  # type: ignore[import-untyped]

Json = dict[str, Any]
VARIABLE = "PAYPAL_SPECS_DIR"
# The one word of the stand-in that the files do not have: they tell of no request id used twice.
_UNTOLD = "DUPLICATE_REQUEST_ID"


class NotAsSpecifiedError(AssertionError):
    """A request or an answer that PayPal's files do not allow."""


@dataclass(frozen=True)
class _Operation:
    pattern: re.Pattern[str]
    fixed: int
    operation: Json
    spec: Json


class Specs:
    """The operations of every file in the folder."""

    def __init__(self, folder: Path) -> None:
        self._operations: dict[str, list[_Operation]] = {}
        for file in sorted(folder.glob("*_v?.json")):
            spec = json.loads(file.read_text(encoding="utf-8"))
            for path, methods in spec["paths"].items():
                pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
                for method, operation in methods.items():
                    found = _Operation(pattern, -path.count("{"), operation, spec)
                    self._operations.setdefault(method.upper(), []).append(found)

    def check(self, method: str, path: str, sent: bytes, status: int, answered: bytes) -> bool:
        """Raise NotAsSpecifiedError. A refused request may be wrong: only its answer is checked. False when the files
        say nothing about the call."""
        fitting = [each for each in self._operations.get(method, []) if each.pattern.fullmatch(path)]
        if not fitting:
            return False
        found = max(fitting, key=lambda each: each.fixed)
        where = f"{method} {path}"
        if status < 300 and "requestBody" in found.operation:
            schema = _content(found, found.operation["requestBody"])
            if schema and sent:
                _hold(found.spec, schema, json.loads(sent), f"{where}: request")
        responses = found.operation["responses"]
        # A repeated request is answered with 200, which not every file says.
        response = responses.get(str(status)) or (responses.get("201") if status == 200 else None)
        if response is None and status < 300:
            raise NotAsSpecifiedError(f"{where}: {status} is none of {', '.join(responses)}")
        # Too many requests come from before any API: the files of some do not tell of that.
        schema = None if status == 429 else _content(found, response or responses["default"])
        if schema and _UNTOLD.encode() not in answered:
            _hold(found.spec, schema, json.loads(answered), f"{where}: {status}")
        elif status == 204 and answered:
            raise NotAsSpecifiedError(f"{where}: 204 has no body")
        return True


class CheckedTransport(httpx.BaseTransport):
    """Another transport, looked over. What is not JSON is let through: it is a fault that somebody asked for."""

    def __init__(self, inner: httpx.BaseTransport, specs: Specs) -> None:
        self._inner = inner
        self._specs = specs

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on, and look at both."""
        response = self._inner.handle_request(request)
        answered = response.read()
        if response.status_code == 204 or _is_json(response, answered):
            self._specs.check(request.method, request.url.path, request.read(), response.status_code, answered)
        return httpx.Response(response.status_code, headers=response.headers, content=answered, request=request)


def _is_json(response: httpx.Response, body: bytes) -> bool:
    try:
        content = json.loads(body)
    except ValueError:
        return False
    # OAuth has errors of its own, before any API.
    return response.headers.get("content-type", "").startswith("application/json") and "error" not in content


def _content(found: _Operation, part: Json) -> Json | None:
    part = _resolved(found.spec, part)
    return next((each["schema"] for each in part.get("content", {}).values() if "schema" in each), None)


def _resolved(spec: Json, schema: Json) -> Json:
    while "$ref" in schema:
        node: Any = spec
        for step in schema["$ref"].removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
        schema = node
    return schema


def _hold(spec: Json, schema: Json, value: Any, where: str) -> None:
    validator = Draft4Validator({"allOf": [schema], "components": spec["components"]})
    errors = [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in validator.iter_errors(value)]
    if complaints := [*errors, *_unknown(spec, [schema], value, "")]:
        raise NotAsSpecifiedError(f"{where}: {'; '.join(complaints)}")


def _unknown(spec: Json, schemas: list[Json], value: Any, where: str) -> Iterator[str]:
    """Names that no schema knows: the files allow them, but here each would be a mistake."""
    flat = [part for schema in schemas for part in _parts(spec, schema)]
    if isinstance(value, list):
        inner = [part["items"] for part in flat if "items" in part]
        for number, each in enumerate(value):
            yield from _unknown(spec, inner, each, f"{where}/{number}")
    if not isinstance(value, dict):
        return
    known: dict[str, list[Json]] = {}
    for part in flat:
        for name, schema in part.get("properties", {}).items():
            known.setdefault(name, []).append(schema)
    for name, each in value.items() if known else ():
        if name not in known:
            yield f"{where}/{name} is unknown"
        else:
            yield from _unknown(spec, known[name], each, f"{where}/{name}")


def _parts(spec: Json, schema: Json) -> Iterator[Json]:
    schema = _resolved(spec, schema)
    yield schema
    for kind in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(kind, []):
            yield from _parts(spec, part)
