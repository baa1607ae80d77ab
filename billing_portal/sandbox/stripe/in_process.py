"""Reach the stand-in without a network: a client for the Stripe SDK that calls the WSGI application.

stripe.StripeClient(key, http_client=InProcessClient(sandbox), base_addresses={"api": ADDRESS})
"""

import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import stripe
from stripe._http_client import HTTPClient

from billing_portal.sandbox.serving import HANG_UP, SLEEP
from billing_portal.sandbox.stripe.app import StripeSandbox

ADDRESS = "http://stripe.sandbox"


class _TooLate(Exception):
    """The answer would have come after the caller's patience."""


class InProcessClient(HTTPClient):
    """`timeout` in seconds: a `delay` fault of that length or more is a timeout at once, nobody sleeps for it."""

    name = "in_process"

    def __init__(self, sandbox: StripeSandbox, *, timeout: float = 8) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._timeout = timeout

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """Answer as a network would; what is lost or late is APIConnectionError."""
        try:
            status, answered, body = call(self._sandbox, method, url, headers or {}, post_data, timeout=self._timeout)
        except ConnectionAbortedError:
            raise stripe.APIConnectionError("The connection was closed without an answer", should_retry=True) from None
        except _TooLate:
            raise stripe.APIConnectionError("Request timed out", should_retry=True) from None
        # A half answer may end inside a character; the SDK is given what a network would give it.
        return body.decode(errors="replace"), status, answered

    def close(self) -> None:
        """There is nothing to close."""

    def _sleep_time_seconds(self, num_retries: int, response: Any = None) -> float:
        """Between the SDK's own retries nobody needs to wait for a network."""
        return 0.01


class _Headers(dict[str, str]):
    """Header names in any case, as the SDK expects them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__({name.lower(): value for name, value in pairs})

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


def call(
    sandbox: StripeSandbox,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
    *,
    timeout: float = 60,
) -> tuple[int, Mapping[str, str], bytes]:
    """One request to the application: status, headers, body. Raises ConnectionAbortedError when it hangs up."""
    parts = urlsplit(url)
    sent = {name.upper().replace("-", "_"): value for name, value in (headers or {}).items()}
    content = body.encode() if isinstance(body, str) else body or b""
    answered: dict[str, Any] = {}

    def sleep(seconds: float) -> None:
        if seconds >= timeout:
            raise _TooLate
        time.sleep(seconds)

    environ = {
        "REQUEST_METHOD": method.upper(),
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "127.0.0.1",
        "SERVER_PORT": str(parts.port or 80),
        "CONTENT_TYPE": sent.pop("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.url_scheme": parts.scheme or "http",
        "wsgi.input": BytesIO(content),
        "HTTP_HOST": parts.netloc or "127.0.0.1",
        SLEEP: sleep,
        HANG_UP: lambda: None,
        **{f"HTTP_{name}": value for name, value in sent.items()},
    }

    def start_response(line: str, pairs: list[tuple[str, str]], *_: Any) -> None:
        answered.update(status=int(line.partition(" ")[0]), headers=_Headers(pairs))

    content = b"".join(sandbox(environ, start_response))
    return answered["status"], answered["headers"], content
