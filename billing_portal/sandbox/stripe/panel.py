"""The control panel, `/__sandbox/…`: see the truth, decide what people and banks do, and make things go wrong.

It is for scripts and tests on this machine: a request from another origin or under another host name is refused.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing_portal.sandbox.stripe import authentication, refunds, settling
from billing_portal.sandbox.stripe.acts import KINDS, Act
from billing_portal.sandbox.stripe.api import log_entry
from billing_portal.sandbox.stripe.books import Books, Json, shown
from billing_portal.sandbox.stripe.exchange import Answer, Request
from billing_portal.sandbox.stripe.faults import Faults
from billing_portal.sandbox.stripe.problems import Problem
from billing_portal.sandbox.stripe.webhooks import Webhooks

PREFIX = "/__sandbox/"
_HOSTS = ("127.0.0.1", "localhost", "stripe.sandbox")


class Panel:
    """What scripts may ask for."""

    def __init__(self, books: Books, faults: Faults, webhooks: Webhooks) -> None:
        self._books = books
        self._faults = faults
        self._webhooks = webhooks
        self._verbs: dict[tuple[str, str], Callable[[Act, Json], Any]] = {
            ("GET", "log"): self._log,
            ("POST", "authenticate"): self._authenticate,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "webhooks"): self._mode,
            ("POST", "webhooks/release"): self._release,
            ("POST", "webhooks/resend"): self._resend,
            ("POST", "settle"): self._settle,
            ("POST", "refund"): self._refund,
            ("POST", "update_card"): self._update_card,
            ("POST", "clock"): self._clock,
            ("POST", "reset"): self._reset,
        }

    def answer(self, request: Request) -> Answer:
        """Do what the path says. Errors are JSON as Stripe's are."""
        path = request.path.removeprefix(PREFIX)
        try:
            _refuse_strangers(request)
            if request.method == "GET" and path.startswith("objects/"):
                return Answer.of(self._objects(path.removeprefix("objects/")))
            verb = self._verbs.get((request.method, path))
            if verb is None:
                raise Problem(f"The panel does not know {request.method} {request.path}", status=404)
            return self._run(verb, request)
        except Problem as problem:
            return Answer.of({"error": problem.error}, problem.status)

    def _run(self, verb: Callable[[Act, Json], Any], request: Request) -> Answer:
        with self._books.transaction():
            act = Act(self._books, {}, base_url=request.base_url)
            answer = Answer.of(verb(act, _body(request)))
            for effect in act.effects:
                self._books.write_log(log_entry(self._books, request, answer, effect))
        return answer

    def _objects(self, kind: str) -> Json:
        if kind not in {name for name, _ in KINDS.values()}:
            raise Problem(f"There are no {kind}", status=404)
        return {"data": [shown(thing) for thing in self._books.find(kind)]}

    def _log(self, act: Act, given: Json) -> list[Json]:
        return self._books.read_log()

    def _add_fault(self, act: Act, given: Json) -> Json:
        return self._faults.add(given)

    def _clear_faults(self, act: Act, given: Json) -> Json:
        self._faults.clear()
        return {}

    def _release(self, act: Act, given: Json) -> Json:
        return {"released": self._webhooks.release()}

    def _resend(self, act: Act, given: Json) -> Json:
        self._webhooks.resend(_text(given, "eventId"))
        return {}

    def _authenticate(self, act: Act, given: Json) -> Json:
        return shown(authentication.finish(act, _text(given, "id"), _text(given, "outcome")))

    def _settle(self, act: Act, given: Json) -> Json:
        code = _text(given, "code") if given.get("code") is not None else None
        return shown(settling.settle(act, _text(given, "id"), _text(given, "outcome"), code))

    def _refund(self, act: Act, given: Json) -> Json:
        """A refund made in the dashboard: of a charge or an intent; without `amount` all that is left."""
        identifier = _text(given, "id")
        if identifier.startswith("pi_"):
            identifier = str(act.fetch("payment_intents", identifier)["latest_charge"])
        charge = act.fetch("charges", identifier)
        return shown(refunds.give_back(act, charge, _whole(given, "amount"), reason="requested_by_customer"))

    def _update_card(self, act: Act, given: Json) -> Json:
        """The card's network tells of a new expiry date, as it does when a card is renewed."""
        method = act.fetch("payment_methods", _text(given, "id"))
        if method["type"] != "card":
            raise Problem("Only cards are renewed", param="id")
        before = {name: method["card"][name] for name in ("exp_month", "exp_year")}
        month, year = _whole(given, "expMonth"), _whole(given, "expYear")
        method["card"] |= {"exp_month": month or before["exp_month"], "exp_year": year or before["exp_year"]}
        act.save("payment_methods", method)
        act.emit("payment_method.automatically_updated", method, {"card": before})
        return shown(method)

    def _mode(self, act: Act, given: Json) -> Json:
        return self._webhooks.set_mode(_text(given, "mode"), given.get("copies"))

    def _clock(self, act: Act, given: Json) -> Json:
        """Set the clock, where it stands still; null: real time. What is due by then is settled."""
        now = given.get("now")
        try:
            instant = datetime.fromisoformat(now) if now is not None else None
        except (TypeError, ValueError):
            raise Problem("now is an instant like 2026-11-01T00:00:00Z, or null", param="now") from None
        if instant and instant.tzinfo is None:
            raise Problem("now needs its zone", param="now")
        self._books.note("clock", int(instant.timestamp()) if instant else None)
        act.now = self._books.now()
        return {"now": act.now, "settled": settling.settle_due(act)}

    def _reset(self, act: Act, given: Json) -> Json:
        self._faults.clear()
        self._books.forget()
        return {}


def _refuse_strangers(request: Request) -> None:
    host = request.headers.get("host", "127.0.0.1").rsplit(":", 1)[0]
    origin = request.headers.get("origin")
    if host not in _HOSTS or (origin and origin != request.base_url):
        raise Problem("The panel is for this machine's own scripts", status=403)


def _body(request: Request) -> Json:
    if not request.body:
        return {}
    try:
        content = json.loads(request.body)
    except ValueError:
        raise Problem("The body is no JSON") from None
    if not isinstance(content, dict):
        raise Problem("The body is no object")
    return content


def _text(given: Json, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Problem(f"{name} is missing", param=name)
    return value


def _whole(given: Json, name: str) -> int | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise Problem(f"{name} is a whole number", param=name)
    return value
