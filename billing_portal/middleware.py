"""What wraps every request: its id and its line in the log, the security headers, the slash that may be there, and how
large its body may be."""

import io
import logging
import re
import time
import uuid
from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.security import SecurityMiddleware

from billing_portal.kit import context
from billing_portal.kit.errors import BillingError, LengthRequired, TooLarge
from billing_portal.kit.problems import billing_error, render_error
from billing_portal.kit.strict_json import Malformed

log = logging.getLogger("billing_portal.requests")

GetResponse = Callable[[HttpRequest], HttpResponse]
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
_QUIET = ("/static/", "/healthz", "/readyz")
_NOT_STRIPPED = ("/admin/", "/static/")
# How the API is described is the same for everybody.
_DESCRIPTION = {"/api/schema", "/api/docs"}


class RequestContext:
    """Gives each request an id, keeps it for logs and tasks, and answers with it as `X-Request-Id`.

    A caller's own id is taken when it is well-formed (8 to 64 letters, digits, `.`, `_`, `-`); any other is replaced,
    since it goes into logs and headers.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bind the context for the time of the request, and write one line about it."""
        offered = request.headers.get("X-Request-Id", "")
        request_id = offered if _WELL_FORMED.fullmatch(offered) else str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]
        began = time.monotonic()
        with context.bind(request_id=request_id, tenant_id=None, actor_label=None):
            response = self.get_response(request)
            response["X-Request-Id"] = request_id
            if not request.path_info.startswith(_QUIET):
                log.info(
                    "%s %s %s",
                    request.method,
                    request.path,
                    response.status_code,
                    extra={"status": response.status_code, "milliseconds": round((time.monotonic() - began) * 1000)},
                )
        return response


class ApiAnswersAreNotKept:
    """What the API answers is one tenant's, and true for the moment: no browser and no proxy keeps it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """A view that says otherwise is left alone."""
        response = self.get_response(request)
        if request.path_info.startswith("/api/") and request.path_info not in _DESCRIPTION:
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class SecurityHeaders(SecurityMiddleware):
    """Django's, and its headers on the refusal of a foreign Host too, which it meets when it redirects to TLS."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]
        """None lets the request pass."""
        try:
            return super().process_request(request)
        except DisallowedHost as error:
            log.warning("refused: %s", error)
            return render_error(request, billing_error(error))


class BodyInBounds:
    """No body is larger than DATA_UPLOAD_MAX_MEMORY_SIZE, files in a form included, which Django by itself lets pass.

    One without Content-Length (`Transfer-Encoding: chunked`, HTTP/2) is read here: Django would take it for empty.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Before any view and the CSRF check have read the body. 413 too large, 411 without an end, 400 broken off."""
        try:
            if "HTTP_TRANSFER_ENCODING" in request.META or not request.META.get("CONTENT_LENGTH"):
                _read_to_its_end(request)
            elif _length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                raise TooLarge
        except BillingError as error:
            return render_error(request, error)
        return None


def _length(request: HttpRequest) -> int:
    """The body's size in bytes as the client says it; 0 for what is no number, as Django reads it."""
    try:
        return int(request.META["CONTENT_LENGTH"])
    except ValueError:
        return 0


def _read_to_its_end(request: HttpRequest) -> None:
    """Put a body of unknown size in the place of the stream, with its size.

    Only a server that says `wsgi.input_terminated` ends the stream where the body ends; another would wait for ever.
    Raises LengthRequired, TooLarge, Malformed.
    """
    if not request.META.get("wsgi.input_terminated"):
        if "HTTP_TRANSFER_ENCODING" in request.META:
            raise LengthRequired
        return  # neither size nor chunks: there is no body
    stream, limit, body = request.META["wsgi.input"], settings.DATA_UPLOAD_MAX_MEMORY_SIZE, bytearray()
    try:
        while len(body) <= limit and (piece := stream.read(limit + 1 - len(body))):
            body += piece
    except OSError as error:
        raise Malformed("The body broke off. Send the request again.") from error
    if len(body) > limit:
        raise TooLarge
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = io.BytesIO(body)  # noqa: SLF001 (Django has no other door)


class BillingErrors:
    """A page that lets one of our errors through answers with its status and its sentence, not with a 500. So does one
    that hands the database what fits no column (a NUL in a text that no form has looked at), as the API does."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """None leaves other errors to Django."""
        is_told = isinstance(error, (BillingError, DataError))
        return render_error(request, billing_error(error)) if is_told else None


class OptionalTrailingSlash:
    """Paths have no trailing slash, but one is accepted: it is taken off before the path is looked up."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Strip one slash, except in the admin, whose paths end with one."""
        path = request.path_info
        if len(path) > 1 and path.endswith("/") and not path.startswith(_NOT_STRIPPED):
            request.path_info, request.path = path[:-1], request.path[:-1]
        return self.get_response(request)


class ContentSecurityPolicy(CSPMiddleware):
    """The settings' strict policy everywhere, loosened where a page of others' making needs it."""

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002 (theirs)
    ) -> PolicyParts:
        """The admin's look (unfold) is built on Alpine.js, which evaluates expressions; Swagger UI brings inline
        styles, and draws with images that stand in its style sheet."""
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith("/admin/"):
            parts.update = {
                "script-src": [SELF, UNSAFE_EVAL],
                "style-src": [SELF, UNSAFE_INLINE],
                **(parts.update or {}),
            }
        elif request.path_info == "/api/docs":
            parts.update = {
                "style-src": [SELF, UNSAFE_INLINE],
                "img-src": [SELF, "data:"],
                **(parts.update or {}),
            }
        return parts
