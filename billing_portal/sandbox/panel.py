"""The control panel, `/__sandbox/…`: see the truth, decide what people and banks do, and make things go wrong.

It is for scripts and tests on this machine: a request from another origin or under another host name is refused. What
every stand-in's panel can is here; a stand-in adds its own verbs.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Protocol

from billing_portal.sandbox.books import Books, Json, shown
from billing_portal.sandbox.deliveries import Deliveries
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.faults import Faults
from billing_portal.sandbox.misuse import Misused

PREFIX = "/__sandbox/"


class Acting(Protocol):
    """An act under way: its instant, and what it noted for the log."""

    now: int
    effects: list[Json]


Verb = Callable[[Any, Json], Any]


class ControlPanel(ABC):
    """What scripts may ask for."""

    hosts: Collection[str] = ("127.0.0.1", "localhost")
    kinds: Collection[str] = ()

    def __init__(self, books: Books, faults: Faults, deliveries: Deliveries) -> None:
        self._books = books
        self._faults = faults
        self._deliveries = deliveries
        self._verbs: dict[tuple[str, str], Verb] = {
            ("GET", "log"): self._log,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "webhooks"): self._mode,
            ("POST", "webhooks/release"): self._release,
            ("POST", "webhooks/resend"): self._resend,
            ("POST", "clock"): self._clock,
            ("POST", "reset"): self._reset,
            **self.own_verbs(),
        }

    @abstractmethod
    def own_verbs(self) -> dict[tuple[str, str], Verb]:
        """What only this stand-in's panel can."""

    @abstractmethod
    def act(self, request: Request) -> Acting:
        """A new act."""

    @abstractmethod
    def entry(self, request: Request, answer: Answer, effect: Json) -> Json:
        """A line of the log."""

    @abstractmethod
    def settle_due(self, act: Any) -> int:
        """End what is due by the clock. Returns how much."""

    @abstractmethod
    def refusal(self, misused: Misused) -> Answer:
        """The error in the provider's own shape."""

    def see(self, kind: str, thing: Json) -> Json:
        """An object in the provider's own shape."""
        return shown(thing)

    def forgotten(self) -> None:  # noqa: B027 (a stand-in may have nothing to begin with)
        """The books were emptied: put back what is there from the start."""

    def answer(self, request: Request) -> Answer:
        """Do what the path says. Errors are JSON as the provider's are."""
        path = request.path.removeprefix(PREFIX)
        try:
            self._refuse_strangers(request)
            if request.method == "GET" and path.startswith("objects/"):
                return Answer.of(self._objects(path.removeprefix("objects/")))
            verb = self._verbs.get((request.method, path))
            if verb is None:
                raise Misused(f"The panel does not know {request.method} {request.path}", status=404)
            return self._run(verb, request)
        except Misused as misused:
            return self.refusal(misused)

    def _run(self, verb: Verb, request: Request) -> Answer:
        with self._books.transaction():
            act = self.act(request)
            answer = Answer.of(verb(act, _body(request)))
            for effect in act.effects:
                self._books.write_log(self.entry(request, answer, effect))
        return answer

    def _refuse_strangers(self, request: Request) -> None:
        host = request.headers.get("host", "127.0.0.1").rsplit(":", 1)[0]
        origin = request.headers.get("origin")
        if host not in self.hosts or (origin and origin != request.base_url):
            raise Misused("The panel is for this machine's own scripts", status=403)

    def _objects(self, kind: str) -> Json:
        if kind not in self.kinds:
            raise Misused(f"There are no {kind}", status=404)
        return {"data": [self.see(kind, thing) for thing in self._books.find(kind)]}

    def _log(self, act: Acting, given: Json) -> list[Json]:
        return self._books.read_log()

    def _add_fault(self, act: Acting, given: Json) -> Json:
        return self._faults.add(given)

    def _clear_faults(self, act: Acting, given: Json) -> Json:
        self._faults.clear()
        return {}

    def _release(self, act: Acting, given: Json) -> Json:
        return {"released": self._deliveries.release()}

    def _resend(self, act: Acting, given: Json) -> Json:
        self._deliveries.resend(text(given, "eventId"))
        return {}

    def _mode(self, act: Acting, given: Json) -> Json:
        return self._deliveries.set_mode(text(given, "mode"), given.get("copies"))

    def _clock(self, act: Acting, given: Json) -> Json:
        """Set the clock, where it stands still; null: real time. What is due by then is settled."""
        now = given.get("now")
        try:
            instant = datetime.fromisoformat(now) if now is not None else None
        except (TypeError, ValueError):
            raise Misused("now is an instant like 2026-11-01T00:00:00Z, or null", param="now") from None
        if instant and instant.tzinfo is None:
            raise Misused("now needs its zone", param="now")
        self._books.note("clock", int(instant.timestamp()) if instant else None)
        act.now = self._books.now()
        return {"now": act.now, "settled": self.settle_due(act)}

    def _reset(self, act: Acting, given: Json) -> Json:
        self._faults.clear()
        self._books.forget()
        self.forgotten()
        return {}


def text(given: Json, name: str) -> str:
    """A field that must be there. Raises Misused."""
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Misused(f"{name} is missing", param=name)
    return value


def whole(given: Json, name: str) -> int | None:
    """A whole number, or None when absent. Raises Misused."""
    value = given.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise Misused(f"{name} is a whole number", param=name)
    return value


def _body(request: Request) -> Json:
    if not request.body:
        return {}
    try:
        content = json.loads(request.body)
    except ValueError:
        raise Misused("The body is no JSON") from None
    if not isinstance(content, dict):
        raise Misused("The body is no object")
    return content
