"""Run each race and guard test against the code without its guard, and see it fail: `make mutants`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from billing_portal.tests.mutation import Mutant, every

TESTS_FAILED = 1  # pytest's exit code; anything else but 0 means that the run itself is broken


def survivors(mutant: Mutant, tries: int) -> list[str]:
    """The tests that stayed green on the mutant, each tried a few times: a race needs luck to show."""
    return [test for test in mutant.kills if not any(_fails(mutant, test) for _ in range(tries))]


def _fails(mutant: Mutant, test: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "billing_portal.tests.mutation", test]
    run = subprocess.run(
        command, env={**os.environ, "MUTANT": mutant.name}, capture_output=True, text=True, check=False
    )
    if run.returncode not in (0, TESTS_FAILED):
        raise SystemExit(f"{test} could not run:\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}")
    return run.returncode == TESTS_FAILED


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="WORDS", help="mutants whose name holds these words")
    parser.add_argument("--tries", type=int, default=3, help="how often a test may stay green before it counts (3)")
    options = parser.parse_args()
    alive = 0
    wanted = [mutant for mutant in every() if options.only is None or options.only in mutant.name]
    for mutant in wanted:
        began = time.monotonic()
        left = survivors(mutant, options.tries)
        alive += len(left)
        killed = len(mutant.kills) - len(left)
        print(f"{'SURVIVED' if left else 'killed  '} {mutant.name}: {killed} of {len(mutant.kills)} tests failed, "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
        for test in left:
            print(f"         still green: {test}", flush=True)
    print(f"{len(wanted)} mutants, {alive} tests that stayed green")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
