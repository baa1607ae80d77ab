"""What happened to a tenant's subscriptions, in sentences: states and terms, what comes next on top."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import long_text, period_text
from payments import history_queries
from payments.models import StatusChange
from payments.naming import provider_name
from payments.pages.events import Event, newest_first
from payments.pages.words import Reader, who
from subscriptions.actions.judging import HELD_BACK
from subscriptions.models import Subscription, SubscriptionTerms
from subscriptions.models.subscription import Engine
from subscriptions.pages.coming import NextBill
from subscriptions.pages.words import terms_text

Status = Subscription.Status
# Where it has no other word to say than the state itself: (from, into) or into → icon, tone, title.
_MOVES: dict[Any, tuple[str, str, str]] = {
    (Status.TRIALING, Status.ACTIVE): ("circle-check", "good", "The trial ended, and the subscription goes on"),
    (Status.PAST_DUE, Status.ACTIVE): ("circle-check", "good", "Nothing is overdue any more"),
    (Status.UNPAID, Status.ACTIVE): ("circle-check", "good", "What was open is paid, and the subscription goes on"),
    (Status.INCOMPLETE, Status.ACTIVE): ("circle-check", "good", "The first payment came"),
    (Status.APPROVAL_PENDING, Status.ACTIVE): ("circle-check", "good", "You approved it, and the first payment came"),
    (Status.PAUSED, Status.ACTIVE): ("player-play", "good", "Resumed"),
    (Status.PAUSED, Status.TRIALING): ("player-play", "good", "Resumed"),
    Status.ACTIVE: ("circle-check", "good", "Active"),
    Status.TRIALING: ("circle-check", "good", "The trial began"),
    Status.PAST_DUE: ("alert-triangle", "bad", "An invoice is overdue"),
    Status.UNPAID: ("alert-triangle", "bad", "Stopped: an invoice was not paid in time"),
    Status.PAUSED: ("player-pause", "", "Paused"),
    Status.CANCELED: ("ban", "", "Ended"),
    Status.INCOMPLETE: ("shield-lock", "warn", "Waits for you to confirm the payment"),
    Status.APPROVAL_PENDING: ("shield-lock", "warn", "Waits for you to approve it"),
}
# Where a provider charges it, no invoice waits to be paid until a day.
_CHARGED: dict[Any, tuple[str, str, str]] = {
    (Status.PAST_DUE, Status.ACTIVE): ("circle-check", "good", "What was open is paid"),
    Status.PAST_DUE: ("alert-triangle", "bad", "The renewal could not be charged"),
}
# Reasons that the title says already.
_SAID = {
    "started",
    "paused",
    "resumed",
    "canceled",
    "the trial ended",
    "an invoice is overdue",
    "nothing is overdue any more",
    "an invoice stayed unpaid",
    "what was open is paid",
    "canceled at the end of its period",
    HELD_BACK,
}


def subscription_story(subscriptions: Sequence[Subscription], bill: NextBill | None, reader_label: str) -> list[Event]:
    """`subscriptions` newest first, with their `terms` at hand; `bill` is what comes next of the one that runs."""
    changes = history_queries.histories("subscription", [each.id for each in subscriptions])
    names = history_queries.people([each for rows in changes.values() for each in rows])
    reader = Reader(reader_label, names)
    events = _next(subscriptions[0], bill) if subscriptions else []
    for subscription in subscriptions:
        events += _moves(subscription, changes.get(subscription.id, []), reader)
        events += _terms(list(subscription.terms.all()))
    return newest_first(events)


def move_words(old: str, new: str, engine: str = Engine.INVOICE) -> tuple[str, str, str]:
    """(icon, tone, title) of a move."""
    words = _MOVES if engine == Engine.INVOICE else {**_MOVES, **_CHARGED}
    return words.get((Status(old), Status(new))) or words[Status(new)]


def _next(subscription: Subscription, bill: NextBill | None) -> list[Event]:
    events = []
    if subscription.cancel_at_period_end and subscription.period_end:
        events.append(
            Event(f"It ends on {long_text(subscription.period_end)}", "clock", "next", "You can take that back.")
        )
    if subscription.pending_at and subscription.pending_price and subscription.pending_seats:
        what = terms_text(subscription.pending_price, subscription.pending_seats)
        events.append(Event(f"From {long_text(subscription.pending_at)}: {what}", "clock", "next"))
    if bill:
        text = f"{money_text(bill.amount)} for {period_text(*bill.period)}."
        events.append(Event(f"Next invoice on {long_text(bill.on)}", "clock", "next", text))
    return events


def _moves(subscription: Subscription, changes: Sequence[StatusChange], reader: Reader) -> list[Event]:
    events = []
    said = {*_SAID, f"by {provider_name(subscription.engine)}".lower()}
    for order, change in enumerate(changes, start=2):
        by = who(change, reader)
        reason = "" if change.reason.lower() in said else f"“{change.reason}”"
        if change.old is None:
            events.append(_started(subscription, change, by, waits=change == changes[-1]))
            continue
        icon, tone, title = move_words(change.old, change.new, subscription.engine)
        if change.new == Status.ACTIVE and change.reason == HELD_BACK:
            title = "It goes on: you have more time to pay"
        at = change.at
        if change.new == Status.CANCELED and subscription.ended_at:
            at = subscription.ended_at
        events.append(Event(title, icon, tone, reason, at, by, order))
    return events


def _started(subscription: Subscription, change: StatusChange, by: str, *, waits: bool) -> Event:
    """`waits`: nothing has come after it."""
    first = next(iter(subscription.terms.all()), None)
    what = f"{terms_text(first.price, first.seats)}." if first else ""
    if change.new == Status.TRIALING and subscription.trial_end:
        what = f"{what} Trial until {long_text(subscription.trial_end)}."
    title = "Trial started" if change.new == Status.TRIALING else "Subscription started"
    if waits and change.new in (Status.INCOMPLETE, Status.APPROVAL_PENDING):
        title = _MOVES[Status(change.new)][2]
    return Event(title, "plus", "", what.strip(), change.at, by)


def _terms(rows: Sequence[SubscriptionTerms]) -> list[Event]:
    """Each change of terms, with what it was before."""
    events = []
    for before, after in pairwise(rows):
        text = f"Was {terms_text(before.price, before.seats)}."
        title = f"Changed to {terms_text(after.price, after.seats)}"
        events.append(Event(title, "arrows-exchange-2", "", text, after.effective_from, order=1))
    return events
