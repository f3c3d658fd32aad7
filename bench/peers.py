"""Gossamer beside what one would pick instead: three nodes of each, every write synced and held by
a majority before it counts, all measured in turn by one client on this machine.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Final, NamedTuple, Protocol

from bench import machine
from bench.process import NotInstalled
from bench.samples import Sample, measure

KEYS: Final = 10_000
BATCH: Final = 1_000
PATIENCE_S: Final = 60.0
"""A measurement that takes so much longer than it should is given up."""

Keys = Sequence[str]
Say = Callable[[str], None]
Call = Callable[[Keys], Awaitable[None]]


class Case(NamedTuple):
    """What is asked, and how much of it at a time: single keys in flight, or a batch of them."""

    what: str
    keys: int

    @property
    def name(self) -> str:
        """For people and programs."""
        return f"{self.what} × {self.keys:,}"


PUT_ONE: Final = Case("put", 1)
PUT_MANY: Final = Case("put", 64)
PUT_BATCH: Final = Case("put_many", BATCH)
GET_ONE: Final = Case("get", 1)
GET_MANY: Final = Case("get", 64)
CASES: Final = (PUT_ONE, PUT_MANY, PUT_BATCH, GET_ONE, GET_MANY)


class Callers(NamedTuple):
    """Who calls: each call is about `keys_each` keys."""

    calls: Sequence[Call]
    keys_each: int


class Peer(Protocol):
    """The client of one of the systems that are measured."""

    name: str

    async def connect(self) -> None:
        """Connect to the nodes, which are there."""

    def callers(self, case: Case) -> Callers:
        """Who is to call, so that as much is under way as the case says."""

    def note(self) -> str:
        """What has to be known about this one's figures; may be empty."""

    async def close(self) -> None:
        """Close the connections."""


Start = Callable[[Path, Say], AbstractContextManager[Sequence[Peer]]]
"""Start three nodes with their data in a folder; the clients that they are measured by. Raises
NotInstalled."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One sample a round, by case and peer."""

    samples: dict[tuple[Case, str], list[Sample]]
    peers: list[str]
    notes: list[str]
    sync_us: float


def run(starts: Sequence[Start], rounds: int, seconds: float, say: Say) -> Measured:
    """Measure every case of all peers that are installed; `say` is told what is being done."""
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        sync_us = machine.sync_us(folder, seconds)
        peers: list[Peer] = []
        for number, start in enumerate(starts):
            try:
                peers += stack.enter_context(start(folder / str(number), say))
            except NotInstalled as missing:
                say(f"{missing}.")
        runner = stack.enter_context(asyncio.Runner())
        samples = runner.run(_rounds(peers, rounds, seconds, say))
        notes = [f"{peer.name}: {peer.note()}" for peer in peers if peer.note()]
        return Measured(samples, [peer.name for peer in peers], notes, sync_us)


async def _rounds(
    peers: Sequence[Peer], rounds: int, seconds: float, say: Say
) -> dict[tuple[Case, str], list[Sample]]:
    samples: dict[tuple[Case, str], list[Sample]] = {
        (case, peer.name): [] for case in CASES for peer in peers
    }
    keys = [f"key-{n:05}" for n in range(KEYS)]
    Random(1).shuffle(keys)
    try:
        for peer in peers:
            await peer.connect()
            await _prepare(peer, keys)
        for number in range(rounds + 1):
            say(f"round {number} of {rounds}" if number else "warming up")
            # Nobody always comes after the same other one.
            turn = number % len(peers)
            for case in CASES:
                for peer in (*peers[turn:], *peers[:turn]):
                    sample = await _sample(peer, case, keys[number:], seconds)
                    if number:
                        samples[case, peer.name].append(sample)
    finally:
        for peer in peers:
            await peer.close()
    return samples


async def _prepare(peer: Peer, keys: Keys) -> None:
    """Store all keys that are to be read."""
    [store], each = peer.callers(PUT_BATCH)
    async with asyncio.timeout(PATIENCE_S):
        for begin in range(0, len(keys), each):
            await store(keys[begin : begin + each])


async def _sample(peer: Peer, case: Case, keys: Keys, seconds: float) -> Sample:
    calls, each = peer.callers(case)
    source = cycle(keys)

    def take() -> list[str]:
        return list(islice(source, each))

    async with asyncio.timeout(PATIENCE_S + seconds):
        return await measure(calls, take, each, seconds)


def one_each(call: Callable[[str], Awaitable[object]], in_flight: int) -> Callers:
    """Callers that call about one key at a time."""
    return Callers([partial(_first, call)] * in_flight, 1)


async def _first(call: Callable[[str], Awaitable[object]], keys: Keys) -> None:
    await call(keys[0])
