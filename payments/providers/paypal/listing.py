"""PayPal's list of the events that it sent: the one list of what happened in an account's payments.

https://developer.paypal.com/docs/api/webhooks/v1/#webhooks-events_list: kept for 30 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from payments.providers.errors import ProviderUnavailable
from payments.providers.paypal.client import PayPalClient
from payments.providers.paypal.reading import instant, linked, readable

_EVENTS = "/v1/notifications/webhooks-events"
PAGE = 300


def events(
    client: PayPalClient, *, kind: str | None = None, since: datetime | None = None, about: str | None = None
) -> Iterator[dict[str, Any]]:
    """Newest first: those of one `kind`, those of one transaction `about`.

    Page by page: the next one ends when the last one began, since events of one second may be on both.
    """
    seen: set[str] = set()
    until: str | None = None
    while True:
        answer = client.get(
            _EVENTS,
            page_size=str(PAGE),
            event_type=kind,
            transaction_id=about,
            start_time=since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if since else None,
            end_time=until,
        )
        with readable("list of events"):
            page = [each for each in answer.content.get("events") or [] if isinstance(each, Mapping)]
            page.sort(key=_at, reverse=True)
            fresh = [dict(each) for each in page if each["id"] not in seen]
            seen.update(each["id"] for each in fresh)
        yield from fresh
        if len(page) < PAGE:
            return
        if not fresh:
            raise ProviderUnavailable("PayPal has more events of one second than it lists")
        until = str(page[-1]["create_time"])


def resources(
    client: PayPalClient, kinds: tuple[str, ...], since: datetime | None = None, *, of: str | None = None
) -> dict[str, Mapping[str, Any]]:
    """What these kinds of events were about, by its id and as the newest of them shows it; what happened last first.
    `of`: only what belongs to that capture."""
    told: list[tuple[datetime, Mapping[str, Any]]] = []
    for kind in kinds:
        for event in events(client, kind=kind, since=since):
            with readable("event"):
                if of in (None, linked(event["resource"], "up")):
                    told.append((_at(event), event["resource"]))
    told.sort(key=lambda each: each[0])
    newest = {each["id"]: each for _, each in told if isinstance(each.get("id"), str)}
    order = dict.fromkeys(each.get("id") for _, each in reversed(told))
    return {reference: newest[reference] for reference in order if reference in newest}


def _at(event: Mapping[str, Any]) -> datetime:
    return instant(event["create_time"])
