"""Webhooks from the account's side: verify a signature, look events up, have one sent again.

https://developer.paypal.com/docs/api/webhooks/v1/
"""

import json
from typing import Any

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.exchange import Answer
from billing_portal.sandbox.paypal import listing, signing
from billing_portal.sandbox.paypal.acts import Act, instant
from billing_portal.sandbox.paypal.problems import v1_problem
from billing_portal.sandbox.paypal.routing import route
from billing_portal.sandbox.paypal.shapes import Group, Many, Text, body

_EVENTS = "/v1/notifications/webhooks-events"
_TEXTS = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id")
MOST = 300
_BLANKS = " \t\r\n"


@route("POST", "/v1/notifications/verify-webhook-signature")
def verify(act: Act) -> tuple[Json, int]:
    """SUCCESS or FAILURE. What counts are the event's bytes as they stand in the request: an event that was parsed and
    written again fails."""
    for name in (*_TEXTS, "webhook_event"):
        if not act.body.get(name):
            raise v1_problem(400, "VALIDATION_ERROR", f"Invalid data provided: {name} is required.")
        if name in _TEXTS and not isinstance(act.body[name], str):
            raise v1_problem(400, "VALIDATION_ERROR", f"Invalid data provided: {name} is no text.")
    given: dict[str, str] = act.body
    authority = signing.authority(act.books)
    signed = signing.message(
        given["transmission_id"], given["transmission_time"], given["webhook_id"], raw_slice(act.raw, "webhook_event")
    )
    genuine = (
        given["auth_algo"] == signing.ALGORITHM
        and given["webhook_id"] == act.books.noted("webhook_id")
        and given["cert_url"].rpartition("/")[2] == authority.certificate_id
        and authority.verifies(given["transmission_sig"], signed)
    )
    return {"verification_status": "SUCCESS" if genuine else "FAILURE"}, 200


def raw_slice(raw: bytes, wanted: str) -> bytes:
    """The bytes of one member of a JSON object, exactly as they came. Raises ValueError when it is none."""
    text = raw.decode()
    decoder = json.JSONDecoder()
    at = _skip(text, _skip(text, 0) + 1)
    found = b""
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)  # past the colon
        _, end = decoder.raw_decode(text, start)
        if name == wanted:
            found = text[start:end].encode()
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


@route("GET", "/v1/notifications/certs/{certificate}", who="anybody")
def certificate(act: Act, identifier: str) -> Answer:
    """The leaf, for anybody."""
    authority = signing.authority(act.books)
    if identifier != authority.certificate_id:
        raise act.refuse(404, "INVALID_RESOURCE_ID")
    return Answer(200, authority.leaf_pem.encode(), {"Content-Type": "application/x-pem-file"})


@route("GET", "/v1/notifications/webhooks")
def hooks(act: Act) -> tuple[Json, int]:
    """The one that is set up."""
    hook: Json = {"id": act.books.noted("webhook_id"), "event_types": [{"name": "*"}]}
    return {"webhooks": [{**hook, "url": act.books.noted("webhook_url") or "https://portal.example/none"}]}, 200


@route("GET", _EVENTS)
def events(act: Act) -> tuple[Json, int]:
    """Newest first; `event_type`, `transaction_id`, `start_time` and `end_time` narrow, `page_size` limits."""
    found = [event for event in reversed(act.books.find("events")) if _fits(act, event)]
    limit = listing.number(act, "page_size", 10, MOST)
    return {"events": found[:limit], "count": len(found[:limit]), "links": [act.link("self", _EVENTS)]}, 200


@route("GET", _EVENTS + "/{event_id}")
def event(act: Act, identifier: str) -> tuple[Json, int]:
    """One."""
    return act.fetch("events", identifier), 200


@route("POST", _EVENTS + "/{event_id}/resend")
def resend(act: Act, identifier: str) -> tuple[Json, int]:
    """Send it once more, whatever became of it."""
    body(act, Group({"webhook_ids": Many(Text(50), 0, 500)}))
    found = act.fetch("events", identifier)
    act.books.db.execute("INSERT INTO deliveries (event, state) VALUES (?, 'pending')", (identifier,))
    return found, 202


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _fits(act: Act, event: Json) -> bool:
    asked = act.query
    try:
        at = instant(event["create_time"])
        early = "start_time" in asked and at < instant(asked["start_time"])
        late = "end_time" in asked and at > instant(asked["end_time"])
    except ValueError:
        raise v1_problem(400, "VALIDATION_ERROR", "Invalid data provided: a time is no instant.") from None
    resource: dict[str, Any] = event["resource"]
    return (
        not (early or late)
        and asked.get("event_type", event["event_type"]) == event["event_type"]
        and asked.get("transaction_id", resource.get("id")) == resource.get("id")
    )
