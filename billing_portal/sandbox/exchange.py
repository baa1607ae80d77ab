"""A request and its answer, between WSGI and the handlers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Request:
    """What came in. `headers` have small names; `body` and `query` are as sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    @classmethod
    def read(cls, environ: Mapping[str, Any]) -> "Request":
        """Read it from a WSGI environment."""
        headers = {
            key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE") or ""
        length = min(int(environ.get("CONTENT_LENGTH") or 0), MOST_BYTES)
        host = headers.get("host") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
        return cls(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO") or "/",
            query=environ.get("QUERY_STRING") or "",
            headers=headers,
            body=environ["wsgi.input"].read(length) if length else b"",
            base_url=f"{environ['wsgi.url_scheme']}://{host}",
        )


@dataclass
class Answer:
    """What goes out."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False

    @classmethod
    def of(cls, content: Any, status: int = 200, **headers: str) -> "Answer":
        """JSON with two spaces."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return cls(status, json.dumps(content, indent=2).encode(), {"Content-Type": "application/json", **named})

    @property
    def line(self) -> str:
        """`200 OK`."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"
