"""The benchmark measures all that it is to measure, and leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from bench.bench import Results, Round
from bench.gossip import Measured
from bench.gossip_report import gossip_as_json, gossip_rows
from bench.report import as_json, request_rows
from bench.samples import Sample

ROOT = Path(__file__).parent.parent

REQUESTS = ["echo", "get", "durable put"]
FIGURES = [
    "appending 4 KiB and syncing it",
    "committing 64 values to LMDB",
    "import gossamer",
    "memory of an idle node",
    "an idle node's share of a core",
]

Bench = subprocess.Popen[str]
Start = Callable[..., Bench]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a benchmark with these arguments, in a process group of its own."""
    started: list[Bench] = []

    def start(*arguments: str) -> Bench:
        bench = subprocess.Popen(
            [sys.executable, "-m", "bench", *arguments],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(bench)
        return bench

    yield start
    for bench in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(bench.pid, signal.SIGKILL)
        bench.communicate()


def runs_on(bench: Bench) -> bool:
    """Is anything left of what the benchmark started?"""
    try:
        os.killpg(bench.pid, 0)
    except ProcessLookupError:
        return False
    return True


def rounds(gets_per_s: int, get_us: float) -> Results:
    """Results in which an echo takes 100 µs alone, and 64 in flight make 10,000 a second."""
    echo, lone = Sample(10_000, 1.0, ()), Sample(4, 1.0, [100.0] * 4)
    taken = {
        1: [Round(lone, Sample(4, 1.0, [get_us] * 4), lone)],
        64: [Round(echo, Sample(gets_per_s, 1.0, ()), echo)],
    }
    return Results(taken, 1.0, 1.0, 100.0, 200.0, 0.1)


def test_a_short_run_reports_every_row(start: Start, tmp_path: Path) -> None:
    """Every request with 1 and 64 in flight and every figure is there, and nothing is left."""
    bench = start("node", "--rounds", "2", "--seconds", "0.02")
    printed, errors = bench.communicate()
    assert bench.returncode == 0, errors
    rows = [tuple(cell.strip() for cell in line.split("│")[1:]) for line in printed.splitlines()]
    in_flight = [(row[0], row[1]) for row in rows if row and row[0] in REQUESTS]
    assert in_flight == [(what, n) for n in ("1", "64") for what in REQUESTS]
    assert [row[0] for row in rows if row and row[0] not in REQUESTS] == FIGURES
    assert not runs_on(bench)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.seeds
def test_a_benchmark_that_is_told_to_stop_takes_its_processes_along(start: Start) -> None:
    """SIGTERM in the middle ends the node and the echo too."""
    bench = start("node", "--rounds", "2", "--seconds", "0.5")
    assert bench.stderr is not None
    assert any("an idle node" in line for line in bench.stderr)
    bench.terminate()
    bench.communicate()
    assert bench.returncode == 128 + signal.SIGTERM
    assert not runs_on(bench)


@pytest.mark.parametrize(
    ("gets_per_s", "get_us", "reached"),
    [(5_000, 160.0, (True, True)), (4_900, 161.0, (False, False))],
)
def test_a_target_is_a_bound_for_a_ratio_to_the_echo(
    gets_per_s: int, get_us: float, reached: tuple[bool, bool]
) -> None:
    """Lone gets are compared by their time, gets in flight by their rate."""
    rows = {(row.what, row.in_flight): row for row in request_rows(rounds(gets_per_s, get_us))}
    assert (rows["get", 1].reached, rows["get", 64].reached) == reached
    assert rows["durable put", 1].reached is None


def test_the_json_has_the_rows_of_the_tables() -> None:
    """A program reads the same rows, each with its target and whether it was reached."""
    report = as_json(rounds(5_000, 160.0))
    assert [(row["what"], row["in_flight"]) for row in report["requests"]] == [
        (what, n) for n in (1, 64) for what in REQUESTS
    ]
    assert [row["what"] for row in report["figures"]] == FIGURES
    memory = report["figures"][3]
    assert (memory["value"], memory["target"], memory["reached"]) == (200.0, "≤ 60", False)


def test_a_short_run_draws_the_curves_of_gossip(start: Start, tmp_path: Path) -> None:
    """There is a row for every size of a network, and a picture where it was wanted."""
    picture = tmp_path / "gossip.png"
    sizes = ("--size", "5", "--size", "10", "--seeds", "1")
    bench = start("gossip", *sizes, "--picture", str(picture), "--json")
    printed, errors = bench.communicate()
    assert bench.returncode == 0, errors
    report = orjson.loads(printed)
    assert list(report) == ["gossip"]
    assert [row["size"] for row in report["gossip"]] == [5, 10]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_networks_of_a_size_are_one_row() -> None:
    """Each figure is the median of all networks of a size, with the least and the most."""
    networks = [
        Measured(30, 700.0, 800.0, (2.0, 9.0), (1.0, 1.5), 2.0, 9.0),
        Measured(10, 600.0, 700.0, (1.0,), (0.5,), 1.0, 5.0),
        Measured(30, 900.0, 900.0, (4.0,), (3.5,), 1.0, 8.0),
    ]
    [ten, thirty] = gossip_as_json(gossip_rows(networks))
    assert (ten["size"], thirty["size"]) == (10, 30)
    assert thirty["idle_bytes_per_s"] == {"median": 800.0, "least": 700.0, "most": 900.0}
    assert thirty["rounds"] == {"median": 1.5, "least": 1.0, "most": 3.5}
    assert thirty["lone_ms"] == {"median": 4.0, "least": 2.0, "most": 9.0}
