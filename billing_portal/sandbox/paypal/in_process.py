"""Reach the stand-in without a network: a transport for httpx that calls the WSGI application.

httpx.Client(transport=InProcessTransport(sandbox), base_url=sandbox.base_url)
"""

import time
from typing import Any

import httpx

from billing_portal.sandbox.paypal.app import PayPalSandbox
from billing_portal.sandbox.serving import SLEEP


class _TooLateError(Exception):
    """The answer would have come after the caller's patience."""


class InProcessTransport(httpx.BaseTransport):
    """What is lost is httpx.RemoteProtocolError, as with a network. A `delay` fault as long as the read timeout or
    longer is a timeout at once: nobody sleeps for it."""

    def __init__(self, sandbox: PayPalSandbox) -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as a network would."""
        patience = request.extensions.get("timeout", {}).get("read")

        def sleep(seconds: float) -> None:
            if patience is not None and seconds >= patience:
                raise _TooLateError
            time.sleep(seconds)

        def application(environ: dict[str, Any], start_response: Any) -> Any:
            return self._sandbox({**environ, SLEEP: sleep}, start_response)

        try:
            return httpx.WSGITransport(app=application).handle_request(request)
        except ConnectionAbortedError:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from None
        except _TooLateError:
            raise httpx.ReadTimeout("The read operation timed out", request=request) from None
