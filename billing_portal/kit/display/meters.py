"""The geometry of a meter: how far use, expectation and allowance reach on one scale, in per cent of its width."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

# The scale ends a little past the largest of use, expectation and allowance.
HEADROOM = Decimal("1.08")
# Left of this the allowance's label would run out of the picture, so it stands right of its mark.
LABEL_TURNS_BELOW = 30


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of the bar: `look` is the fill's class, `expected` means hatched; `x` and `width` are per cent."""

    look: str
    x: str
    width: str
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Meter:
    """`mark` is where the allowance ends, None without one; `gaps` are where two directions meet."""

    pieces: tuple[Piece, ...]
    gaps: tuple[str, ...]
    mark: str | None
    label_anchor: str


def meter(
    used: Decimal,
    included: Decimal,
    *,
    expected: Decimal | None = None,
    parts: Sequence[tuple[str, Decimal]] = (),
    look: str = "out",
) -> Meter:
    """Lay out a meter; all quantities are in one unit and not negative.

    `parts` are the directions within one allowance, as (class, quantity), instead of one bar of class `look`. What is
    used beyond `included` is drawn as `over`; what is `expected` beyond use is hatched, in two pieces where it passes
    the allowance.
    """
    expected = max(expected or used, used)
    end = max(used, included, expected, Decimal(1)) * HEADROOM

    def percent(quantity: Decimal) -> str:
        return f"{quantity * 100 / end:.2f}%"

    def stretch(kind: str, start: Decimal, stop: Decimal, *, hatched: bool = False) -> Piece | None:
        return Piece(kind, percent(start), percent(stop - start), hatched) if stop > start else None

    drawn: list[Piece | None] = []
    gaps: list[str] = []
    at = Decimal(0)
    for kind, quantity in parts or [(look, used)]:
        stop = min(at + quantity, included)
        if at and stop > at:
            gaps.append(percent(at))
        drawn.append(stretch(kind, at, stop))
        at = max(at, stop)
    drawn.append(stretch("over", included, used))
    drawn.append(stretch(look, used, min(expected, included), hatched=True))
    drawn.append(stretch("over", max(used, included), expected, hatched=True))
    mark = included * 100 / end
    return Meter(
        pieces=tuple(piece for piece in drawn if piece),
        gaps=tuple(gaps),
        mark=percent(included) if included else None,
        label_anchor="start" if mark < LABEL_TURNS_BELOW else "end",
    )
