"""Three nodes with a million keys: how fast they take them in, and what they need to hold them."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from bench import machine
from bench.network import NODES, Network, network
from bench.peers import Say
from bench.samples import VALUE, Sample
from gossamer import AsyncClient, GossamerError

KEYS: Final = 1_000_000
BATCH: Final = 1_000
PARTS: Final = 10
"""The rate is taken of each tenth of the keys."""

IDLE: Final = 30
"""So many times as long as a single measurement, a node's share of a core is taken."""
SETTLE: Final = 10
"""So many times as long nothing is measured after the last key."""

REPEATS: Final = 100
"""So many batches may fail and be stored again, in all."""
PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Holding:
    """What one node needs while nothing is asked of it."""

    memory_mb: float
    anonymous_mb: float
    disk_mb: float
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sample for each tenth of the keys, in their order, with how many cores others kept busy
    meanwhile, and what is measured afterwards."""

    keys: int
    copies: int
    tenths: list[Sample]
    others_cores: list[float]
    repeated: int
    nodes: list[Holding]
    start_s: float


def run(keys: int, seconds: float, say: Say) -> Loaded:
    """Load so many keys into three nodes; `say` is told what is being done."""
    with (
        tempfile.TemporaryDirectory(prefix="gossamer-bench-") as name,
        network(Path(name)) as nodes,
    ):
        say(f"{keys:,} keys; each is on {nodes.copies} of {NODES} nodes at least")
        tenths, others_cores, repeated = asyncio.run(_load(nodes, keys, say))
        say("nodes with nothing to do")
        time.sleep(SETTLE * seconds)
        holding = _holding(nodes, IDLE * seconds)
        say("a node starts with its data")
        start_s = nodes.restart(len(nodes.nodes) - 1)
        return Loaded(keys, nodes.copies, tenths, others_cores, repeated, holding, start_s)


async def _load(nodes: Network, keys: int, say: Say) -> tuple[list[Sample], list[float], int]:
    """The samples, the cores that others kept busy meanwhile, and how many batches had to be stored
    again."""
    numbers = list(range(keys))
    Random(1).shuffle(numbers)
    tenths: list[Sample] = []
    others_cores: list[float] = []
    repeated = 0
    others = machine.Others([os.getpid(), *[node.pid for node in nodes.nodes]])
    async with AsyncClient(nodes.addresses[0]) as client:
        for part in range(PARTS):
            some = numbers[part * keys // PARTS : (part + 1) * keys // PARTS]
            each_us: list[float] = []
            began = time.perf_counter()
            for batch in batches(some, BATCH):
                asked = time.perf_counter()
                repeated += await _store(client, batch, REPEATS - repeated)
                each_us.append((time.perf_counter() - asked) * 1e6)
            tenths.append(Sample(len(some), time.perf_counter() - began, each_us))
            others_cores.append(others.cores())
            say(f"{part + 1} of {PARTS}: {tenths[-1].rate_per_s:,.0f} keys a second")
    return tenths, others_cores, repeated


def batches(numbers: Sequence[int], size: int) -> Iterator[dict[str, bytes]]:
    """The keys of these numbers with their values, so many at a time."""
    for begin in range(0, len(numbers), size):
        some = numbers[begin : begin + size]
        yield dict.fromkeys([f"key-{number:08}" for number in some], VALUE)


async def _store(client: AsyncClient, batch: dict[str, bytes], patience: int) -> int:
    """Store a batch, again where that failed, which does no harm as nobody else writes; how many
    times it failed."""
    failed = 0
    while True:
        try:
            await client.put_many(batch)
            return failed
        except GossamerError:
            failed += 1
            if failed > patience:
                raise
            await asyncio.sleep(PAUSE_S)


def _holding(nodes: Network, seconds: float) -> list[Holding]:
    shares = machine.cpu_percents([node.pid for node in nodes.nodes], seconds)
    return [
        Holding(
            machine.memory_mb(node.pid),
            machine.anonymous_mb(node.pid),
            machine.disk_mb(node.data),
            share,
        )
        for node, share in zip(nodes.nodes, shares, strict=True)
    ]
