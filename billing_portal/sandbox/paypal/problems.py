"""PayPal's errors: a name and a message by status, and details with an issue and PayPal's own sentence about it.

https://developer.paypal.com/api/rest/responses/#failed-requests. The sentences are in `issues.json`, by endpoint and
status.
"""

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_NAMES = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}
_FILE = json.loads((Path(__file__).parent / "issues.json").read_text(encoding="utf-8"))
# Not in the OpenAPI files, which tell of no reuse; the words are those of PayPal's guide on idempotency.
_MORE = {
    "DUPLICATE_REQUEST_ID": "The value of PayPal-Request-Id header has already been used. Please specify a different "
    "value and try the request again."
}


def sentence(endpoint: str, status: int, issue: str) -> str | None:
    """PayPal's words for an issue at an endpoint (`POST /v2/checkout/orders`), or None where it has none."""
    own = _FILE["own"].get(f"{endpoint} {status}", {})
    return own[issue] if issue in own else _FILE["sentences"].get(issue) or _MORE.get(issue)


def status_of(endpoint: str, issue: str) -> int:
    """The status that the endpoint answers with for an issue; 422 when PayPal's files don't say."""
    prefix = f"{endpoint} "
    for key, issues in _FILE["issues"].items():
        if key.startswith(prefix) and key[len(prefix) :].isdigit() and issue in issues.split():
            return int(key.rpartition(" ")[2])
    return 422


def listed(endpoint: str, status: int, *issues: str) -> str | None:
    """The first of these issues that PayPal lists for the endpoint and status; None when it lists others only, and the
    first where it lists none at all."""
    known = _FILE["issues"].get(f"{endpoint} {status}")
    return issues[0] if known is None else next((issue for issue in issues if issue in known.split()), None)


class Problem(Exception):
    """A request that PayPal answers with an error. `kept`: what was done before it stays in the books (an instrument
    that was declined is a fact)."""

    def __init__(self, status: int, body: Json, *, kept: bool = False) -> None:
        super().__init__(body.get("message") or body.get("error_description") or "")
        self.status = status
        self.body = body
        self.kept = kept


def problem(
    endpoint: str,
    status: int,
    issue: str | None = None,
    *,
    field: str | None = None,
    value: Any = None,
    links: tuple[Json, ...] = (),
    kept: bool = False,
) -> Problem:
    """An error in PayPal's shape. `field` is a JSON pointer into the body."""
    name, message = _NAMES.get(status, _NAMES[500 if status >= 500 else 400])
    body: Json = {"name": name, "message": message, "details": [], "links": [*links]}
    if issue:
        detail = {"issue": issue}
        if field:
            detail |= {"field": field, "location": "body"}
        if isinstance(value, str):
            detail["value"] = value
        if words := sentence(endpoint, status, issue):
            detail["description"] = words
        body["details"] = [detail]
        about = f"https://developer.paypal.com/api/rest/reference/orders/v2/errors/#{issue}"
        body["links"].append({"href": about, "rel": "information_link", "method": "GET"})
    return Problem(status, body, kept=kept)


def v1_problem(status: int, name: str, message: str) -> Problem:
    """An error of the older APIs, which have a name for each case and no details."""
    return Problem(status, {"name": name, "message": message, "information_link": "https://developer.paypal.com/"})


def oauth_problem(error: str, description: str, status: int = 401) -> Problem:
    """An error of OAuth's. https://datatracker.ietf.org/doc/html/rfc6749#section-5.2"""
    return Problem(status, {"error": error, "error_description": description})
