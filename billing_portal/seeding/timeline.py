"""What happens in the demo's past, in the order of time, whoever it happens to."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

Act = Callable[[datetime], None]


@dataclass(slots=True)
class Timeline:
    """`now` is the real one: what would come after it does not happen. An act is given its own instant."""

    now: datetime
    _acts: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _planned: int = 0

    def plan(self, at: datetime, act: Act) -> None:
        """Of two at one instant the one that was planned first comes first."""
        if at <= self.now:
            self._planned += 1
            heapq.heappush(self._acts, (at, self._planned, act))

    def run(self) -> None:
        """Everything that is planned, and what that plans."""
        while self._acts:
            at, _, act = heapq.heappop(self._acts)
            act(at)
