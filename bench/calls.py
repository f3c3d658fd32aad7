"""A client's single gets and puts: so many callers, each with one call under way at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import cycle
from random import Random

from bench.samples import VALUE, Sample, measure
from gossamer import AsyncClient

KEYS = 10_000


class Caller:
    """Calls `client`, about keys that are all there, in an order that looks like chance."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        keys = [f"key-{n:05}" for n in range(KEYS)]
        Random(1).shuffle(keys)
        self._all = keys
        self._keys = cycle(keys)

    async def prepare(self) -> None:
        """Store all keys."""
        await self._client.put_many(dict.fromkeys(self._all, VALUE))

    async def gets(self, in_flight: int, seconds: float) -> Sample:
        """Read single values for this long."""
        return await self._measure(self._client.get, in_flight, seconds)

    async def puts(self, in_flight: int, seconds: float) -> Sample:
        """Store single values of 100 bytes for this long, each durable when its call returns."""

        async def put(key: str) -> None:
            await self._client.put(key, VALUE)

        return await self._measure(put, in_flight, seconds)

    async def _measure(
        self, call: Callable[[str], Awaitable[object]], in_flight: int, seconds: float
    ) -> Sample:
        return await measure([call] * in_flight, partial(next, self._keys), 1, seconds)
