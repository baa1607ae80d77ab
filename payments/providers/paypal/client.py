"""A thin client for PayPal's REST API: the token, the timeouts, what may be sent twice, and answers as they are."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from payments.providers.errors import ProviderMisconfigured, ProviderRejected, UnknownReference
from payments.providers.paypal.errors import PASSING, Refused, Unreadable, translated
from payments.providers.paypal.tokens import MARGIN, Token, Tokens

LIVE, SANDBOX = "https://api-m.paypal.com", "https://api-m.sandbox.paypal.com"
# Seconds to connect and to wait for an answer, as with every provider: inside a web server's patience.
TIMEOUTS = httpx.Timeout(8, connect=3, pool=3)
_LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=10)
# PayPal remembers a request by at most so many characters. https://developer.paypal.com/api/rest/reference/idempotency/
LONGEST_REQUEST_ID = 108
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]{3,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What PayPal said, numbers as Decimal; `request_id` is what its support asks for."""

    content: dict[str, Any]
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Process:
    """What must not be shared with a forked child: sockets, and locks that somebody may hold."""

    pid: int
    http: httpx.Client
    tokens: Tokens


def identifier(reference: object) -> str:
    """An id that may stand in a path. Raises UnknownReference for anything else, before anybody is asked."""
    if not isinstance(reference, str) or not _IDENTIFIER.fullmatch(reference):
        raise UnknownReference("This is no id of PayPal's")
    return reference


class PayPalClient:
    """Raises Refused, Unreadable and httpx's own errors, which `errors.translated` turns into ours.

    `transport`: how requests travel, by default over the network. `pause` waits so many seconds before a second try.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        api_base: str,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.api_base = api_base.rstrip("/")
        self._credentials = (client_id, client_secret)
        self._transport = transport
        self._pause = pause
        self._made: _Process | None = None

    def __repr__(self) -> str:
        return f"<PayPalClient of {self.api_base}>"

    def get(self, path: str, **query: str | None) -> Answer:
        """Read; what fails in passing is asked once more."""
        return self._sent("GET", path, tries=2, params={name: each for name, each in query.items() if each is not None})

    def post(self, path: str, content: Mapping[str, Any], *, request_id: str, once: bool = False) -> Answer:
        """Do something, under an id by which PayPal knows it again; `once`: what moves money is not sent a second time,
        or nobody could say what the first try has done."""
        if not request_id or len(request_id) > LONGEST_REQUEST_ID or not request_id.isascii():
            raise ProviderRejected("PayPal can't remember a request by this id")
        headers = {"PayPal-Request-Id": request_id, "Prefer": "return=representation"}
        return self._sent("POST", path, tries=1 if once else 2, headers=headers, json=dict(content))

    def patch(self, path: str, operations: Sequence[Mapping[str, Any]]) -> Answer:
        """Change an object by JSON Patch. Writing the same again changes nothing, so what fails in passing is sent once
        more."""
        return self._sent("PATCH", path, tries=2, json=[dict(each) for each in operations])

    def ask(self, path: str, body: bytes) -> Answer:
        """Post a question or an order, whose bytes are left as they are; without a request id it is never sent
        twice."""
        return self._sent("POST", path, tries=1, headers={"Content-Type": "application/json"}, content=body)

    def _sent(self, method: str, path: str, *, tries: int, **request: Any) -> Answer:
        while True:
            tries -= 1
            try:
                return _read(self._authorized(method, path, **request))
            except (httpx.RequestError, Unreadable, Refused) as error:
                is_final = isinstance(error, Refused) and error.status not in PASSING
                if is_final or tries <= 0:
                    raise
                self._pause(random.uniform(0.1, 0.4))  # noqa: S311 (no secret)

    def _authorized(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        """With a token; one that PayPal has forgotten is replaced once. A request with such a token did nothing."""
        process = self._process()
        token = process.tokens.current()
        response = process.http.request(method, path, headers=_with(token, headers), **request)
        if response.status_code != 401:
            return response
        token = process.tokens.renewed(token)
        response = process.http.request(method, path, headers=_with(token, headers), **request)
        if response.status_code == 401:
            process.tokens.refused_at_once()
        return response

    def _process(self) -> _Process:
        if self._made is None or self._made.pid != os.getpid():
            http = httpx.Client(base_url=self.api_base, transport=self._transport, timeout=TIMEOUTS, limits=_LIMITS)
            self._made = _Process(os.getpid(), http, Tokens(lambda: self._fetch_token(http)))
        return self._made

    def _fetch_token(self, http: httpx.Client) -> Token:
        """Source: PayPal, "Get an access token". Without one nothing was asked yet, so that nothing can have moved."""
        asked_at = time.monotonic()
        with translated(moves_money=False):
            try:
                response = http.post(
                    "/v1/oauth2/token", auth=self._credentials, data={"grant_type": "client_credentials"}
                )
                answer = _read(response)
            except Refused as error:
                if error.status in (400, 401, 403):
                    raise ProviderMisconfigured("PayPal does not accept our client id and secret") from error
                raise
            value, seconds = answer.content.get("access_token"), answer.content.get("expires_in")
            if not isinstance(value, str) or not value.isascii() or not isinstance(seconds, int):
                raise Unreadable("PayPal's token can't be read")
        return Token(value, asked_at + max(seconds - MARGIN, 0))


def _with(token: Token, headers: Mapping[str, str] | None) -> dict[str, str]:
    return {**(headers or {}), "Authorization": f"Bearer {token.value}"}


def _read(response: httpx.Response) -> Answer:
    """Raises Refused for an error of PayPal's, Unreadable for what is no answer of PayPal's."""
    request_id, status = response.headers.get("Paypal-Debug-Id"), response.status_code
    if status == httpx.codes.NO_CONTENT:
        return Answer({}, request_id)
    content = _object(response.content)
    if response.is_success:
        if content is None:
            raise Unreadable(f"PayPal answered {status}, and nothing that can be read", request_id=request_id)
        return Answer(content, request_id)
    told = content or {}
    refused = Refused(status, told, request_id or (told["debug_id"] if isinstance(told.get("debug_id"), str) else None))
    if not 400 <= status < 600 or not (refused.issues or status in (401, 429)):
        raise Unreadable(f"PayPal answered {status}, and nothing that can be read", request_id=request_id)
    raise refused


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
