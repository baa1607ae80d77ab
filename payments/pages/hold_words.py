"""What a payer reads of collecting that is held back: until when, and what that means. The note is staff's alone."""

from __future__ import annotations

from billing_portal.kit.display.dates import day_text, long_text
from payments.models import CollectionHold


def hold_title(hold: CollectionHold) -> str:
    day = long_text(hold.last_moment)
    if hold.kind == CollectionHold.Kind.PROMISE:
        return f"You said you would pay by {day}"
    return f"You have more time to pay: until {day}"


def hold_text(hold: CollectionHold) -> str:
    if hold.kind == CollectionHold.Kind.PROMISE:
        return "We will not try to charge before that day is over, and send no reminders. You can pay at any time."
    return "Until that day is over we charge nothing by ourselves, and send no reminders. You can pay at any time."


def hold_note(hold: CollectionHold) -> str:
    """'you said by Dec 12': beside a state."""
    day = day_text(hold.last_moment)
    return f"you said by {day}" if hold.kind == CollectionHold.Kind.PROMISE else f"more time until {day}"
