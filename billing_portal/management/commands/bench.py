"""Measure the portal beside its peers, in one run: `make bench`."""

from __future__ import annotations

import fcntl
import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing_portal.bench import report
from billing_portal.bench.client import UnexpectedAnswer
from billing_portal.bench.comparisons import ALL
from billing_portal.bench.machine import describe
from billing_portal.bench.measuring import FEWEST_ROUNDS, Comparison, Measured, measure
from billing_portal.bench.servers import Bench, DidNotStart
from billing_portal.embedded import postgres
from billing_portal.management.progress import progress_of

DOCUMENT = Path("docs/benchmarks.md")


class Command(BaseCommand):
    help = (
        "Measure the portal beside its peers: both sides in one run, on servers and data of their own in "
        "DATA_DIR/bench. Exits with 0 also when a target is missed, and with 1 when something broke."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(ALL)}")
        parser.add_argument("--rounds", type=_positive, default=7, help="turns of each side; 7 by default")
        parser.add_argument("--operations", type=_positive, help="at most so many in a round, for trying it out")
        parser.add_argument("--write", action="store_true", help=f"keep the result in {DOCUMENT}")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = _chosen(options["names"])
        if options["write"] and (options["names"] or options["operations"] or options["rounds"] < FEWEST_ROUNDS):
            raise CommandError(f"Only a run of everything, of {FEWEST_ROUNDS} rounds or more, is worth keeping.")
        with _alone() as folder:
            found, machine = _measured(wanted, folder, options)
        rounds = options["rounds"]
        if options["json"]:
            self.stdout.write(json.dumps(report.facts(found, machine, rounds=rounds)))
        else:
            self.stdout.write(report.text(found, machine, rounds=rounds))
        if options["write"]:
            on = f"{timezone.now():%Y-%m-%d}"
            report.write(settings.BASE_DIR / DOCUMENT, report.markdown(found, machine, rounds=rounds, on=on))


def _measured(
    wanted: Sequence[Comparison], folder: Path, options: dict[str, Any]
) -> tuple[list[Measured], dict[str, str]]:
    found = []
    try:
        with Bench(folder) as bench, progress_of("rounds", quiet=options["json"]) as progress:
            machine = describe(postgres.url(folder, "postgres"))
            task = progress.add_task("starting servers", total=len(wanted) * (options["rounds"] + 1))
            for each in wanted:
                progress.update(task, description=each.name)
                found.append(
                    measure(
                        each,
                        bench,
                        rounds=options["rounds"],
                        at_most=options["operations"],
                        tick=lambda: progress.advance(task),
                    )
                )
    except (DidNotStart, UnexpectedAnswer, OSError) as problem:
        raise CommandError(f"{problem} (The servers' output is in {folder}.)") from problem
    return found, machine


def _chosen(names: Sequence[str]) -> list[Comparison]:
    if unknown := [name for name in names if name not in ALL]:
        raise CommandError(f"There is no comparison {unknown[0]!r}; there are {', '.join(ALL)}.")
    return [ALL[name] for name in names] if names else list(ALL.values())


@contextmanager
def _alone() -> Iterator[Path]:
    """The folder of the measurements, locked: two runs would share servers, and measure each other."""
    folder: Path | None = getattr(settings, "BENCH_DIR", None)
    if folder is None:
        raise CommandError("Run it as `manage.py bench`: it has settings of its own.")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bench.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(f"Somebody measures in {folder} already.") from None
        yield folder


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError("write a whole number, 1 or more")
    return int(text)
