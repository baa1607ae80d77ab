"""Answer `/v1/…`: the key, the version, idempotency, the handler, one transaction, the log."""

import base64
import binascii
import re

from billing_portal.sandbox import log
from billing_portal.sandbox.books import Books, Json, shown
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.faults import HTML_500, Fault
from billing_portal.sandbox.stripe import (  # noqa: F401 (importing them registers their routes)
    balance,
    charges,
    coupons,
    customer_balance,
    customers,
    disputes,
    events,
    invoices,
    mandates,
    payment_intents,
    payment_methods,
    prices,
    products,
    refunds,
    schedules,
    setup_intents,
    subscriptions,
)
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import API_VERSION, Act
from billing_portal.sandbox.stripe.books import random_id
from billing_portal.sandbox.stripe.expanding import expand
from billing_portal.sandbox.stripe.idempotency import Keys
from billing_portal.sandbox.stripe.problems import Problem, Refused
from billing_portal.sandbox.stripe.routing import Route, find

_KEY = re.compile(r"(sk|rk|pk)_test_\w+")


class Api:
    """The provider's own paths."""

    def __init__(self, books: Books, keys: Keys) -> None:
        self._books = books
        self._keys = keys

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Answer one request whose key is claimed. What it did, its answer under the key and its line in the log are
        one transaction: a killed process leaves all of it or nothing."""
        key = idempotency_key(request)
        with self._books.transaction():
            act = Act(self._books, {}, base_url=request.base_url, idempotency_key=key)
            answer = self._answered(act, request, key, fault)
            answer.headers.setdefault("Request-Id", act.request_id)
            if key:
                answer.headers.setdefault("Idempotency-Key", key)
            effects: list[Json | None] = [*act.effects] or [None]
            for effect in effects:
                self._books.write_log(log_entry(self._books, request, answer, effect))
        return answer

    def refuse(self, request: Request, problem: Problem) -> Answer:
        """An error that came before everything else."""
        answer = _error(problem, random_id("req", 14))
        with self._books.transaction():
            self._books.write_log(log_entry(self._books, request, answer, None))
        return answer

    def _answered(self, act: Act, request: Request, key: str | None, fault: Fault | None) -> Answer:
        try:
            if fault and (refusal := _refusal(fault)):
                return refusal
            act.params = given.decode(request.query if request.method in ("GET", "DELETE") else request.body.decode())
            act.publishable = _authenticate(request, act.params) == "pk"
            _check_version(request)
            route = _route(request, publishable=act.publishable)
            if key and (kept := self._keys.recall(key, request)):
                return kept
            return self._run(act, request, route, key, fault)
        except UnicodeDecodeError:
            return _error(Problem("The request is not valid UTF-8."), act.request_id)
        except Problem as problem:
            return _error(problem, act.request_id)

    def _run(self, act: Act, request: Request, route: Route, key: str | None, fault: Fault | None) -> Answer:
        problem: Problem | None = None
        answer = Answer(500)
        try:
            with self._books.transaction():
                if fault and fault.fault == "status":
                    raise _outage(fault)
                given.refuse_unknown(act.params, route.known)
                try:
                    answer = Answer.of(expand(act, route.run(act, request.path)))
                except Problem as kept:
                    if not kept.kept:
                        raise
                    problem = kept
        except Problem as undone:
            problem = undone
            act.effects.clear()
        if problem:
            answer = _error(problem, act.request_id)
        answer.headers |= {"Stripe-Version": API_VERSION, "Request-Id": act.request_id}
        if problem and problem.status >= 500:
            # The SDK would only be told the same again.
            answer.headers["Stripe-Should-Retry"] = "false"
        if key and not (problem and not problem.remembered):
            self._keys.remember(key, request, answer)
        return answer


def idempotency_key(request: Request) -> str | None:
    """The key of a POST; elsewhere keys mean nothing."""
    return request.headers.get("idempotency-key") if request.method == "POST" else None


def log_entry(books: Books, request: Request, answer: Answer | None, effect: Json | None) -> Json:
    """One line of the log; `answer` None when the connection was lost before anything happened."""
    line = log.entry(books, request, answer, shown(effect) if effect else None, key_header="idempotency-key")
    return {**line, "at": log.instant(effect["_at"])} if effect else line


def _refusal(fault: Fault) -> Answer | None:
    """The answer of a fault that comes before the API."""
    if fault.fault == "html_500":
        return Answer(500, HTML_500, {"Content-Type": "text/html"})
    if fault.fault == "rate_limit":
        message = "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits."
        raise Refused(message, status=429, code="rate_limit")
    if fault.fault == "token_revoked":
        raise Refused("Expired API Key provided: sk_test_****", status=401, code="api_key_expired")
    return None


def _outage(fault: Fault) -> Problem:
    """The API's own error. From 500 on the endpoint had begun, so the answer is kept under the key."""
    if fault.status < 500:
        return Refused("The request was refused on demand.", status=fault.status)
    return Problem("An unknown error occurred", status=fault.status, kind="api_error")


def _authenticate(request: Request, params: given.Params) -> str:
    """`sk`, `rk` or `pk`. Raises Refused (401)."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            credentials = base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            credentials = ""
    # Stripe.js sends its key as a parameter, so that browsers need not ask for permission first.
    credentials = credentials or str(params.get("key") or "")
    if not credentials:
        raise Refused(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not (match := _KEY.fullmatch(credentials)):
        raise Refused(f"Invalid API Key provided: {credentials[:8]}****", status=401)
    return match[1]


def _check_version(request: Request) -> None:
    version = request.headers.get("stripe-version")
    if version and version != API_VERSION:
        raise Refused(f"Invalid Stripe API version: {version}. This stand-in speaks {API_VERSION} only.")


def _route(request: Request, *, publishable: bool) -> Route:
    route = find(request.method, request.path)
    if route is None:
        raise Refused(f"Unrecognized request URL ({request.method}: {request.path}).", status=404)
    if publishable and not route.publishable:
        raise Refused(
            "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list "
            "of your API keys at https://dashboard.stripe.com/account/apikeys.",
            status=401,
            code="secret_key_required",
        )
    return route


def _error(problem: Problem, request_id: str) -> Answer:
    return Answer.of({"error": problem.error}, problem.status, request_id=request_id)
