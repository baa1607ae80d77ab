"""One entry of a story, and the order they stand in: what comes next on top, then newest to oldest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of parts/history.html. `order` breaks ties of one instant: the higher happened later."""

    title: str
    icon: str = "circle"
    tone: str = ""
    text: str = ""
    when: datetime | None = None
    by: str = ""
    order: int = field(default=0, compare=False)


def newest_first(events: Iterable[Event]) -> list[Event]:
    """Those without a time are still to come: they stand on top, as given."""
    listed = list(events)
    past = sorted((each for each in listed if each.when), key=lambda each: (each.when, each.order), reverse=True)
    return [*(each for each in listed if each.when is None), *past]
