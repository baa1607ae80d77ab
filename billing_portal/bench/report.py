"""What was measured, as a table for a terminal, as Markdown, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from billing_portal.bench.measuring import Measured, Taken

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_HEADS = ("", "ours", "theirs", "ratio", "target", "reached", "CPU ours", "CPU theirs", "CPU ratio")


def text(found: Sequence[Measured], machine: Mapping[str, str], *, rounds: int) -> str:
    """For a terminal: a block for each comparison, since a table of all columns is wider than most."""
    lines = [*(f"{name}: {value}" for name, value in machine.items()), f"Rounds: {rounds}, medians (min–max)", ""]
    for each in found:
        lines.append(f"{each.comparison.name}: {each.comparison.title}")
        lines += [_side(taken, each.comparison.unit) for taken in (each.ours, each.theirs)]
        lines += [f"  {'ratio':<26} {_verdict(each)}", *(f"  {note}" for note in each.notes), ""]
    return "\n".join(lines).rstrip()


def markdown(found: Sequence[Measured], machine: Mapping[str, str], *, rounds: int, on: str) -> str:
    """The generated part of the document; `on` is the day of the run."""
    lines = [
        f"Measured on {on}, {rounds} rounds, medians (min–max). CPU is the servers', for one operation.",
        "",
    ]
    lines += [f"| {' | '.join(_HEADS)} |", f"|{'---|' * len(_HEADS)}"]
    lines += [f"| {' | '.join(_row(each))} |" for each in found]
    lines += ["", *(f"- `{each.comparison.name}`: {note}" for each in found for note in each.notes), ""]
    lines += [f"- {name}: {value}" for name, value in machine.items()]
    return "\n".join(lines)


def facts(found: Sequence[Measured], machine: Mapping[str, str], *, rounds: int) -> dict[str, Any]:
    """For `--json`."""
    return {
        "machine": dict(machine),
        "rounds": rounds,
        "comparisons": [
            {
                "name": each.comparison.name,
                "title": each.comparison.title,
                "unit": each.comparison.unit,
                "ours": _facts_of(each.ours),
                "theirs": _facts_of(each.theirs),
                "ratio": each.ratio,
                "cpuRatio": each.cpu_ratio,
                "atLeast": each.comparison.at_least,
                "reached": each.reached,
                "notes": list(each.notes),
            }
            for each in found
        ],
    }


def write(file: Path, generated: str) -> None:
    """Put it between the markers; what people wrote around them stays. Raises ValueError when a marker is missing."""
    before, begin, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{file} has no place for it: {BEGIN} and {END}, each on a line of its own.")
    file.write_text(f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}")


def _facts_of(taken: Taken) -> dict[str, Any]:
    return {
        "name": taken.name,
        "operationsARound": taken.operations,
        "rate": taken.rate,
        "rates": taken.rates,
        "cpuSeconds": taken.cpu_each,
    }


def _side(taken: Taken, unit: str) -> str:
    cpu = f"   CPU {_milliseconds(taken)}" if taken.cpu else ""
    return f"  {taken.name:<26} {taken.rate:>8,.0f} {unit}  {_spread(taken)}{cpu}"


def _verdict(each: Measured) -> str:
    cpu = f"   in CPU {_times(each.cpu_ratio)}" if each.cpu_ratio else ""
    target = f"   target ≥ {_times(each.comparison.at_least)}: {_reached(each)}" if each.comparison.at_least else ""
    return f"{_times(each.ratio):>8}{target}{cpu}"


def _row(each: Measured) -> list[str]:
    unit = each.comparison.unit
    return [
        f"`{each.comparison.name}`: {each.comparison.title}",
        *(f"{taken.name}: {taken.rate:,.0f} {unit} {_spread(taken)}" for taken in (each.ours, each.theirs)),
        f"**{_times(each.ratio)}**",
        f"≥ {_times(each.comparison.at_least)}" if each.comparison.at_least else "–",
        _reached(each),
        _milliseconds(each.ours),
        _milliseconds(each.theirs),
        _times(each.cpu_ratio) if each.cpu_ratio else "–",
    ]


def _reached(each: Measured) -> str:
    return {True: "yes", False: "no", None: "–"}[each.reached]


def _spread(taken: Taken) -> str:
    return f"({min(taken.rates):,.0f}–{max(taken.rates):,.0f})"


def _times(ratio: float) -> str:
    """Ratios below two in hundredths: a cost of a few per cent is what they are about."""
    return f"{ratio:.2f} ×" if ratio < 2 else f"{ratio:.1f} ×".replace(".0 ×", " ×")


def _milliseconds(taken: Taken) -> str:
    return "–" if taken.cpu_each is None else f"{taken.cpu_each * 1_000:.2f} ms"
