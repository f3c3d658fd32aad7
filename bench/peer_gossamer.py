"""Three nodes of Gossamer: a write is synced on a majority of a key's owners before it counts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.network import NODES, Network, network
from bench.peers import PUT_BATCH, Callers, Case, Keys, Peer, Say, one_each
from bench.samples import VALUE
from gossamer import AsyncClient


class Gossamer:
    """One AsyncClient of one of the nodes."""

    name = "Gossamer"

    def __init__(self, nodes: Network) -> None:
        self._nodes = nodes
        self._client = AsyncClient(nodes.addresses[0])

    async def connect(self) -> None:
        """The client connects by itself."""

    def callers(self, case: Case) -> Callers:
        """Single calls, as many as are wanted at a time; or a batch."""
        if case == PUT_BATCH:
            return Callers([self._put_many], case.keys)
        return one_each(self._put if case.what == "put" else self._get, case.keys)

    def note(self) -> str:
        """Whether keys are replicated."""
        if self._nodes.copies > NODES // 2:
            return ""
        return f"not replicated: a key is on {self._nodes.copies} of {NODES} nodes"

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def _put(self, key: str) -> None:
        await self._client.put(key, VALUE)

    async def _get(self, key: str) -> None:
        assert await self._client.get(key) == VALUE

    async def _put_many(self, keys: Keys) -> None:
        await self._client.put_many(dict.fromkeys(keys, VALUE))


@contextlib.contextmanager
def gossamer(folder: Path, _say: Say) -> Iterator[Sequence[Peer]]:
    """Start three nodes."""
    with network(folder) as nodes:
        yield [Gossamer(nodes)]
