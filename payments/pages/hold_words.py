"""What a payer reads of collecting that is held back: until when, and what that means. The note is staff's alone."""

from __future__ import annotations

from billing_portal.kit.display.dates import day_text, long_text
from payments.models import CollectionHold


def hold_title(hold: CollectionHold) -> str:
    day = long_text(hold.last_moment)
    if hold.kind == CollectionHold.Kind.PROMISE:
        return f"You said you would pay by {day}"
    return f"You have more time to pay: until {day}"


def held_event(hold: CollectionHold) -> str:
    """What happened then, also when it is long over."""
    day = long_text(hold.last_moment)
    return f"Promised to pay by {day}" if hold.kind == CollectionHold.Kind.PROMISE else f"More time to pay: until {day}"


def lifted_event(hold: CollectionHold) -> str:
    if hold.kind == CollectionHold.Kind.PROMISE:
        return f"The promise to pay by {long_text(hold.last_moment)} counts no more"
    return "The time given to pay ended early"


def hold_text(hold: CollectionHold) -> str:
    if hold.kind == CollectionHold.Kind.PROMISE:
        return "We will not try to charge before that day is over, and send no reminders. You can pay at any time."
    return "Until that day is over we charge nothing by ourselves, and send no reminders. You can pay at any time."


def hold_note(hold: CollectionHold) -> str:
    """'you said by Dec 12': beside a state."""
    day = day_text(hold.last_moment)
    return f"you said by {day}" if hold.kind == CollectionHold.Kind.PROMISE else f"more time until {day}"
