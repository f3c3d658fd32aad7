"""Many small files: so many under way at a time, all up, then all listed, then all down. The rate
of each tenth shows whether a file costs more the more there are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final, Protocol

from bench.samples import Sample

FILE_BYTES: Final = 4_096
IN_FLIGHT: Final = 64
TENTHS: Final = 10
PATIENCE_S: Final = 600.0
"""A measurement that takes longer is given up."""

Name = str
Call = Callable[[Name], Awaitable[None]]


class SmallFiles(Protocol):
    """The client of a system; each of its calls is made by one caller at a time."""

    async def connect(self) -> None:
        """Connect to the nodes."""

    def uploads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """IN_FLIGHT callers that upload the `data` of a name."""

    def downloads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """IN_FLIGHT callers that download a file and compare it."""

    async def count(self) -> int:
        """List all files; how many there are."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Small:
    """A sample for each tenth of the files, in their order, and how long a list of all took."""

    ups: list[Sample]
    downs: list[Sample]
    list_s: float


async def measure_small(client: SmallFiles, files: int) -> Small:
    """Measure with so many files, which must not be there yet."""
    names = [f"small-{number:06}.bin" for number in range(files)]
    common = Random(2).randbytes(FILE_BYTES)

    def data(name: Name) -> bytes:
        return name.encode() + common[len(name) :]

    await client.connect()
    try:
        async with asyncio.timeout(PATIENCE_S):
            ups = await _tenths(client.uploads(data), names)
            began = time.perf_counter()
            found = await client.count()
            list_s = time.perf_counter() - began
            assert found == files, f"{found} files are listed, of {files}"
            return Small(ups, await _tenths(client.downloads(data), names), list_s)
    finally:
        await client.close()


async def _tenths(calls: Sequence[Call], names: Sequence[Name]) -> list[Sample]:
    bounds = [len(names) * part // TENTHS for part in range(TENTHS + 1)]
    return [await _all(calls, names[first:end]) for first, end in pairwise(bounds)]


async def _all(calls: Sequence[Call], names: Sequence[Name]) -> Sample:
    """Each name once, by whichever caller has nothing to do."""
    left = iter(names)
    each_us: list[float] = []

    async def work(call: Call) -> None:
        for name in left:
            asked = time.perf_counter()
            await call(name)
            each_us.append((time.perf_counter() - asked) * 1e6)

    began = time.perf_counter()
    await asyncio.gather(*map(work, calls))
    return Sample(len(names), time.perf_counter() - began, each_us)
