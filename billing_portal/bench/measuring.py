"""Comparisons and how they are measured: both sides in one run, round by round, medians of all rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billing_portal.bench.servers import Bench

# Fewer rounds have no median to speak of: such a run is for trying, and is not kept.
FEWEST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Spent:
    """What some operations took: seconds on the clock, and CPU seconds of the servers; None where nobody counts it."""

    seconds: float
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """`run(n)` prepares and does n operations, and says what the doing took. `operations` is the n of one round."""

    name: str
    operations: int
    run: Callable[[int], Spent]


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: `ours`, which has the target, with `theirs`. `notes` are facts to be told after all rounds."""

    ours: Side
    theirs: Side
    notes: Callable[[], list[str]] = list


@dataclass(frozen=True, slots=True)
class Comparison:
    """`at_least`: the target for our rate divided by theirs; None for a figure that is told without one."""

    name: str
    title: str
    unit: str
    at_least: float | None
    prepare: Callable[[Bench], Sides]


@dataclass(slots=True)
class Taken:
    """One side's rounds: operations a second, and CPU seconds of each operation."""

    name: str
    operations: int
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, n: int, spent: Spent) -> None:
        self.rates.append(n / spent.seconds)
        if spent.cpu_seconds is not None:
            self.cpu.append(spent.cpu_seconds / n)

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def cpu_each(self) -> float | None:
        return median(self.cpu) if self.cpu else None


@dataclass(frozen=True, slots=True)
class Measured:
    """A comparison with what was found."""

    comparison: Comparison
    ours: Taken
    theirs: Taken
    notes: Sequence[str]

    @property
    def ratio(self) -> float:
        """Of the median rates."""
        return self.ours.rate / self.theirs.rate

    @property
    def cpu_ratio(self) -> float | None:
        """How many times our CPU theirs is."""
        ours, theirs = self.ours.cpu_each, self.theirs.cpu_each
        return theirs / ours if ours and theirs else None

    @property
    def reached(self) -> bool | None:
        """None without a target."""
        return None if self.comparison.at_least is None else self.ratio >= self.comparison.at_least


registered: dict[str, Comparison] = {}


def comparison(
    *, name: str, title: str, unit: str, at_least: float | None = None
) -> Callable[[Callable[[Bench], Sides]], Callable[[Bench], Sides]]:
    """Register a function that brings up what a comparison needs and answers its two sides."""

    def register(prepare: Callable[[Bench], Sides]) -> Callable[[Bench], Sides]:
        registered[name] = Comparison(name, title, unit, at_least, prepare)
        return prepare

    return register


def measure(
    wanted: Comparison,
    bench: Bench,
    *,
    rounds: int,
    at_most: int | None = None,
    tick: Callable[[], None] = lambda: None,
) -> Measured:
    """Warm both sides up, then take turns: who begins alternates, so that neither always follows the other.

    `at_most` operations a round are for trying out. `tick` is called after each round, and after the warm-up.
    """
    sides = wanted.prepare(bench)
    pairs = [(side, Taken(side.name, _bounded(side.operations, at_most))) for side in (sides.ours, sides.theirs)]
    for side, taken in pairs:
        side.run(max(1, taken.operations // 4))
    tick()
    for number in range(rounds):
        for side, taken in pairs if number % 2 == 0 else pairs[::-1]:
            taken.add(taken.operations, side.run(taken.operations))
        tick()
    return Measured(wanted, pairs[0][1], pairs[1][1], sides.notes())


def _bounded(operations: int, at_most: int | None) -> int:
    return operations if at_most is None else min(operations, at_most)
