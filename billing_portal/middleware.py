"""What wraps every request: its id and its line in the log, the content security policy, the slash that may be
there."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from billing_portal.kit import context
from billing_portal.kit.errors import BillingError
from billing_portal.kit.problems import render_error

log = logging.getLogger("billing_portal.requests")

GetResponse = Callable[[HttpRequest], HttpResponse]
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
_QUIET = ("/static/", "/healthz", "/readyz")
_NOT_STRIPPED = ("/admin/", "/static/")


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


class BillingErrors:
    """A page that lets one of our errors through answers with its status and its sentence, not with a 500."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """None leaves other errors to Django."""
        return render_error(request, error) if isinstance(error, BillingError) else None


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
        styles."""
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith("/admin/"):
            parts.update = {
                "script-src": [SELF, UNSAFE_EVAL],
                "style-src": [SELF, UNSAFE_INLINE],
                **(parts.update or {}),
            }
        elif request.path_info == "/api/docs":
            parts.update = {"style-src": [SELF, UNSAFE_INLINE], **(parts.update or {})}
        return parts
