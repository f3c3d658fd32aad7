"""What stands before some ports of nodes and passes all on; it loses all of it when told, and keeps
what was sent by each connection, if that is wanted.

A node listens at 127.0.0.1 and says that it does so at 127.0.0.2, where its relay is.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

HOST = "127.0.0.2"
_BEHIND = "127.0.0.1"
_PIECE_BYTES = 2**16

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Relays:
    """Before these ports; from `with` on, until its end. `passed` and `lost` count bytes. With
    `keeps`, `sent` has for each way of each connection the port and what was sent, to it first."""

    def __init__(self, ports: Sequence[int], *, keeps: bool = False) -> None:
        self.sent: list[tuple[int, bytearray]] = []
        self._keeps = keeps
        self.passed = 0
        self.lost = 0
        self._ports = ports
        self._loses = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *exc_info: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lose(self) -> None:
        """From now on take everything and pass nothing on, also of new connections."""
        self._loses = True

    def heal(self) -> None:
        """Pass on what comes by new connections; in the old ones a part would be missing."""
        self._loses = False
        self._loop.call_soon_threadsafe(self._hang_up)

    async def _listen(self) -> None:
        self._servers = [
            await asyncio.start_server(self._server_of(port), HOST, port) for port in self._ports
        ]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._hang_up()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    def _hang_up(self) -> None:
        for writer in self._open:
            writer.close()

    def _server_of(self, port: int) -> Serve:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                behind = await asyncio.open_connection(_BEHIND, port)
            except OSError:
                writer.close()  # nobody is there
                return
            there, back = bytearray(), bytearray()
            if self._keeps:
                self.sent += [(port, there), (port, back)]
            pumps = self._pump(reader, behind[1], there), self._pump(behind[0], writer, back)
            await asyncio.gather(*pumps, return_exceptions=True)

        return serve

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytearray
    ) -> None:
        self._open.add(writer)
        try:
            while piece := await reader.read(_PIECE_BYTES):
                if self._loses:
                    self.lost += len(piece)
                    continue
                self.passed += len(piece)
                if self._keeps:
                    sent += piece
                writer.write(piece)
                await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()
