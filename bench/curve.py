"""What encryption costs: the same asked of nodes that have a secret and of nodes that have none, in
turn, next to what it costs a bare ZeroMQ.

For requests both networks are there all the time, and each measurement is cut into slices that take
turns. For files a network is started anew for each turn, and is alone meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from bench import machine
from bench.bench import IN_FLIGHT, SLICES, Say
from bench.calls import Caller
from bench.echo import Echo, echo
from bench.file_yardsticks import STREAM, streamed
from bench.files import DROPPED, MIB, NAME, UPLOAD, make_file
from bench.network import network
from bench.samples import Sample, together
from gossamer import AsyncClient
from nodes.secret_file import new_secret, write_secret

FILE_MIB: Final = 256
PLAIN, ENCRYPTED = "plain", "encrypted"
SIDES: Final = (PLAIN, ENCRYPTED)
ASKED: Final = ("echo", "get", "put")
CHUNKS: Final = (STREAM, UPLOAD, DROPPED)


class Nodes(NamedTuple):
    """A network: where one asks it, its processes, and on how many nodes a key is, at least."""

    address: str
    pids: Sequence[int]
    copies: int


Start = Callable[[Path, Path | None], AbstractContextManager[Nodes]]
"""Start a network with its data in a folder, and with the file of a secret, or without one."""


@contextlib.contextmanager
def three_nodes(folder: Path, secret: Path | None) -> Iterator[Nodes]:
    """What is measured; tests do with less."""
    with network(folder, secret) as nodes:
        pids = [node.pid for node in nodes.nodes]
        yield Nodes(nodes.addresses[0], pids, nodes.copies)


class What(NamedTuple):
    """A kind of request, with so many in flight; or of chunks, and then that is 0."""

    name: str
    in_flight: int


ALL: Final = (
    *[What(name, in_flight) for in_flight in IN_FLIGHT for name in ASKED],
    *[What(name, 0) for name in CHUNKS],
)


class Taken(NamedTuple):
    """How long a call or a MiB took, and the processor time of all who had a part in it."""

    time_us: float
    cpu_us: float


@dataclass(slots=True)
class Measured:
    """What was measured, in each list one of a round, by what was asked and of which side."""

    rounds: int
    seconds: float
    size_bytes: int
    copies: dict[str, int] = field(default_factory=dict)
    taken: dict[tuple[What, str], list[Taken]] = field(default_factory=dict)

    def keep(self, what: What, side: str, taken: Taken) -> None:
        """Of one more round."""
        self.taken.setdefault((what, side), []).append(taken)


class _Asked(NamedTuple):
    """Who is asked of one side, and the processes of its network."""

    caller: Caller
    yardstick: Echo
    pids: Sequence[int]


def run(start: Start, rounds: int, seconds: float, size_mib: int, say: Say) -> Measured:
    """Measure requests, then a file of so many MiB; `say` is told what is being done."""
    measured = Measured(rounds, seconds, size_mib * MIB)
    with tempfile.TemporaryDirectory(prefix="gossamer-bench-") as path:
        folder = Path(path)
        secret = folder / "secret"
        write_secret(secret, new_secret())
        secrets = {PLAIN: None, ENCRYPTED: secret}
        asyncio.run(_requests(start, folder, secrets, measured, say))
        source = folder / NAME
        make_file(source, measured.size_bytes)
        for number in range(rounds):
            say(f"files, round {number + 1} of {rounds}")
            for side in _turns(number):
                took_s, used_s = streamed(source, encrypted=side == ENCRYPTED)
                measured.keep(What(STREAM, 0), side, _each(took_s, used_s, size_mib))
            for side in _turns(number):
                with (
                    tempfile.TemporaryDirectory(dir=folder) as data,
                    start(Path(data), secrets[side]) as nodes,
                ):
                    transfers = _transfers(nodes, secrets[side], source, size_mib)
                    for name, taken in asyncio.run(transfers).items():
                        measured.keep(What(name, 0), side, taken)
    return measured


def _turns(number: int) -> Sequence[str]:
    """Nobody always comes after the other one."""
    return SIDES if number % 2 == 0 else SIDES[::-1]


def _each(took_s: float, used_s: float, count: int) -> Taken:
    return Taken(took_s * 1e6 / count, used_s * 1e6 / count)


def _cpu_s(pids: Sequence[int]) -> float:
    """Of these processes and of this one, which asks them."""
    return sum(map(machine.cpu_s, [os.getpid(), *pids]))


async def _requests(
    start: Start, folder: Path, secrets: Mapping[str, Path | None], measured: Measured, say: Say
) -> None:
    async with AsyncExitStack() as stack:
        asked: dict[str, _Asked] = {}
        for side, secret in secrets.items():
            nodes = stack.enter_context(start(folder / side, secret))
            client = AsyncClient(nodes.address, secret=secret)
            caller = Caller(await stack.enter_async_context(client))
            await caller.prepare()
            yardstick = stack.enter_context(echo(encrypted=secret is not None))
            asked[side] = _Asked(caller, yardstick, nodes.pids)
            measured.copies[side] = nodes.copies
        for number in range(measured.rounds + 1):
            say(f"requests, round {number} of {measured.rounds}" if number else "warming up")
            for in_flight in IN_FLIGHT:
                taken = await _round(asked, in_flight, measured.seconds / SLICES, number)
                for (name, side), each in taken.items() if number else ():
                    measured.keep(What(name, in_flight), side, each)


async def _round(
    asked: Mapping[str, _Asked], in_flight: int, seconds: float, number: int
) -> dict[tuple[str, str], Taken]:
    samples: dict[tuple[str, str], list[Sample]] = {}
    used_s: dict[tuple[str, str], float] = {}
    for part in range(SLICES):
        for name in ASKED:
            for side in _turns(number + part):
                sample, cpu_s = await _slice(asked[side], name, in_flight, seconds)
                samples.setdefault((name, side), []).append(sample)
                used_s[name, side] = used_s.get((name, side), 0.0) + cpu_s
    return {key: _call(together(parts), used_s[key], in_flight) for key, parts in samples.items()}


async def _slice(asked: _Asked, name: str, in_flight: int, seconds: float) -> tuple[Sample, float]:
    """A part of a measurement, and the processor time that it took."""
    pids = [asked.yardstick.pid] if name == "echo" else asked.pids
    before_s = _cpu_s(pids)
    if name == "echo":
        sample = asked.yardstick.measure(in_flight, seconds)
    elif name == "get":
        sample = await asked.caller.gets(in_flight, seconds)
    else:
        sample = await asked.caller.puts(in_flight, seconds)
    return sample, _cpu_s(pids) - before_s


def _call(sample: Sample, used_s: float, in_flight: int) -> Taken:
    """Of a lone call the median time; of many in flight the time by their number."""
    each = _each(sample.seconds, used_s, sample.calls)
    return each._replace(time_us=sample.median_us) if in_flight == 1 else each


async def _transfers(
    nodes: Nodes, secret: Path | None, source: Path, size_mib: int
) -> dict[str, Taken]:
    taken: dict[str, Taken] = {}
    async with AsyncClient(nodes.address, secret=secret) as client:
        with open(os.devnull, "wb") as nowhere:
            # The connections are not what is measured.
            await client.upload(io.BytesIO(os.urandom(4 * MIB)), "first.bin")
            await client.download("first.bin", nowhere)
            for name in (UPLOAD, DROPPED):
                began, before_s = time.perf_counter(), _cpu_s(nodes.pids)
                if name == UPLOAD:
                    await client.upload(source)
                else:
                    await client.download(source.name, nowhere)
                took_s = time.perf_counter() - began
                taken[name] = _each(took_s, _cpu_s(nodes.pids) - before_s, size_mib)
    return taken
