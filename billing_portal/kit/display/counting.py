"""Counts and rules of counting as people read them."""

from decimal import Decimal

from billing_portal.kit.display.amounts import number_text


def count_text(number: Decimal | int, one: str, many: str = "") -> str:
    """'1 call', '2,114 calls'."""
    return f"{number_text(number)} {one if number == 1 else many or one + 's'}"


def rounding_text(initial: int, increment: int, free_below: int) -> str:
    """What of a call is charged, in seconds: 60, 60, 0 is 'each rounded up to a full minute'."""
    if (initial, increment) == (60, 60):
        text = "each rounded up to a full minute"
    elif increment == 1 and initial <= 1:
        text = "each rounded up to a full second"
    elif initial <= increment:
        text = f"each rounded up to full {increment} seconds"
    else:
        text = f"each at least {count_text(initial, 'second')}, then in steps of {count_text(increment, 'second')}"
    return f"{text}; free under {count_text(free_below, 'second')}" if free_below else text
