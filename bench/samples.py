"""What was timed: samples of calls, and how figures of several rounds are spread.

A caller has one call under way at a time; several callers make several calls in flight.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from statistics import median, quantiles
from typing import Final, NamedTuple, TypeVar

VALUE: Final = bytes(range(100))
"""What is stored, whatever is measured."""

T = TypeVar("T")


class Sample(NamedTuple):
    """So many keys read or written in so many seconds. `each_us` has the time of every call, and is
    empty where calls were not timed one by one."""

    calls: int
    seconds: float
    each_us: Sequence[float]

    @property
    def rate_per_s(self) -> float:
        """Keys a second."""
        return self.calls / self.seconds

    @property
    def median_us(self) -> float:
        """The median time of a call."""
        return median(self.each_us)

    @property
    def p99_us(self) -> float:
        """The time that 99 of 100 calls do not exceed."""
        if len(self.each_us) == 1:
            return self.each_us[0]
        return quantiles(self.each_us, n=100, method="inclusive")[-1]


def together(samples: Sequence[Sample]) -> Sample:
    """One sample of several."""
    return Sample(
        sum(sample.calls for sample in samples),
        sum(sample.seconds for sample in samples),
        [us for sample in samples for us in sample.each_us],
    )


async def measure(
    callers: Sequence[Callable[[T], Awaitable[object]]],
    take: Callable[[], T],
    keys_each: int,
    seconds: float,
) -> Sample:
    """Let every caller call for this long, at least once, with what `take` hands out: `keys_each`
    keys a call."""
    each_us: list[float] = []
    began = time.perf_counter()
    until = began + seconds

    async def calls(call: Callable[[T], Awaitable[object]]) -> None:
        asked = began
        while True:
            await call(take())
            answered = time.perf_counter()
            each_us.append((answered - asked) * 1e6)
            asked = answered
            if answered >= until:
                return

    await asyncio.gather(*[calls(call) for call in callers])
    return Sample(len(each_us) * keys_each, time.perf_counter() - began, each_us)


class Spread(NamedTuple):
    """Of the figures of several rounds or networks."""

    median: float
    least: float
    most: float

    def text(self, digits: int) -> str:
        """For people."""
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}–{self.most:,.{digits}f})"


def spread(figures: Iterable[float]) -> Spread:
    """Of at least one figure."""
    all_of_them = list(figures)
    return Spread(median(all_of_them), min(all_of_them), max(all_of_them))
