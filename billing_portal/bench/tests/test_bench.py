"""The framework of the benchmarks: its arithmetic, its report, its servers. Nothing here depends on how fast it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing_portal.bench import report
from billing_portal.bench.comparisons import ALL
from billing_portal.bench.machine import cpu_seconds
from billing_portal.bench.measuring import Comparison, Side, Sides, Spent, Taken, measure
from billing_portal.embedded import child, postgres

ROOT = Path(__file__).resolve().parents[3]
MACHINE = {"CPU": "a slide rule, 2 cores", "Python": "3.11"}


def compared(ours, theirs, *, at_least=10.0, rounds=3, **bounds):
    """A measured comparison of two sides that spend what these say for n operations."""
    sides = Sides(Side("ours", 20, ours), Side("theirs", 10, theirs), lambda: ["a note"])
    wanted = Comparison("sums", "Adding ↔ adding slowly", "sums/s", at_least, lambda bench: sides)
    return measure(wanted, None, rounds=rounds, **bounds)


def spends(calls, name, each, cpu=None):
    """Spends `each` seconds an operation, the more the later the round."""

    def run(n):
        turn = sum(1 for who, _ in calls if who == name)
        calls.append((name, n))
        return Spent(n * each * (1 + turn), None if cpu is None else n * cpu)

    return run


def test_both_sides_are_warmed_up_and_then_take_turns_with_the_beginner_alternating():
    calls = []
    compared(spends(calls, "ours", 1), spends(calls, "theirs", 1))
    assert calls == [
        ("ours", 5), ("theirs", 2),
        ("ours", 20), ("theirs", 10),
        ("theirs", 10), ("ours", 20),
        ("ours", 20), ("theirs", 10),
    ]  # fmt: skip


def test_the_ratio_is_of_median_rates_and_the_warm_up_counts_nothing():
    found = compared(spends([], "ours", 0.01, cpu=0.002), spends([], "theirs", 0.3, cpu=0.05))
    assert found.ours.rates == pytest.approx([50, 100 / 3, 25])
    assert found.ours.rate == pytest.approx(100 / 3)
    assert found.ratio == pytest.approx(30)
    assert found.cpu_ratio == pytest.approx(25)
    assert found.reached is True
    assert found.notes == ["a note"]


def test_a_missed_target_and_no_target_are_told_apart():
    slow, fast = spends([], "ours", 1), spends([], "theirs", 0.5)
    assert compared(slow, fast).reached is False
    assert compared(slow, fast, at_least=None).reached is None


def test_a_try_does_fewer_operations():
    calls = []
    compared(spends(calls, "ours", 1), spends(calls, "theirs", 1), rounds=1, at_most=3)
    assert calls == [("ours", 1), ("theirs", 1), ("ours", 3), ("theirs", 3)]


def test_the_report_has_both_sides_the_ratio_the_target_the_spread_and_the_machine():
    found = compared(spends([], "ours", 0.01, cpu=0.002), spends([], "theirs", 0.3, cpu=0.05))
    shown = report.text([found], MACHINE, rounds=3)
    assert shown.splitlines() == [
        "CPU: a slide rule, 2 cores",
        "Python: 3.11",
        "Rounds: 3, medians (min–max)",
        "",
        "sums: Adding ↔ adding slowly",
        "  ours                             33 sums/s  (25–50)   CPU 2.00 ms",
        "  theirs                            1 sums/s  (1–2)   CPU 50.00 ms",
        "  ratio                          30 ×   target ≥ 10 ×: yes   in CPU 25 ×",
        "  a note",
    ]
    table = report.markdown([found], MACHINE, rounds=3, on="2026-11-01").splitlines()
    rows = [line for line in table if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert rows[2] == (
        "| `sums`: Adding ↔ adding slowly | ours: 33 sums/s (25–50) | theirs: 1 sums/s (1–2) | **30 ×** | ≥ 10 × | yes "
        "| 2.00 ms | 50.00 ms | 25 × |"
    )
    assert "- `sums`: a note" in table and "- CPU: a slide rule, 2 cores" in table
    facts = report.facts([found], MACHINE, rounds=3)
    assert json.loads(json.dumps(facts))["comparisons"][0]["ours"]["rates"] == found.ours.rates


def test_what_nobody_counted_is_not_shown_as_nothing():
    found = compared(spends([], "ours", 1), spends([], "theirs", 1), at_least=None)
    assert "CPU ours" not in report.text([found], {}, rounds=3)
    assert "| – | – | – | – | – |" in report.markdown([found], {}, rounds=3, on="today")


def test_writing_replaces_what_is_between_the_markers_alone(tmp_path):
    file = tmp_path / "benchmarks.md"
    file.write_text(f"# By hand\n\n{report.BEGIN}\nold\n{report.END}\n\nBy hand too.\n")
    report.write(file, "new")
    report.write(file, "newer")
    assert file.read_text() == f"# By hand\n\n{report.BEGIN}\n\nnewer\n\n{report.END}\n\nBy hand too.\n"
    file.write_text("# By hand\n")
    with pytest.raises(ValueError, match="no place"):
        report.write(file, "new")


def test_the_document_has_its_place_and_tells_of_every_comparison():
    written = (ROOT / "docs" / "benchmarks.md").read_text()
    assert written.count(report.BEGIN) == written.count(report.END) == 1
    assert [name for name in ALL if f"`{name}`" not in written] == []


def test_the_cpu_time_of_a_process_is_told():
    if not child.LINUX:
        pytest.skip("the clocks of processes are Linux's")
    before = cpu_seconds([os.getpid()])
    until = time.process_time() + 0.02
    while time.process_time() < until:
        pass
    used = cpu_seconds([os.getpid()]) - before
    assert 0.02 <= used < 0.02 + 5
    assert cpu_seconds([2**22 - 1]) == 0, "a process that is gone"


def test_it_refuses_what_it_was_not_made_for():
    with pytest.raises(CommandError, match="settings of its own"):
        call_command("bench", stdout=StringIO())
    with pytest.raises(CommandError, match="no comparison 'speed'; there are "):
        call_command("bench", "speed", stdout=StringIO())
    with pytest.raises(CommandError, match="worth keeping"):
        call_command("bench", "--write", "--rounds", "4", stdout=StringIO())
    with pytest.raises(CommandError, match="1 or more"):
        call_command("bench", "--rounds", "0", stdout=StringIO())


@pytest.mark.skipif(not os.environ.get("BENCH"), reason="takes half a minute: BENCH=1 runs it")
def test_every_comparison_runs_on_servers_of_its_own_and_leaves_none(tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DEMO", "BENCH"))}
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "--json", "--rounds", "1", "--operations", "2"],
        cwd=ROOT,
        env={**clean, "DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://nobody@/nothing?host=/nowhere"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "fsync on, synchronous_commit on" in found["machine"]["PostgreSQL"]
    by_name = {each["name"]: each for each in found["comparisons"]}
    assert set(by_name) == set(ALL)
    assert all(each["ours"]["rate"] > 0 and each["theirs"]["rate"] > 0 for each in by_name.values())
    # A warm-up of one and a round of two: dj-stripe keeps a row for each, we keep none.
    assert by_name["webhook-forged"]["notes"] == ["Rows that the forged requests left: ours 0, dj-stripe 3."]
    assert by_name["idempotency"]["notes"] == ["Answers kept by the layer: 3."]
    assert not postgres.alive(tmp_path / "bench")
    assert {path.name for path in tmp_path.iterdir()} == {"bench"}


def test_a_side_without_cpu_has_none():
    taken = Taken("ours", 5)
    taken.add(5, Spent(1.0))
    assert taken.cpu_each is None and taken.rate == 5
