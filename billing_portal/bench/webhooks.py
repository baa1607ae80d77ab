"""Receiving Stripe's webhooks: our view beside dj-stripe's own, over the same wire, with the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from billing_portal.bench.applying import Applied
from billing_portal.bench.client import timed
from billing_portal.bench.events import SUCCEEDED, UNHANDLED, Events
from billing_portal.bench.measuring import Side, Sides, Spent, comparison
from billing_portal.bench.servers import Bench, Web

OURS = "/api/payments/stripe/webhook"
COPIES, CONNECTIONS = 20, 4

# The requests of one round: how many, and to which path.
Requests = Callable[[int, str], Sequence[bytes]]


@comparison(
    name="webhook-full",
    title="Receipt of a payment's success ↔ dj-stripe's view, full path",
    unit="events/s",
    at_least=10,
)
def full(bench: Bench) -> Sides:
    """What dj-stripe does for an event that it handles: store, read the object again, mirror it."""
    return _received(bench, bench.peer, SUCCEEDED, theirs=20)


@comparison(
    name="webhook-full-plain",
    title="The same ↔ dj-stripe without a pool of connections",
    unit="events/s",
    at_least=10,
)
def full_plain(bench: Bench) -> Sides:
    """As Django comes."""
    return _received(bench, bench.plain_peer, SUCCEEDED, theirs=20)


@comparison(
    name="webhook-light",
    title="Receipt of an event without handler ↔ dj-stripe's view, its lightest path",
    unit="events/s",
    at_least=7,
)
def light(bench: Bench) -> Sides:
    """What each of them does at least."""
    return _received(bench, bench.peer, UNHANDLED, theirs=40)


@comparison(
    name="webhook-light-plain",
    title="The same ↔ dj-stripe without a pool of connections",
    unit="events/s",
    at_least=7,
)
def light_plain(bench: Bench) -> Sides:
    """As Django comes."""
    return _received(bench, bench.plain_peer, UNHANDLED, theirs=30)


@comparison(
    name="webhook-forged",
    title="Refusing a forged signature ↔ dj-stripe's view",
    unit="requests/s",
    at_least=20,
)
def forged(bench: Bench) -> Sides:
    """What anybody can make a server do who knows its address."""
    return _refused(bench, bench.peer)


@comparison(
    name="webhook-forged-plain",
    title="The same ↔ dj-stripe without a pool of connections",
    unit="requests/s",
    at_least=20,
)
def forged_plain(bench: Bench) -> Sides:
    """As Django comes."""
    return _refused(bench, bench.plain_peer)


@comparison(
    name="webhook-duplicates",
    title=f"Each event {COPIES} times, over {CONNECTIONS} connections ↔ dj-stripe's view",
    unit="requests/s",
)
def duplicates(bench: Bench) -> Sides:
    """What a provider does whose answers got lost."""
    events = Events.of(bench)

    def copies(n: int, path: str) -> Sequence[bytes]:
        different = [events.request(path) for _ in range(max(1, n // COPIES))]
        return [different[number % len(different)] for number in range(n)]

    return _sides(bench, bench.peer, copies, ours=1_000, theirs=100, connections=CONNECTIONS)


@comparison(
    name="webhook-applied",
    title="A payment's success received and booked ↔ dj-stripe's view, received and mirrored",
    unit="events/s",
)
def applied(bench: Bench) -> Sides:
    """To the end on both sides. Ours applies outside of the request, here right after it."""
    events = Events.of(bench)
    ours = Applied(bench, events, OURS)
    theirs = _received(bench, bench.peer, SUCCEEDED, theirs=20).theirs
    return Sides(
        Side("ours: receipt + handling", 40, ours.run),
        theirs,
        lambda: [f"Applying alone, without receipt: {ours.rate:,.0f} events/s."],
    )


def _received(bench: Bench, peer: Web, kind: str, *, theirs: int) -> Sides:
    events = Events.of(bench)

    def fresh(n: int, path: str) -> Sequence[bytes]:
        return [events.request(path, kind=kind) for _ in range(n)]

    return _sides(bench, peer, fresh, ours=200, theirs=theirs)


def _refused(bench: Bench, peer: Web) -> Sides:
    events, before = Events.of(bench), _stored(bench.portal, peer)

    def requests(n: int, path: str) -> Sequence[bytes]:
        return [events.request(path, forged=True) for _ in range(n)]

    def notes() -> list[str]:
        ours, theirs = (after - earlier for after, earlier in zip(_stored(bench.portal, peer), before, strict=True))
        return [f"Rows that the forged requests left: ours {ours:,}, dj-stripe {theirs:,}."]

    sides = _sides(bench, peer, requests, ours=400, theirs=50, status=400)
    return Sides(sides.ours, sides.theirs, notes)


def _stored(portal: Web, peer: Web) -> tuple[int, int]:
    """What each side has stored so far; dj-stripe keeps a row for every request."""
    return portal.count("payments_providerevent"), peer.count("djstripe_webhookeventtrigger")


def _sides(
    bench: Bench, peer: Web, requests: Requests, *, ours: int, theirs: int, status: int = 200, connections: int = 1
) -> Sides:
    def posting(web: Web, path: str) -> Callable[[int], Spent]:
        return lambda n: timed(web, requests(n, path), status=status, connections=connections)

    return Sides(
        Side("ours", ours, posting(bench.portal, OURS)),
        Side("dj-stripe", theirs, posting(peer, f"/stripe/webhook/{bench.peer_endpoint}/")),
    )
