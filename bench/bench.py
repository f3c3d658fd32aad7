"""What is measured, and in which order: echo, gets and puts in turn, a fraction of a second each.

So gets and puts are compared with an echo of the same moments, and what else the machine does in
them weighs on all.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import commit, machine
from bench.calls import Caller
from bench.echo import Echo, echo
from bench.process import node
from bench.samples import Sample, together
from gossamer import AsyncClient

IN_FLIGHT = (1, 64)
SLICES = 5
"""A measurement is taken in so many parts, in turn with the others of its round."""

IMPORTS = 7
IDLE = 10
"""So many times as long as a single measurement, an idle node's share of a core is taken."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Round:
    """What was measured in turn, with equally many requests under way."""

    echo: Sample
    gets: Sample
    puts: Sample


@dataclass(frozen=True, slots=True)
class Results:
    """The rounds by how many requests were in flight, and the figures of the machine."""

    rounds: dict[int, list[Round]]
    sync_us: float
    commit_us: float
    import_ms: float
    idle_memory_mb: float
    idle_cpu_percent: float


def run(rounds: int, seconds: float, say: Say) -> Results:
    """Measure everything; `say` is told what is being done."""
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as name:
        folder = Path(name)
        say("the disk and the import")
        sync_us = machine.sync_us(folder, seconds)
        commit_us = commit.commit_us(folder, seconds)
        import_ms = machine.import_ms(IMPORTS)
        with node(folder / "node") as serving, echo() as yardstick:
            say("an idle node")
            idle_cpu_percent = machine.cpu_percent(serving.pid, IDLE * seconds)
            idle_memory_mb = machine.memory_mb(serving.pid)
            measured = _rounds(serving.address, yardstick, rounds, seconds, say)
    return Results(measured, sync_us, commit_us, import_ms, idle_memory_mb, idle_cpu_percent)


def _rounds(
    address: str, yardstick: Echo, rounds: int, seconds: float, say: Say
) -> dict[int, list[Round]]:
    measured: dict[int, list[Round]] = {in_flight: [] for in_flight in IN_FLIGHT}
    with asyncio.Runner() as runner:
        client = AsyncClient(address)
        try:
            caller = Caller(client)
            runner.run(caller.prepare())
            for number in range(rounds + 1):
                say(f"round {number} of {rounds}" if number else "warming up")
                for in_flight in IN_FLIGHT:
                    taken = _round(runner, caller, yardstick, in_flight, seconds / SLICES)
                    if number:
                        measured[in_flight].append(taken)
        finally:
            runner.run(client.close())
    return measured


def _round(
    runner: asyncio.Runner, caller: Caller, yardstick: Echo, in_flight: int, seconds: float
) -> Round:
    echoes, gets, puts = [], [], []
    for _ in range(SLICES):
        echoes.append(yardstick.measure(in_flight, seconds))
        gets.append(runner.run(caller.gets(in_flight, seconds)))
        puts.append(runner.run(caller.puts(in_flight, seconds)))
    return Round(together(echoes), together(gets), together(puts))
