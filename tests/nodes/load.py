"""Writers that go on while nodes die, stand still, come and go, and what they were told.

Each has keys of its own and puts ever greater numbers to them, through one node after another, and
reads each back through the next. So a key has to be the last number that was acknowledged, or one
of which nobody knows what became of it: never an older one, and never one that was refused.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from itertools import count
from typing import Any, Self

from actors.errors import GossamerError
from nodes.async_client import AsyncClient
from nodes.client import Client

WRITERS = 4
REQUEST_S = 5.0
PAUSE_S = 0.02


class Load:
    """It begins with `with` and ends with it; `away` and `back` tell it who cannot be asked.

    `acknowledged` counts writes, `asked` all requests to nodes that were there from the beginning
    of the request to its end, and `failed` says what became of those that were not answered;
    `slowest_s` is how long it took until somebody knew. `wrong` has what no read may return.
    """

    def __init__(self, endpoints: Mapping[str, str], keys: int = 1_000) -> None:
        self.acknowledged = 0
        self.asked = 0
        self.failed: list[str] = []
        self.wrong: list[str] = []
        self.slowest_s = 0.0
        self._endpoints = dict(endpoints)
        self._keys = keys // WRITERS
        self._last: dict[str, int] = {}
        self._unknown: dict[str, set[int]] = {}
        self._away: set[str] = set()
        self._lives = Counter[str]()
        self._clients: dict[tuple[str, int], AsyncClient] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def keys(self) -> list[str]:
        """What it has written."""
        return list(self._last)

    def away(self, name: str) -> None:
        """This node is about to end, or to stand still."""
        self._away.add(name)
        self._lives[name] += 1

    def back(self, name: str, endpoint: str = "") -> None:
        """This node is ready, for the first time or again."""
        self._endpoints[name] = endpoint or self._endpoints[name]
        self._lives[name] += 1
        self._away.discard(name)

    def faults(self, found: Mapping[str, Any]) -> list[str]:
        """Which of these values cannot be what a single copy would hold. Only once it has ended."""
        return [told for key in self._last if (told := self._fault(key, found.get(key)))]

    def unread(self, client: Client) -> list[str]:
        """The faults of what this client reads."""
        return self.faults(client.get_many(self.keys))

    def _fault(self, key: str, value: object) -> str:
        last, unknown = self._last.get(key), self._unknown.get(key, set())
        if value == last or value in unknown:
            return ""
        return f"{key} is {value}; {last} was acknowledged, of {sorted(unknown)} nobody knows"

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for writer in range(WRITERS):
                    group.create_task(self._write(writer))
        finally:
            for client in self._clients.values():
                await client.close()

    async def _write(self, writer: int) -> None:
        for n in count():
            if self._ending.is_set():
                return
            key = f"load:{writer}:{n % self._keys}"
            await self._request(writer + n, partial(self._put, key, n))
            await self._request(writer + n + 1, partial(self._get, key))

    async def _put(self, key: str, number: int, client: AsyncClient) -> None:
        try:
            await client.put(key, number)
        except GossamerError as error:
            if not error.definite:
                self._unknown.setdefault(key, set()).add(number)
            raise
        self._last[key] = number
        self.acknowledged += 1

    async def _get(self, key: str, client: AsyncClient) -> None:
        if fault := self._fault(key, await client.get(key, None)):
            self.wrong.append(fault)

    async def _request(self, turn: int, use: Callable[[AsyncClient], Awaitable[None]]) -> None:
        """Ask the node whose turn it is; a failure counts if it was there all the time."""
        names = [name for name in self._endpoints if name not in self._away]
        name = names[turn % len(names)]
        life = self._lives[name]
        began = time.monotonic()
        try:
            await use(self._client(name, life))
        except GossamerError as error:
            if life == self._lives[name]:
                self.failed.append(f"{name}: {error.code}: {error}")
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            pause = asyncio.get_running_loop().create_future()
            await asyncio.wait([pause], timeout=PAUSE_S)
        else:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if life == self._lives[name]:
            self.asked += 1

    def _client(self, name: str, life: int) -> AsyncClient:
        """A client of this life of a node: one of a former takes its time to connect again."""
        if (name, life) not in self._clients:
            client = AsyncClient(self._endpoints[name], timeout=REQUEST_S)
            self._clients[name, life] = client
        return self._clients[name, life]


def is_well(clients: Iterable[Client]) -> bool:
    """Does each of these nodes say that every partition has all its copies, and nothing waits?"""
    try:
        told = [client.status() for client in clients]
    except GossamerError:
        return False
    return not any(s.moving or s.under_replicated or s.silent or s.hints for s in told)


def disagreed(client: Client, keys: Iterable[str]) -> list[str]:
    """The keys of which the owners do not hold the same, looked at without being read."""

    async def explained(client: AsyncClient) -> list[str]:
        told = await asyncio.gather(*[client.explain(key) for key in keys])
        return [one.key for one in told if not one.agrees]

    return client.run(explained)


def measured(what: str, figure: object) -> None:
    """Say a figure: `pytest -rP` shows them."""
    print(f"{what}: {figure}")
