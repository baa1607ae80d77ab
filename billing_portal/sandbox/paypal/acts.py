"""One act: a request being answered, with the books, the clock, and what it caused (events and effects)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from billing_portal.sandbox.books import Books, Json, shown
from billing_portal.sandbox.deliveries import queue
from billing_portal.sandbox.paypal import ids, money
from billing_portal.sandbox.paypal.problems import Problem, problem

HOUR, DAY = 3600, 86_400


@dataclass(frozen=True)
class Account:
    """Whose account it is, and where the stand-in is reached: links and human pages hang below `base_url`."""

    base_url: str
    merchant_id: str
    merchant_email: str
    payer: Mapping[str, Any]


@dataclass
class Act:
    """What a handler is given. `endpoint` is the route with its names (`POST /v2/checkout/orders/{id}/capture`)."""

    books: Books
    account: Account
    endpoint: str = ""
    body: Any = field(default_factory=dict)
    raw: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    effects: list[Json] = field(default_factory=list)
    now: int = 0

    def __post_init__(self) -> None:
        self.now = self.now or self.books.now()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:9000`."""
        return self.account.base_url

    @property
    def time(self) -> str:
        """Now, as PayPal writes it."""
        return stamp(self.now)

    @property
    def full(self) -> bool:
        """Whether the caller wants the whole object (`Prefer: return=representation`); by default it gets little."""
        return self.headers.get("prefer") == "return=representation"

    def refuse(self, status: int, issue: str | None = None, **more: Any) -> Problem:
        """The error of this endpoint. `more`: `field`, `value`, `links`, `kept`."""
        return problem(self.endpoint, status, issue, **more)

    def fetch(self, kind: str, identifier: Any) -> Json:
        """The object. Raises Problem (404)."""
        found = self.books.get(kind, identifier)
        if found is None or found.get("_gone"):
            raise self.refuse(404, "INVALID_RESOURCE_ID")
        return found

    def save(self, kind: str, thing: Json) -> Json:
        """Store the object as it is now."""
        return self.books.put(kind, thing)

    def link(self, rel: str, path: str, method: str = "GET") -> Json:
        """Where to go from here."""
        return {"href": f"{self.base_url}{path}", "rel": rel, "method": method}

    def emit(self, kind: str, resource_type: str, resource: Json, summary: str, version: str | None = "2.0") -> Json:
        """Record an event with the object as it is now, and queue its delivery."""
        identifier = ids.event()
        path = f"/v1/notifications/webhooks-events/{identifier}"
        event: Json = {
            "id": identifier,
            "event_version": "1.0",
            "create_time": self.time,
            "resource_type": resource_type,
            **({"resource_version": version} if version else {}),
            "event_type": kind,
            "summary": summary,
            "resource": shown(resource),
            "links": [self.link("self", path), self.link("resend", f"{path}/resend", "POST")],
        }
        self.save("events", event)
        queue(self.books, identifier)
        return event

    def effect(self, kind: str, thing: Json, amount: int, currency: str, state: str) -> None:
        """Note that money moved or was promised, for the log. `amount` in PayPal's last decimal."""
        self.effects.append(
            {
                "kind": kind,
                "id": thing["id"],
                "amount": money.smallest(amount, currency),
                "currency": currency,
                "state": state,
                "metadata": {
                    "custom_id": thing.get("custom_id") or thing.get("custom"),
                    "invoice_id": thing.get("invoice_id") or thing.get("invoice_number"),
                },
            }
        )


def stamp(at: int) -> str:
    """`2026-11-01T00:00:00Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def instant(text: str) -> int:
    """Seconds since 1970 of a time as PayPal writes it. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(text)
    return int(parsed.timestamp())


def compact(content: Any) -> bytes:
    """JSON without blanks, as PayPal answers."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
