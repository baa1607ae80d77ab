"""The words for states: one table maps a state to its colour, icon and word, and nothing else does.

Green: the money is here. Blue: it moves by itself. Amber: you must act. Red: it went wrong. Grey: it is over.
A sentence like "Due in 6 days" is one of several forms of a word: the caller hands over the number or the date.
"""

from dataclasses import dataclass
from datetime import date, datetime

from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import day_text

GOOD, INFO, WARN, BAD, QUIET = "good", "info", "warn", "bad", "quiet"


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown: `tone` is the colour's class, `icon` a name in the sprite."""

    tone: str
    icon: str
    word: str


STATES: dict[str, dict[str, Look]] = {
    "invoice": {
        "draft": Look(QUIET, "pencil", "Draft"),
        "open": Look(INFO, "circle", "Open"),
        "due": Look(INFO, "clock", "Due"),
        "partly_paid": Look(INFO, "circle-half-2", "Partly paid"),
        "processing": Look(INFO, "loader-2", "Processing"),
        "awaiting_review": Look(INFO, "hourglass", "Awaiting review"),
        "action_needed": Look(WARN, "shield-lock", "Action needed"),
        "overdue": Look(BAD, "alert-triangle", "Overdue"),
        "paid": Look(GOOD, "check", "Paid"),
        "refunded": Look(QUIET, "arrow-back-up", "Refunded"),
        "credit_note": Look(QUIET, "file-minus", "Credit note"),
        "void": Look(QUIET, "ban", "Void"),
        "uncollectible": Look(QUIET, "ban", "Written off"),
    },
    "payment": {
        "created": Look(INFO, "circle-dashed", "Started"),
        "requires_action": Look(WARN, "shield-lock", "Action needed"),
        "processing": Look(INFO, "loader-2", "Processing"),
        "awaiting_review": Look(INFO, "hourglass", "Awaiting review"),
        "clearing": Look(INFO, "building-bank", "Clearing"),
        "succeeded": Look(GOOD, "check", "Succeeded"),
        "failed": Look(BAD, "x", "Failed"),
        "canceled": Look(QUIET, "ban", "Canceled"),
        "partially_refunded": Look(QUIET, "arrow-back-up", "Partly refunded"),
        "refunded": Look(QUIET, "arrow-back-up", "Refunded"),
        "disputed": Look(BAD, "scale", "Disputed"),
        "rejected": Look(BAD, "x", "Rejected"),
        "returned": Look(BAD, "arrow-back-up", "Returned"),
    },
    "subscription": {
        "incomplete": Look(WARN, "shield-lock", "Action needed"),
        "approval_pending": Look(WARN, "shield-lock", "Action needed"),
        "trialing": Look(INFO, "clock", "Trial"),
        "active": Look(GOOD, "check", "Active"),
        "ending": Look(WARN, "calendar-off", "Ends"),
        "past_due": Look(BAD, "alert-triangle", "Past due"),
        "unpaid": Look(BAD, "alert-triangle", "Unpaid"),
        "paused": Look(QUIET, "player-pause", "Paused"),
        "canceled": Look(QUIET, "ban", "Canceled"),
    },
    "refund": {
        "awaiting_approval": Look(INFO, "hourglass", "Awaiting approval"),
        "pending": Look(INFO, "loader-2", "On its way"),
        "succeeded": Look(GOOD, "check", "Succeeded"),
        "failed": Look(BAD, "x", "Failed"),
        "canceled": Look(QUIET, "ban", "Canceled"),
    },
    # These are seen at the desk alone.
    "dispute": {
        "inquiry": Look(WARN, "info-circle", "Inquiry"),
        "open": Look(BAD, "scale", "Open"),
        "won": Look(GOOD, "check", "Won"),
        "lost": Look(BAD, "x", "Lost"),
        "closed": Look(QUIET, "circle", "Closed"),
    },
    "discrepancy": {
        "open": Look(WARN, "alert-triangle", "Open"),
        "closed": Look(QUIET, "check", "Closed"),
    },
    "hold": {
        "runs": Look(INFO, "clock", "In force"),
        "lifted": Look(QUIET, "ban", "Lifted"),
        "over": Look(QUIET, "circle", "Over"),
    },
    "attempt": {
        "answered": Look(GOOD, "check", "Answered"),
        "declined": Look(BAD, "x", "Declined"),
        "refused": Look(BAD, "ban", "Refused"),
        "unavailable": Look(BAD, "alert-triangle", "Unavailable"),
        "unknown": Look(INFO, "clock", "No answer"),
    },
    "event": {
        "received": Look(INFO, "loader-2", "Received"),
        "handled": Look(GOOD, "check", "Handled"),
        "ignored": Look(QUIET, "ban", "Ignored"),
        "unhandled": Look(QUIET, "circle-dashed", "Unhandled"),
        "waiting": Look(INFO, "hourglass", "Kept"),
        "parked": Look(BAD, "alert-triangle", "Parked"),
    },
}

# At the desk these wait for a person, so they are amber there.
WAITS_FOR_THE_DESK = {
    ("invoice", "awaiting_review"),
    ("payment", "awaiting_review"),
    ("refund", "awaiting_approval"),
}


def look(
    kind: str,
    state: str,
    *,
    desk: bool = False,
    days: int | None = None,
    ends: datetime | date | None = None,
) -> Look:
    """The look of `state` of one of the kinds in `STATES`. Raises KeyError for one without a word.

    `days` completes "Due in n days" and "Trial, n days left"; `ends` turns an active subscription into "Ends Dec 31".
    """
    if kind == "subscription" and state in ("active", "trialing") and ends is not None:
        found = STATES[kind]["ending"]
        return Look(found.tone, found.icon, f"{found.word} {day_text(ends)}")
    found = STATES[kind][state]
    if days is not None and (kind, state) == ("invoice", "due"):
        return Look(found.tone, found.icon, "Due today" if days <= 0 else f"Due in {count_text(days, 'day')}")
    if days is not None and (kind, state) == ("subscription", "trialing"):
        return Look(
            found.tone, found.icon, "Trial, last day" if days <= 0 else f"Trial, {count_text(days, 'day')} left"
        )
    if desk and (kind, state) in WAITS_FOR_THE_DESK:
        return Look(WARN, found.icon, found.word)
    return found
