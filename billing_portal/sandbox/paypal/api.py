"""Answer PayPal's own paths: the token, the request's id, the handler, one transaction, the log."""

import json
from urllib.parse import parse_qsl

from billing_portal.sandbox import log
from billing_portal.sandbox.books import Books, Json
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.faults import HTML_500, Fault
from billing_portal.sandbox.paypal import (  # noqa: F401 (importing them registers their routes)
    capturing,
    disputes,
    ids,
    ipn,
    notifications,
    orders,
    patching,
    plan_patching,
    plans,
    products,
    refunds,
    revising,
    sales,
    subscriptions,
    tokens,
)
from billing_portal.sandbox.paypal.acts import Account, Act, compact
from billing_portal.sandbox.paypal.problems import Problem, oauth_problem, problem
from billing_portal.sandbox.paypal.request_ids import HEADER, RequestIds
from billing_portal.sandbox.paypal.routing import Route, find

_WITH_BODY = ("POST", "PATCH", "PUT")


class Api:
    """What the portal's client talks to."""

    def __init__(self, books: Books, request_ids: RequestIds) -> None:
        self._books = books
        self._request_ids = request_ids

    def answer(self, request: Request, account: Account, fault: Fault | None) -> Answer:
        """Answer one request whose id is claimed. What it did, its answer and its line in the log are one transaction:
        a killed process leaves all of it or nothing."""
        with self._books.transaction():
            act = Act(
                self._books,
                account,
                endpoint=f"{request.method} {request.path}",
                raw=request.body,
                query=dict(parse_qsl(request.query)),
                headers=request.headers,
            )
            try:
                answer = self._answered(act, request, fault)
            except Problem as refused:
                answer = error(refused)
            answer.headers.setdefault("Paypal-Debug-Id", ids.debug())
            effects: list[Json | None] = [*act.effects] or [None]
            for effect in effects:
                self._books.write_log(log_entry(self._books, request, answer, effect))
        return answer

    def refuse(self, request: Request, refused: Problem) -> Answer:
        """An error that came before everything else."""
        answer = error(refused)
        with self._books.transaction():
            self._books.write_log(log_entry(self._books, request, answer, None))
        return answer

    def _answered(self, act: Act, request: Request, fault: Fault | None) -> Answer:
        if fault and (refusal := self._refusal(request, fault)):
            return refusal
        found = find(request.method, request.path)
        if found is None:
            raise act.refuse(404, "INVALID_RESOURCE_ID")
        route, identifiers = found
        act.endpoint = route.endpoint
        if route.who == "bearer":
            tokens.check(self._books, request.headers, route.endpoint)
            _read(act, request, route)
        if kept := self._request_ids.recall(act, request, route):
            return kept
        return self._run(act, request, route, identifiers)

    def _run(self, act: Act, request: Request, route: Route, identifiers: tuple[str, ...]) -> Answer:
        refused: Problem | None = None
        with self._books.transaction():
            try:
                outcome = route.handler(act, *identifiers)
            except Problem as problem_:
                if not problem_.kept:
                    act.effects.clear()
                    raise
                refused = problem_
        if refused:
            raise refused
        answer = outcome if isinstance(outcome, Answer) else done(*outcome)
        if route.remembers and request.headers.get(HEADER):
            self._request_ids.remember(act, request, answer)
        return answer

    def _refusal(self, request: Request, fault: Fault) -> Answer | None:
        """The answer of a fault that comes before the API."""
        if fault.fault == "html_500":
            return Answer(500, HTML_500, {"Content-Type": "text/html"})
        if fault.fault == "rate_limit":
            raise problem(request.path, 429)
        if fault.fault == "status":
            raise problem(request.path, fault.status)
        if fault.fault == "token_revoked":
            tokens.revoke(self._books, request.headers)
            raise oauth_problem("invalid_token", "Access Token not found in cache")
        return None


def done(content: Json | None, status: int) -> Answer:
    """What a handler has to say."""
    if content is None:
        return Answer(status)
    return Answer(status, compact(content), {"Content-Type": "application/json"})


def error(refused: Problem) -> Answer:
    """PayPal's error, with an id to tell support."""
    debug_id = ids.debug()
    body = refused.body if "error" in refused.body else {**refused.body, "debug_id": debug_id}
    headers = {"Content-Type": "application/json", "Paypal-Debug-Id": debug_id}
    if refused.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="PayPal"'
    return Answer(refused.status, compact(body), headers)


def log_entry(books: Books, request: Request, answer: Answer | None, effect: Json | None) -> Json:
    """One line of the log; `answer` None when the connection was lost before anything happened."""
    return log.entry(books, request, answer, effect, key_header=HEADER)


def _read(act: Act, request: Request, route: Route) -> None:
    """Put the JSON of the body on the act. Raises Problem: 415 for another kind, 400 for none."""
    if request.method not in _WITH_BODY:
        return
    if not request.body:
        if not route.empty and not request.headers["content-type"].startswith("application/json"):
            raise act.refuse(415)
        return
    if not request.headers["content-type"].startswith("application/json"):
        raise act.refuse(415)
    try:
        act.body = json.loads(request.body)
    except ValueError:
        raise act.refuse(400, "MALFORMED_REQUEST_JSON") from None
    if not isinstance(act.body, dict | list) or (isinstance(act.body, list) and request.method != "PATCH"):
        raise act.refuse(400, "MALFORMED_REQUEST_JSON")
