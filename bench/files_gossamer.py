"""Files in three nodes of Gossamer: a large one by the command, small ones by one AsyncClient."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.files import System
from bench.network import NODES, Network, network
from bench.process import gossamer as command
from bench.small_files import IN_FLIGHT, Call, Name, SmallFiles
from gossamer import AsyncClient

PREFIX = "small-"


class GossamerFiles:
    """One client of one of the nodes, with as many calls under way as are wanted."""

    def __init__(self, address: str) -> None:
        self._client = AsyncClient(address)

    async def connect(self) -> None:
        """The client connects by itself."""

    def uploads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """From memory."""

        async def upload(name: Name) -> None:
            await self._client.upload(io.BytesIO(data(name)), name)

        return [upload] * IN_FLIGHT

    def downloads(self, data: Callable[[Name], bytes]) -> Sequence[Call]:
        """To memory."""

        async def download(name: Name) -> None:
            came = io.BytesIO()
            await self._client.download(name, came)
            assert came.getvalue() == data(name)

        return [download] * IN_FLIGHT

    async def count(self) -> int:
        """By pages."""
        return len([entry async for entry in self._client.files(PREFIX)])

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


class Gossamer:
    """The command, asked of one of the nodes."""

    name = "Gossamer"
    note = "three copies; an upload returns when two are synced"

    def __init__(self, nodes: Network) -> None:
        self._address = nodes.addresses[0]
        self.pids: Sequence[int] = [node.pid for node in nodes.nodes]
        if nodes.copies <= NODES // 2:
            self.note = f"not replicated: a key is on {nodes.copies} of {NODES} nodes"

    def upload(self, file: Path) -> float:
        """`gossamer upload`."""
        return command("upload", str(file), "--endpoint", self._address).peak_mb

    def download(self, name: str, to: Path | None) -> float:
        """`gossamer download`, to a file or to /dev/null as its stdout."""
        target = "-" if to is None else str(to)
        return command("download", name, "-o", target, "--endpoint", self._address).peak_mb

    def small_files(self) -> SmallFiles:
        """One client for all of them."""
        return GossamerFiles(self._address)


@contextlib.contextmanager
def gossamer(folder: Path) -> Iterator[System]:
    """Start three nodes."""
    with network(folder) as nodes:
        yield Gossamer(nodes)
