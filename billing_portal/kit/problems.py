"""Every error as one problem document (RFC 9457): what the API answers, and what pages show in their own look.

`problem_handler` is DRF's EXCEPTION_HANDLER; `handler400` to `handler500` and `csrf_failure` are Django's.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.core.signals import got_request_exception
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.template import TemplateDoesNotExist
from django.template.loader import select_template
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from billing_portal.kit import context
from billing_portal.kit.errors import (
    BadInput,
    BillingError,
    Broken,
    CsrfFailed,
    DatabaseAway,
    Forbidden,
    MethodNotAllowed,
    NotAcceptable,
    NotAuthenticated,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UnknownHost,
    UnsupportedMediaType,
)
from billing_portal.kit.field_errors import flatten
from billing_portal.kit.strict_json import Malformed

CONTENT_TYPE = "application/problem+json"
# `type` tells kinds of problems apart; it is a name, not a page.
TYPE_PREFIX = "urn:problem:"

log = logging.getLogger(__name__)


def problem_handler(exc: Exception, where: dict[str, Any]) -> Response:
    """DRF's exception handler: any exception as a problem document. What is our fault is logged, with its traceback.

    A failure on our side is also sent as `got_request_exception`, so that Django's test client raises it in tests.
    """
    set_rollback()
    error = billing_error(exc)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = getattr(exc, "auth_header", None) or "Bearer"
    request = where.get("request")
    if error.status >= 500 and not isinstance(exc, BillingError):
        log.error("unhandled %s", type(exc).__name__, exc_info=exc)
        if error.status == 500:
            view = where.get("view")
            got_request_exception.send(sender=type(view), request=getattr(request, "_request", request))
    return Response(document(error), status=error.status, headers=headers, content_type=CONTENT_TYPE)


def document(error: BillingError) -> dict[str, Any]:
    """The members of the problem document. `extra` members come in camelCase, those that are None are left out."""
    found: dict[str, Any] = {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "requestId": context.ensure_request_id(),
    }
    if error.errors:
        found["errors"] = [
            {**({"field": one.field} if one.field else {}), "code": one.code, "message": one.message}
            for one in error.errors
        ]
    found.update({_camel(name): value for name, value in error.extra.items() if value is not None})
    return found


def billing_error(exc: Exception) -> BillingError:  # noqa: PLR0911 (a table of kinds)
    """The error of ours that says the same as `exc`. Django's and DRF's own sentences are never passed on."""
    if isinstance(exc, BillingError):
        return exc
    if isinstance(exc, drf.APIException):
        return _from_drf(exc)
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, PermissionDenied):
        return Forbidden()
    if isinstance(exc, ModelValidationError):
        return BadInput.of(flatten(exc.message_dict if hasattr(exc, "error_dict") else exc.messages))
    if isinstance(exc, RequestDataTooBig):
        return TooLarge()
    if isinstance(exc, UnreadablePostError):
        return Malformed("The body broke off. Send the request again.")
    if isinstance(exc, DisallowedHost):
        return UnknownHost()
    if isinstance(exc, SuspiciousOperation):
        return BadInput(
            "This request does not look right to us, so nothing was done. Check its address and its headers."
        )
    return _from_database(exc) if isinstance(exc, (DatabaseError, InterfaceError)) else Broken()


def _from_database(exc: Exception) -> BillingError:
    if isinstance(exc, DataError):  # what was sent fits no column: an edge that no field caught
        log.warning("the database refused a value", exc_info=exc)
        return BadInput("A value that was sent is too long, too large, or holds characters that can't be stored.")
    return DatabaseAway() if isinstance(exc, (OperationalError, InterfaceError)) else Broken()


def _from_drf(exc: drf.APIException) -> BillingError:
    if isinstance(exc, drf.ValidationError):
        return BadInput.of(flatten(exc.detail))
    if isinstance(exc, drf.ParseError):
        return Malformed()
    if isinstance(exc, (drf.NotAuthenticated, drf.AuthenticationFailed)):
        return NotAuthenticated()
    if isinstance(exc, drf.PermissionDenied):
        return CsrfFailed() if str(exc.detail).startswith("CSRF Failed") else Forbidden()
    if isinstance(exc, drf.Throttled):
        error = TooManyRequests()
        wait: float | None = getattr(exc, "wait", None)
        error.retry_after = math.ceil(wait) if wait else error.retry_after
        return error
    ours: dict[int, type[BillingError]] = {
        404: NotFound,
        405: MethodNotAllowed,
        406: NotAcceptable,
        415: UnsupportedMediaType,
        503: Unavailable,
    }
    return ours.get(exc.status_code, BadInput if exc.status_code < 500 else Broken)()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# --- Django's own handlers: what happens outside of API views ---------------------------------------------------------


def render_error(request: HttpRequest, error: BillingError) -> HttpResponse:
    """A problem document under /api/, else a page from templates/errors (the status' own, or error.html)."""
    if request.path_info.startswith("/api/") or request.path_info == "/api":
        return problem_response(error)
    response = HttpResponse(_page(request, error), status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def problem_response(error: BillingError) -> HttpResponse:
    """The problem document as Django's own response, for what happens outside of API views."""
    response = JsonResponse(document(error), status=error.status, content_type=CONTENT_TYPE)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error(request, billing_error(exception) if isinstance(exception, SuspiciousOperation) else BadInput())


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render_error(request, Forbidden())


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render_error(request, NotFound())


def handler500(request: HttpRequest) -> HttpResponse:
    return render_error(request, Broken())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """For CSRF_FAILURE_VIEW. `reason` is Django's, for the log it has written already."""
    return render_error(request, CsrfFailed())


def _page(request: HttpRequest, error: BillingError) -> str:
    """The page's HTML; when the page itself can't be drawn, which a 500 may well cause, one that needs nothing."""
    facts = {
        "status": error.status,
        "title": error.title,
        "detail": error.detail,
        "request_id": context.ensure_request_id(),
    }
    try:
        return select_template([f"errors/{error.status}.html", "errors/error.html"]).render(facts, request)
    except TemplateDoesNotExist:
        pass
    except Exception:
        log.exception("the error page can't be drawn")
    return (
        f'<!doctype html><html lang="en"><title>{error.title}</title><h1>{error.title}</h1>'
        f"<p>{error.detail}</p><p>Request {facts['request_id']}</p></html>"
    )
