"""`python -m bench.slow_clients HOST:PORT COUNT FILE`: clients that keep a gateway waiting, in turn
of four kinds: headers a byte a second, a body a byte a second, a download of FILE a KiB a second,
and an event stream that is held.

It says "ready" once each has begun, and goes on until it is ended. Who is hung up on comes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable
from itertools import cycle, islice
from typing import Final

from nodes.addresses import parse_address

PACE_S: Final = 1.0
READ_BYTES: Final = 1_024
RECEIVE_BYTES: Final = 4_096
"""So little is taken by the system for who reads slowly."""
AGAIN_S: Final = 0.1

READY: Final = "ready"


class Slow:
    """One client, with a connection at a time; `begun` is told when it waits, or is waited for."""

    def __init__(self, host: str, port: int, begun: Callable[[], None]) -> None:
        self._where = (host, port)
        self._begun = begun
        self._loop = asyncio.get_running_loop()

    async def headers(self, connection: socket.socket) -> None:
        """A header that never ends."""
        await self._drip(connection, b"GET /v1/kv/key-00000 HTTP/1.1\r\nHost: localhost\r\nX: ")

    async def body(self, connection: socket.socket) -> None:
        """A value of which a million bytes are promised."""
        head = b"PUT /v1/kv/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        await self._drip(connection, head)

    async def download(self, connection: socket.socket, name: str) -> None:
        """A large file."""
        await self._ask(connection, f"/v1/files/{name}")
        while await self._loop.sock_recv(connection, READ_BYTES):
            await asyncio.sleep(PACE_S)

    async def events(self, connection: socket.socket) -> None:
        """Read as they come."""
        await self._ask(connection, "/v1/events")
        while await self._loop.sock_recv(connection, 65_536):
            pass

    async def be(self, kind: Callable[[socket.socket], Awaitable[None]]) -> None:
        """Until it is cancelled."""
        while True:
            with contextlib.suppress(OSError), socket.socket() as connection:
                connection.setblocking(False)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
                await self._loop.sock_connect(connection, self._where)
                await kind(connection)
            await asyncio.sleep(AGAIN_S)

    async def _ask(self, connection: socket.socket, path: str) -> None:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        await self._loop.sock_sendall(connection, head)
        await self._loop.sock_recv(connection, READ_BYTES)
        self._begun()

    async def _drip(self, connection: socket.socket, head: bytes) -> None:
        await self._loop.sock_sendall(connection, head)
        self._begun()
        while True:
            await asyncio.sleep(PACE_S)
            await self._loop.sock_sendall(connection, b"x")


async def hold(address: str, count: int, name: str) -> None:
    """Be so many clients until this is cancelled."""
    at = parse_address(address)
    begun = 0

    def one_more() -> None:
        nonlocal begun
        begun += 1
        if begun == count:
            print(READY, flush=True)

    async with asyncio.TaskGroup() as group:
        slow = Slow(at.host, at.port, one_more)

        async def download(connection: socket.socket) -> None:
            await slow.download(connection, name)

        for kind in islice(cycle([slow.headers, slow.body, download, slow.events]), count):
            group.create_task(slow.be(kind))


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
